"""Sample data: four synthetic businesses, two years of events each, the same for the same seed."""

from features.sample.load import Loaded, load_sample
from features.sample.size import FULL, SMALL, Size

__all__ = ["FULL", "SMALL", "Loaded", "Size", "load_sample"]
