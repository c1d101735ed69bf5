"""The head of a card: what it is about, and what nobody may overlook."""

from __future__ import annotations

from registry.card import words
from registry.card.about import About
from registry.card.figures import count, figure, interval
from registry.card.markup import Html, element, joined
from registry.card.tables import listed
from registry.details import Metric, VersionDetails

BIAS = "bias"


def summary(details: VersionDetails, about: About) -> Html:
    """Title, warnings and the main facts."""
    return element(
        "header",
        element("p", "Model card", class_="kicker"),
        element("h1", details.title),
        element("p", about.purpose, class_="purpose"),
        *_warnings(details),
        _at_a_glance(details, about),
    )


def _warnings(details: VersionDetails) -> list[Html]:
    found = []
    if details.forced:
        title = f"Stored by force: it misses {_number(len(details.forced), 'of its demands', 'of its demands')}"
        found.append(_warning("alarm", title, listed(details.forced)))
    if details.data.synthetic:
        about = "Nothing on this card says how the model does on real cases. Train it on data of your own before use."
        found.append(_warning("caution", f"Synthetic data: {words.made_up(details.data)}", element("p", about)))
    biased = [row for row in details.subgroups if row.worse and row.metric == BIAS]
    if biased:
        content = element(
            "p",
            "What it says of them is too high or too low: ",
            element("a", "see the subgroups", href="#subgroups"),
            ".",
        )
        found.append(
            _warning("caution", f"Biased in {_number(len(biased), 'group', 'groups')} of the test rows", content)
        )
    return found


def _warning(name: str, title: str, content: Html) -> Html:
    return element("div", element("p", element("strong", title)), content, class_=f"warning {name}", role="note")


def _at_a_glance(details: VersionDetails, about: About) -> Html:
    facts: list[tuple[str, Html | str]] = [
        ("Version", element("code", about.tag)),
        ("Kind", details.kind.value),
        (
            "Trained",
            element("time", f"{details.created_at:%d %B %Y, %H:%M} UTC", datetime=details.created_at.isoformat()),
        ),
    ]
    if details.metrics:
        facts += _main(details.metrics[0], about)
    facts.append(("Gates", _gates(details)))
    if details.threshold is not None:
        facts.append(("Threshold", figure(details.threshold)))
    facts.append(("Test rows", count(details.data.test_rows)))
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *pairs, class_="glance")


def _main(metric: Metric, about: About) -> list[tuple[str, Html | str]]:
    """The first metric, and the best that a baseline reaches."""
    unit = words.unit_of(metric.name, about)
    range_ = element("small", "95 % interval ", interval(metric.low, metric.high))
    value = joined(figure(metric.value), f" {unit}" if unit else None, range_)
    found: list[tuple[str, Html | str]] = [(words.label(metric.name), value)]
    if metric.baselines:
        choose = max if metric.higher_is_better else min
        best = choose(metric.baselines, key=lambda name: metric.baselines[name])
        beside = joined(figure(metric.baselines[best]), f" {unit}" if unit else None)
        found.append(("Best baseline", joined(beside, element("small", words.named(best)))))
    return found


def _gates(details: VersionDetails) -> Html | str:
    if not details.gates:
        return "none set"
    missed = sum(not gate.passed for gate in details.gates)
    if missed:
        return element("span", f"✗ {missed} of {len(details.gates)} missed", class_="bad")
    return element("span", f"✓ all {len(details.gates)} passed", class_="good")


def _number(many: int, one: str, several: str) -> str:
    return f"{many} {one if many == 1 else several}"
