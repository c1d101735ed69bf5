"""All checks, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from cli.checks.finding import Check, Finding, failure, ok, warning
from cli.lookup import MEND
from cli.progress import counted

if TYPE_CHECKING:
    from models.definition import Definition
    from settings import Settings


def examine(port: int) -> list[Finding]:
    """What every check found. A check that fails in a way nobody foresaw is itself a finding."""
    import settings as configuration
    from cli.checks import environment, servers

    settings, finding = _settings()
    checks: list[tuple[str, Check]] = [
        ("settings", partial(_found, finding)),
        *environment.checks(configuration.ROOT, settings),
        *(servers.checks(settings.storage) if settings else []),
        ("port", partial(servers.port, port)),
        *_model_checks(settings),
    ]
    findings: list[Finding] = []
    with environment.untouched_model_store(), counted("examine", len(checks)) as advance:
        for name, check in checks:
            advance(name)
            findings += _guarded(name, check)
    return findings


def _guarded(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # an installation can be broken in ways that no check knows
        remedy = "`make setup`; if that does not help, report it"
        return [failure(name, f"the check itself failed: {type(error).__name__}: {error}", remedy)]


def _settings() -> tuple[Settings | None, Finding]:
    import settings

    try:
        return settings.load(), ok("settings", f"valid, from {settings.FILE} and the environment")
    except settings.SettingsError as error:
        return None, failure("settings", str(error), "correct the settings named; until then servers are not checked")


def _model_checks(settings: Settings | None) -> Iterator[tuple[str, Check]]:
    from cli.checks import versions
    from models import broken, catalogue

    for name, fault in broken().items():
        yield f"model {name}", partial(_found, failure(f"model {name}", f"does not load: {fault}", MEND))
    if settings is None:
        yield "models", partial(_found, warning("models", "not checked", "correct the settings first"))
        return
    released = cache(partial(versions.released, settings.storage))

    def check(definition: Definition) -> Iterator[Finding]:
        return versions.model(definition, released().get(definition.name))

    yield "last known releases", partial(versions.kept, settings.storage)
    for name, definition in catalogue().items():
        yield f"model {name}", partial(check, definition)


def _found(finding: Finding) -> Iterator[Finding]:
    yield finding
