"""The text of a model file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from models.definition import Category, Definition, Forecast
from training.infer.infer import Inferred
from training.infer.literals import WIDTH, Call, Name, as_call, source, text_literal, width
from training.infer.naming import constant_name

LONG_LEVELS = 100
"""Characters of a category's levels from which they stand above the definition, under a name of their own."""

HISTORY = "LATEST"
WINDOW = "series"
"""What a forecast's window, and the history in its example, are called in its file."""
ORDER = ("name", "title", "purpose", "kind", "schema", "target", "recipe", "gates", "policy", "limits")
"""A definition's parts in the order in which people read them."""


def model_file(inferred: Inferred) -> str:
    """The text of `models/<name>.py`: it holds a definition that is equal to the inferred one.

    Formatted as `ruff format` leaves it. Names from the file stand in it as literals only.
    """
    names = _level_names(inferred.definition)
    made = _definition_call(inferred.definition, names)
    window = _window(inferred.definition)
    parts = [
        f'"""{_docstring(f"{inferred.definition.title}: {inferred.definition.purpose}")}"""',
        _imports(made, *window.values()),
        *(_constant(name, levels) for levels, name in names.items()),
        *_history(inferred.definition),
        *(f"{name} = {source(call, len(name) + 3, 0)}" for name, call in window.items()),
    ]
    text = "\n\n".join(parts)
    comments = _comments(inferred)
    return f"{text}\n\n{comments}definition = {source(made, len('definition = '), 0)}\n"


def _window(definition: Definition) -> dict[str, Any]:
    """The window of a forecast, by the name that it stands under above the definition."""
    policy = definition.policy
    if not isinstance(policy, Forecast):
        return {}
    call = as_call(policy.window)
    example = Name(HISTORY)
    return {
        WINDOW: Call(call.name, tuple((key, example if key == "example" else part) for key, part in call.arguments))
    }


def _history(definition: Definition) -> list[str]:
    policy = definition.policy
    return (
        [_filled(HISTORY, [f"{value:g}," for value in policy.window.example])] if isinstance(policy, Forecast) else []
    )


def _level_names(definition: Definition) -> dict[tuple[str, ...], str]:
    """Names for long lists of levels; columns with the same levels share one."""
    names: dict[tuple[str, ...], str] = {}
    for feature in definition.schema.features:
        if isinstance(feature, Category) and sum(len(level) + 4 for level in feature.levels) > LONG_LEVELS:
            names.setdefault(feature.levels, _fresh(f"{constant_name(feature.name)}_LEVELS", names.values()))
    return names


def _fresh(name: str, taken: Iterable[str]) -> str:
    known, number, made = set(taken), 2, name
    while made in known:
        made, number = f"{name}_{number}", number + 1
    return made


def _definition_call(definition: Definition, names: dict[tuple[str, ...], str]) -> Call:
    """The definition as a call, with named lists of levels in their places."""
    schema = tuple(_named(feature, names) for feature in definition.schema.features)
    policy = definition.policy
    if isinstance(policy, Forecast):
        known = {"schema": Name(f"{WINDOW}.schema"), "policy": Call("forecast", (("", Name(WINDOW)),))}
        parts = ((part, getattr(definition, part)) for part in ORDER if part not in known and part != "gates")
        arguments = {**dict(parts), **known}
        return Call("Definition", tuple((key, arguments[key]) for key in ORDER if key in arguments))
    call = as_call(definition)
    arguments = dict(call.arguments) | {"schema": Call("Schema", (("", schema),))}
    return Call(call.name, tuple((key, arguments[key]) for key in ORDER if key in arguments))


def _named(feature: Any, names: dict[tuple[str, ...], str]) -> Any:
    if not isinstance(feature, Category) or feature.levels not in names:
        return feature
    call = as_call(feature)
    levels = Name(names[feature.levels])
    return Call(call.name, tuple((key, levels if key == "levels" else part) for key, part in call.arguments))


def _imports(*calls: Call) -> str:
    """The import of everything that the calls use."""
    used = sorted(set().union(*map(_used, calls)), key=lambda name: (name.lower(), name))
    flat = f"from models.definition import {', '.join(used)}"
    if len(flat) <= WIDTH:
        return flat
    return "from models.definition import (\n" + "".join(f"    {name},\n" for name in used) + ")"


def _used(value: Any) -> set[str]:
    match as_call(value):
        case Call(name, arguments):
            return {name}.union(*(_used(part) for _, part in arguments))
        case tuple() as parts:
            return set().union(*map(_used, parts))
        case Name(text) if "." in text and not text.startswith(f"{WINDOW}."):
            return {text.partition(".")[0]}
        case _:
            return set()


def _constant(name: str, levels: Sequence[str]) -> str:
    """A long list of levels."""
    return _filled(name, [f"{text_literal(level)}," for level in levels])


def _filled(name: str, literals: Sequence[str]) -> str:
    """A long tuple, filled line by line."""
    lines = [""]
    for literal in literals:
        if width(lines[-1]) + width(literal) + 5 > WIDTH:
            lines.append("")
        lines[-1] += f" {literal}" if lines[-1] else literal
    body = "".join(f"    {line}\n" for line in lines)
    return f"# fmt: off\n{name} = (\n{body})\n# fmt: on"


def _comments(inferred: Inferred) -> str:
    """What was found and left out, as comments."""
    lines: list[str] = []
    if inferred.findings:
        lines += ["Found when this file was made:", *(f"- {text}" for text in inferred.findings)]
    if inferred.left_out:
        lines += ["Columns left out:", *(f"- {left.name!r}: {left.reason}" for left in inferred.left_out)]
    return "".join(f"{line}\n" for text in lines for line in _comment(text))


def _comment(text: str) -> list[str]:
    hanging = "#   " if text.startswith("- ") else "# "
    return textwrap.wrap(
        _prose(text),
        WIDTH,
        initial_indent="# ",
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _prose(text: str) -> str:
    """The text on one line, without characters that are not seen."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _docstring(text: str) -> str:
    """Text that cannot end a docstring, cut to one line."""
    plain = _prose(text).replace("\\", "/").replace('"', "'")
    return textwrap.shorten(plain, WIDTH - 6, placeholder=" ...") or "A model."
