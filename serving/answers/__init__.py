"""From a model's outputs to the answers of the HTTP interface. One file per kind of model."""

from serving.answers.answerer import Answer, Answerer, milliseconds_since
from serving.answers.batch import REFUSED, Refused, Results, batch_answer, refusals
from serving.answers.decision import Decision
from serving.answers.kinds import answerer, levels_of
from serving.answers.rehearsal import rehearse

__all__ = [
    "REFUSED",
    "Answer",
    "Answerer",
    "Decision",
    "Refused",
    "Results",
    "answerer",
    "batch_answer",
    "levels_of",
    "milliseconds_since",
    "refusals",
    "rehearse",
]
