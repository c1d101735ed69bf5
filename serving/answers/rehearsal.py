"""A whole answer for the example before anyone asks: a policy's functions are only met by records."""

from __future__ import annotations

from time import perf_counter

import msgspec
import numpy as np

from inference.errors import LoadFailedError
from inference.loaded import LoadedModel
from models.definition import Expansion, Value
from serving.answers.kinds import answerer
from serving.validation import Options


def rehearse(loaded: LoadedModel) -> None:
    """Predict and explain the definition's example as a caller would have it.

    Raises LoadFailedError, with what the policy's functions raised, when they fail or give what is not plain JSON.
    """
    definition = loaded.definition
    values: list[Value] = list(definition.schema.example.values())
    try:
        if isinstance(definition.policy, Expansion):
            rows = list(definition.policy.rows(definition.schema.example))
            outputs = loaded.explain(loaded.encoding.encode(rows))
        else:
            outputs = loaded.explain(np.array([loaded.encoding.row(values)], np.float32))[0]
        answering = answerer(loaded, "champion")
        answer = answering.prediction(outputs, values, Options(include=("features",)), perf_counter())
        answer["explanation"] = answering.explanation(outputs, values, 0)
        msgspec.json.encode(answer)
    except Exception as error:  # the functions of a model file may raise anything
        raise LoadFailedError(
            loaded.tag, f"its policy fails on the example: {type(error).__name__}: {error}"
        ) from error
