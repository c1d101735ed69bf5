"""What can be fitted: boosted trees, penalised linear models, isolation forests."""

from training.learners.isolation import Forest
from training.learners.learned import Fold, Learned, Learner
from training.learners.linear import Additive, Linear
from training.learners.trees import Boosted, Trees

__all__ = ["Additive", "Boosted", "Fold", "Forest", "Learned", "Learner", "Linear", "Trees"]
