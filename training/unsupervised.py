"""Training without a target: what isolates a row from the others."""

from __future__ import annotations

import numpy as np

from models.definition import Definition
from training.course import Course
from training.encoded import Encoded
from training.learners import Forest
from training.partition import Partition
from training.practice import anomaly
from training.progress import Progress, stage
from training.table import Table


def unsupervised(definition: Definition, table: Table, partition: Partition, progress: Progress) -> Course:
    """An isolation forest of the training rows; validation rows set the threshold, test rows judge."""
    learner = Forest(definition.recipe.isolation, definition.recipe.seed)
    with stage(progress, "fit"):
        encoded = Encoded(definition.inputs, table, np.zeros(len(table)), partition, definition.recipe.seed)
        (train, validation), test = partition.folds[0], partition.test
        forest = learner.fit(encoded.matrix[train])
    with stage(progress, "evaluate"):
        matrix = encoded.matrix
        conclusion = anomaly.conclude(
            definition,
            forest.margins(matrix[validation])[:, 0],
            forest.margins(matrix[test])[:, 0],
            table.take(test),
            (anomaly.largest_z(matrix[train], matrix[validation]), anomaly.largest_z(matrix[train], matrix[test])),
        )
    return Course(
        encoding=encoded.encoding,
        matrix=matrix,
        partition=partition,
        estimators={"model": forest},
        conclusion=conclusion,
        must_beat={},
        must_not_lose_to=anomaly.MUST_NOT_LOSE_TO,
        chosen=(f"fitted: {learner.words}",),
    )
