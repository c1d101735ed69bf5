"""What metrics, kinds and scales are called, in plain words."""

from __future__ import annotations

from registry.card.about import About
from registry.card.figures import percent
from registry.details import Data, Metric, VersionDetails

METRICS: dict[str, tuple[str, str]] = {
    "roc_auc": ("ROC AUC", "the chance that a positive scores above a negative; 0.5 is a coin's"),
    "average_precision": ("Average precision", "precision averaged over all recalls; by chance the share of positives"),
    "log_loss": ("Log loss", "mean surprise at what came; 0 is to be certain and right"),
    "brier": ("Brier score", "mean squared error of the probabilities"),
    "expected_calibration_error": ("Calibration error", "mean distance of promised from observed rates"),
    "f1": ("F1", "harmonic mean of precision and recall at the threshold"),
    "precision": ("Precision", "share of what is flagged that is right to be"),
    "recall": ("Recall", "share of the positives that are flagged"),
    "accuracy": ("Accuracy", "how often the likeliest class is the true one"),
    "macro_roc_auc": ("ROC AUC, mean of classes", "each class against all others; 0.5 is a coin's"),
    "macro_f1": ("F1, mean of classes", "every class counts the same, however rare"),
    "rmse": ("Root mean squared error", "large errors count more"),
    "mae": ("Mean absolute error", "how far off an estimate is"),
    "r2": ("R²", "share of the variance that is explained; 0 is the mean's"),
    "mase": ("MASE", "error over that of repeating the last season; below 1 is better than that"),
    "coverage": ("Interval coverage", "how often the truth lies in the interval"),
    "interval_width": ("Interval width", "mean width of the interval"),
    "flagged": ("Flagged", "share of rows at or above the threshold"),
    "amount_mae": ("Amount, mean absolute error", "of what a positive amounts to"),
    "bias": ("Bias", "what was said less what came"),
}
IN_UNIT = ("rmse", "mae", "interval_width", "bias")
AMOUNT = "amount_mae"
NEITHER = ("coverage", "flagged")
"""Metrics that are best where they are what was meant."""
KINDS = {
    "binary": "It answers with the calibrated probability of an event.",
    "multiclass": "It answers with the likeliest of several classes and the calibrated probability of each.",
    "regression": "It answers with an expected quantity and an interval around it.",
    "forecast": "It answers with an expected quantity for each coming period, each with an interval.",
    "anomaly": "It answers how easily a record is told apart from the others; not whether anything is wrong with it.",
    "optimiser": "It answers with a recommended decision, computed from the estimates of what each choice would bring.",
}


def made_up(data: Data) -> str:
    """What of synthetic data is that."""
    if data.view is None:
        return "every row was made up by a generator"
    if data.view.sample_events == data.view.events:
        return "all events behind its rows are sample data"
    return f"{percent(data.view.sample_events / data.view.events)} of the events behind its rows are sample data"


def moved(details: VersionDetails) -> str:
    """What features add to."""
    return "estimate" if details.kind.value in ("regression", "forecast", "optimiser") else "score"


def learned_all(details: VersionDetails) -> bool:
    """Whether the stored version has learned from the test rows too, after models like it were tested on them."""
    return details.data.train_rows + details.data.test_rows > details.data.rows


def form(details: VersionDetails, estimator: str) -> str:
    """What an estimator is made of."""
    if details.estimators[estimator] == "additive":
        return "a sum of one term for each feature"
    return "an isolation forest" if details.kind.value == "anomaly" else "gradient-boosted trees"


def label(metric: str) -> str:
    """A metric's name for people; its own where it is not known."""
    return METRICS[metric][0] if metric in METRICS else metric


def meaning(metric: str) -> str:
    return METRICS[metric][1] if metric in METRICS else ""


def unit_of(metric: str, about: About) -> str:
    """The unit of a metric that has one."""
    if metric == AMOUNT:
        return about.amount_unit
    return about.unit if metric in IN_UNIT else ""


def in_unit(metric: str, about: About) -> str:
    """The label with its unit, e.g. "Bias [EUR]"."""
    unit = unit_of(metric, about)
    return f"{label(metric)} [{unit}]" if unit else label(metric)


def direction(metric: Metric) -> str:
    """Which way is better, where there is such a way."""
    if metric.name in NEITHER:
        return ""
    return "higher is better" if metric.higher_is_better else "lower is better"


def scale(details: VersionDetails, about: About) -> str:
    """What contributions are measured in."""
    match details.kind.value:
        case "binary":
            return "log-odds"
        case "multiclass":
            return "logits, all classes together"
        case "forecast":
            return "multiples of the level"
        case "anomaly":
            return "log2 of the anomaly score"
        case _:
            return about.unit or "the target's unit"


def first_output(details: VersionDetails, about: About) -> str:
    """What a dependence plot's contributions are measured in: of several classes, that of the first."""
    if details.data.classes:
        return f"logit of {next(iter(details.data.classes))}"
    return scale(details, about)


def named(baseline: str) -> str:
    """A baseline's name for people.

    >>> named("logistic_regression")
    'logistic regression'
    """
    return baseline.replace("_", " ")
