"""The model card: one page about one version, for the screen and for paper."""

from registry.card.about import About
from registry.card.page import CONTENT_POLICY, page

__all__ = ["CONTENT_POLICY", "About", "page"]
