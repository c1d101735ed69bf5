"""A model's definition, inferred from its rows: `infer` decides, `model_file` writes it down."""

from training.infer.infer import Inferred, LeftOut, infer
from training.infer.model_file import model_file
from training.infer.wishes import Wishes

__all__ = ["Inferred", "LeftOut", "Wishes", "infer", "model_file"]
