"""From a model's outputs to the answers of the HTTP interface. One file per kind of model."""

from serving.answers.answerer import Answer, Answerer, Made, milliseconds_since
from serving.answers.batch import REFUSED, Refused, Results, batch_answer, by_column, refusals, written_batch
from serving.answers.decision import Decision
from serving.answers.kinds import answerer, levels_of
from serving.answers.rehearsal import rehearse

__all__ = [
    "REFUSED",
    "Answer",
    "Answerer",
    "Decision",
    "Made",
    "Refused",
    "Results",
    "answerer",
    "batch_answer",
    "by_column",
    "levels_of",
    "milliseconds_since",
    "refusals",
    "rehearse",
    "written_batch",
]
