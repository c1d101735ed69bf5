"""What a command can fail with, and how foreseeable errors of any room read on a terminal.

CommandError   a command cannot do what it was asked; the message says what the user can do
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass


class CommandError(Exception):
    """Base of all errors of this room. `hint` is the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Explained:
    """An error for people: what happened, each single problem, and the way out."""

    text: str
    problems: Sequence[str] = ()
    hint: str = ""


def explain(error: Exception) -> Explained | None:
    """The explanation of an error that can be foreseen; None for any other."""
    from features.errors import FeatureError
    from inference.errors import InferenceError
    from registry.errors import RegistryError
    from storage.errors import MigrationError, StorageError, StorageUnavailableError
    from training.errors import DataError, GatesMissedError, NoDatabaseError, NoEventsError, TrainingError

    match error:
        case CommandError():
            return Explained(str(error), hint=error.hint)
        case GatesMissedError():
            hint = (
                f"train on more or better rows, lower the gates in models/{error.model}.py if you can live with less, "
                f"or store it all the same, with the misses written down in it: `tiffin train {error.model} --force`; "
                f"delete models/{error.model}.py if you do not want the model"
            )
            return Explained(
                f"the new version of {error.model!r} is not good enough and was not stored:", error.misses, hint
            )
        case DataError():
            return Explained(f"{error.origin} cannot be trained on:", error.problems)
        case NoEventsError():
            return Explained(str(error), hint=remedy(error.model, error.sources))
        case NoDatabaseError():
            rows = f"`tiffin train {error.model} --data FILE` trains it from a file"
            return Explained(str(error), hint=f"`tiffin doctor` says what is wrong with an installation; {rows}")
        case StorageUnavailableError() | MigrationError():
            return Explained(str(error), hint="`tiffin doctor` says what is wrong with an installation")
        case TrainingError() | RegistryError() | StorageError() | InferenceError() | FeatureError() | OSError():
            return Explained(str(error))
        case _:
            return Explained(str(error)) if _is_foreseeable(error) else None


def remedy(model: str, sources: Sequence[str]) -> str:
    """What to do for a model whose view's sources are empty."""
    return (
        f"load your own events, for each of {', '.join(sources)}: `tiffin load SOURCE FILE`; or fill the database with "
        f"synthetic sample data: `tiffin sample`; or train from a file: `tiffin train {model} --data FILE`"
    )


def unexpected(error: Exception) -> Explained:
    """One line about an error that nobody foresaw; its traceback goes to a file in the temporary folder."""
    import tempfile
    import traceback

    text = f"unexpected {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    whole = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="tiffin-", suffix=".log", delete=False) as log:
            log.write(whole)
    except OSError:
        return Explained(text, whole.splitlines())
    return Explained(text, hint=f"the traceback is in {log.name}; please report it")


def _is_foreseeable(error: Exception) -> bool:
    """Errors of modules that are costly to import: whoever raised them has imported them."""
    for module, name in (("settings", "SettingsError"), ("bentoml.exceptions", "BentoMLException")):
        base = getattr(sys.modules.get(module), name, None)
        if base is not None and isinstance(error, base):
            return True
    return False
