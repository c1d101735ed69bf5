"""Tests of inferring a definition."""
