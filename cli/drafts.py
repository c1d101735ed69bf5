"""Files of new models: where they go, and what is said about them."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from models.definition import Definition, Feature
    from training.infer import Inferred

SHOWN_COLUMNS = 40
SHOWN_LEVELS = 4


def check_name(name: str) -> None:
    """Raise CommandError, with a name that would do, for one that a model cannot have."""
    from models.definition.definition import NAME_PATTERN

    if NAME_PATTERN.match(name) and not keyword.iskeyword(name):
        return
    made = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]
    better = made if NAME_PATTERN.match(made) and not keyword.iskeyword(made) else f"model_{made}".strip("_")
    raise CommandError(
        f"a model cannot be called {name!r}: use lowercase letters, digits and underscores, a letter first, and no "
        "word of Python's own",
        hint=f"{better!r} would do",
    )


def model_path(name: str, *, force: bool) -> Path:
    """Where the model's file goes. Raises CommandError when one is there already that `force` does not give up."""
    import models

    folder = Path(models.__path__[0])
    path = folder / f"{name}.py"
    if (folder / name).is_dir():
        raise CommandError(
            f"a model cannot be called {name!r}: models/{name}/ is a part of Tiffin", hint="choose another"
        )
    if path.exists() and not force:
        raise CommandError(
            f"there is a model {name!r} already", hint=f"--force overwrites models/{name}.py; or choose another name"
        )
    return path


def write(path: Path, text: str, definition: Definition) -> None:
    """Write a model's file. The text is run first: a file that does not give `definition` is never written."""
    made: dict[str, object] = {}
    exec(compile(text, str(path), "exec"), made)  # noqa: S102 - text that this program made
    if made.get("definition") != definition:
        raise AssertionError(f"the text of {path.name} does not give the definition it was made from")
    path.write_text(text, encoding="utf-8")


def summary(inferred: Inferred, path: Path) -> dict[str, object]:
    """All that is known about the new model, JSON-ready."""
    definition = inferred.definition
    target = definition.target
    return {
        "model": definition.name,
        "kind": definition.kind.value,
        "file": str(path),
        "rows": inferred.rows,
        "target": None if target is None else target.column,
        "positive": target.positive if target is not None and definition.kind == "binary" else None,
        "classes": [] if target is None else list(target.classes),
        "time_column": definition.recipe.time_column,
        "group_column": definition.recipe.group_column,
        "features": definition.schema.describe(),
        "left_out": [{"column": left.name, "reason": left.reason} for left in inferred.left_out],
        "findings": list(inferred.findings),
        "next": f"tiffin train {definition.name}",
    }


def show(inferred: Inferred, path: Path) -> None:
    """The same for people, on stdout."""
    from rich.markup import escape

    from cli.console import stdout
    from cli.tables import table

    definition, out = inferred.definition, stdout()
    features = definition.schema.features
    made = table("column", "kept as", "values", "missing", title=_headline(inferred))
    for feature in features[:SHOWN_COLUMNS]:
        made.add_row(*map(escape, (_shown(feature.name), *_cells(feature))))
    out.print(made)
    if len(features) > SHOWN_COLUMNS:
        out.print(f"... and {len(features) - SHOWN_COLUMNS} more columns", markup=False)
    if inferred.left_out:
        gone = table("left out", "why")
        for left in inferred.left_out:
            gone.add_row(escape(_shown(left.name)), escape(left.reason))
        out.print(gone)
    for finding in inferred.findings:
        out.print(f"- {_shown(finding)}", markup=False, soft_wrap=True)
    out.print(f"written: {path}", markup=False, soft_wrap=True)
    out.print(f"next:    tiffin train {definition.name}", markup=False, soft_wrap=True)


def _headline(inferred: Inferred) -> str:
    from rich.markup import escape

    definition = inferred.definition
    kept = len(definition.schema)
    target = "" if definition.target is None else f" of {definition.target.column}"
    text = f"{definition.name}: {definition.kind.value}{target}, {kept} columns kept, {len(inferred.left_out)} left out"
    return escape(_shown(text))


def _cells(feature: Feature) -> tuple[str, str, str]:
    """What a column is kept as, which values it may have, and whether some may be missing."""
    from models.definition import Category, Moment, Number, Series

    match feature:
        case Number():
            what = "whole number" if feature.whole else "number"
            values = f"{feature.minimum:,} to {feature.maximum:,} {feature.unit}"
        case Category():
            what = "category"
            shown = ", ".join(_shown(level) for level in feature.levels[:SHOWN_LEVELS])
            more = len(feature.levels) - SHOWN_LEVELS
            values = f"{shown}, and {more:,} more" if more > 0 else shown
        case Moment():
            what, values = "date", ", ".join(part.replace("_", " ") for part in feature.parts)
        case Series():
            what = "series"
            length = f"{feature.min_length:,} to {feature.max_length:,} numbers"
            values = f"{length} from {feature.minimum:,} to {feature.maximum:,} {feature.unit}"
        case _:
            what, values = "flag", "true, false"
    return what, values, "allowed" if feature.missing else ""


def _shown(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())
