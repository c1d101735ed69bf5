"""A version's whole answer is tried before it serves: what its policy's functions do wrong is found then."""

from __future__ import annotations

import re
from typing import Any

import pytest

from inference.errors import LoadFailedError
from inference.loaded import load
from models.definition import Definition
from serving.answers import rehearse
from tests.training import kinds


@pytest.mark.parametrize("name", kinds.ROWS)
def test_versions_of_every_kind_pass(name: str) -> None:
    rehearse(load(kinds.ROWS[name][0], kinds.version(name)))


def raising(*_: Any) -> Any:
    raise KeyError("weight")


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("small_quantity", {"answer": raising}, "its policy fails on the example: KeyError: 'weight'"),
        ("small_classes", {"answer": lambda *_: {"of": object()}}, "its policy fails on the example: TypeError"),
        ("small_optimiser", {"rows": raising}, "its policy fails on the example: KeyError: 'weight'"),
        ("small_optimiser", {"combine": raising}, "its policy fails on the example: KeyError: 'weight'"),
    ],
)
def test_a_function_that_fails_or_gives_what_no_answer_can_hold_is_found(
    name: str, changed: dict[str, Any], said: str
) -> None:
    definition: Definition = kinds.with_policy(kinds.ROWS[name][0], **changed)
    with pytest.raises(LoadFailedError, match=re.escape(said)):
        rehearse(load(definition, kinds.version(name)))
