"""All checks, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from cli.checks.finding import Check, Finding, failure, ok, warning
from cli.errors import CommandError
from cli.progress import counted

if TYPE_CHECKING:
    from models.definition import Definition
    from settings import Settings


def examine(port: int) -> list[Finding]:
    """What every check found. A check that fails in a way nobody foresaw is itself a finding."""
    import settings as configuration
    from cli.checks import environment, servers

    settings, finding = _settings()
    definitions, fault = _definitions()
    checks: list[tuple[str, Check]] = [
        ("settings", lambda: iter([finding])),
        *environment.checks(configuration.ROOT, settings),
        *(servers.checks(settings.storage) if settings else []),
        ("port", partial(servers.port, port)),
        *([("models", lambda: iter([fault]))] if fault else []),
        *_model_checks(definitions, settings),
    ]
    findings: list[Finding] = []
    with counted("examine", len(checks)) as advance:
        for name, check in checks:
            advance(name)
            findings += _guarded(name, check)
    return findings


def _guarded(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # an installation can be broken in ways that no check knows
        return [failure(name, f"the check itself failed: {type(error).__name__}: {error}", "make setup")]


def _settings() -> tuple[Settings | None, Finding]:
    import settings

    try:
        return settings.load(), ok("settings", f"valid, from {settings.FILE} and the environment")
    except settings.SettingsError as error:
        return None, failure("settings", str(error), "correct the settings named; until then servers are not checked")


def _definitions() -> tuple[Mapping[str, Definition], Finding | None]:
    from cli.lookup import definitions

    try:
        return definitions(), None
    except CommandError as error:
        return {}, failure("models", str(error), error.hint)


def _model_checks(definitions: Mapping[str, Definition], settings: Settings | None) -> Iterator[tuple[str, Check]]:
    from cli.checks import versions

    if settings is None:
        yield "models", lambda: iter([warning("models", "not checked", "correct the settings first")])
        return
    released = cache(partial(versions.released, settings.storage))

    def check(definition: Definition) -> Iterator[Finding]:
        return versions.model(definition, released().get(definition.name))

    for name, definition in definitions.items():
        yield f"model {name}", partial(check, definition)
