"""The model card: one page about one version, for the screen and for paper."""

from registry.card.about import About
from registry.card.page import page

__all__ = ["About", "page"]
