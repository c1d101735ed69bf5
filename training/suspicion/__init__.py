"""Data that flatter a model, found by statistics before anything is learned from them."""

from training.suspicion.find import find
from training.suspicion.trap import Action, Sort, Trap

__all__ = ["Action", "Sort", "Trap", "find"]
