"""Versions in the BentoML model store, the format of their artifacts, and which version is released."""
