"""The typed shapes of requests and answers, generated from a definition: what the OpenAPI document shows.

Values are checked by `serving.validation`, which gives all errors at once; these classes describe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import SkipJsonSchema

from features.entity import LONGEST
from features.views import View
from models.definition import Category, Definition, Feature, Flag, Moment, Number, Series
from serving.validation import DEFAULT_TOP, MAX_TOP, MOMENTS, has_probabilities

SHOWN_LEVELS = 40
"""Levels of a category that its description lists; all are in `/v1/models/{model}`."""
Include = Literal["features", "probabilities"]


class Described(BaseModel):
    """Base of all shapes: no fields besides the ones that are named."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FieldErrorShape(Described):
    field: str = Field(description="path of the field, e.g. record.Amount")
    code: str = Field(description="what kind of fault it is, for programs")
    message: str = Field(description="what the value must be")
    given: Any = Field(description="what stood there, shortened when long")


class ProblemShape(Described):
    """RFC 9457 problem details: the body of every answer other than 2xx."""

    type: str = Field(description="a URI that names the kind of problem")
    title: str
    status: int
    code: str = Field(description="the kind of problem, for programs")
    detail: str = Field(description="what went wrong this time, and the remedy")
    instance: str = Field(description="the request's path")
    request_id: str
    timestamp: str = Field(description="RFC 3339, UTC")
    errors: list[FieldErrorShape]
    retry_after: float | None = Field(description="seconds after which trying again makes sense")


class Prediction(Described):
    """One scored record."""

    prediction_id: str = Field(description="UUIDv7")
    model: str
    version: str = Field(description="tag in the BentoML model store")
    role: str = Field(description="champion or challenger")
    score: float = Field(
        description="the calibrated probability of a classifier, the estimate of a regression, forecast or optimiser, "
        "the anomaly score"
    )
    label: bool | str | None = Field(description="whether the score reaches the threshold, or the likeliest class")
    level: str | None = Field(description="the band that the score falls into; null where there are none")
    threshold: float | None = Field(
        description="the threshold used: the caller's, or the version's own; null where there is none", ge=0, le=1
    )
    confidence: Literal["low", "medium", "high"] | None = Field(
        description="distance from the threshold in log-odds, or the likeliest class's lead; null for estimates"
    )
    answer: dict[str, Any] = Field(description="what is particular to the model")
    cached: bool
    stale: bool
    warnings: list[str]
    created_at: str = Field(description="RFC 3339, UTC")
    latency_ms: float = Field(description="time inside the server; milliseconds")
    features: dict[str, Any] | None = Field(default=None, description="the record as used; when asked for")
    entity: dict[str, str] | None = Field(
        default=None, description="whom or what it is about, where an entity was sent"
    )
    as_of: str | None = Field(
        default=None, description="with an entity: the moment before which its features were known"
    )
    features_age_seconds: float | None = Field(
        default=None, description="with an entity: how long ago its features were computed; when features are asked for"
    )
    probabilities: dict[str, float] | None = Field(
        default=None, description="by class: of several always, of two when asked for"
    )


class Contribution(Described):
    feature: str
    value: Any
    contribution: float = Field(description="exact SHAP value, on the explanation's scale")
    direction: Literal["raises", "lowers", "does not change"]
    sentence: str


class Explanation(Described):
    """base_value + sum of contributions + other = margin, to 1e-5: the model adds up in single precision."""

    base_value: float = Field(description="the model's margin when nothing is known")
    margin: float = Field(description="the model's uncalibrated output for this record")
    scale: str = Field(
        description="what margin and contributions are measured in: log-odds, the logit of the "
        "likeliest class among several (before the softmax), or the estimate's unit"
    )
    contributions: list[Contribution] = Field(description="strongest first")
    other: float = Field(description="sum of the contributions that are not listed; 0 when all are")


class ExplainedPrediction(Prediction):
    explanation: Explanation


class BatchItem(Described):
    """A prediction or an error, never both."""

    index: int = Field(description="position of the record in the request, from 0")
    prediction: Prediction | None = None
    error: ProblemShape | None = None


class BatchSummary(Described):
    total: int
    succeeded: int
    failed: int
    positive: int = Field(description="predictions at or above the threshold")
    positive_rate: float | None = Field(description="positive / succeeded; null when nothing succeeded")
    levels: dict[str, int] = Field(description="predictions by level; empty where there are none")
    labels: dict[str, int] | None = Field(default=None, description="of several classes: predictions by class")


class BatchAnswer(Described):
    model: str
    version: str
    items: list[BatchItem] = Field(description="one for each record, in order")
    summary: BatchSummary
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Shapes:
    """The request classes of one model."""

    record: type[BaseModel]
    predict: type[BaseModel]
    explain: type[BaseModel]
    batch: type[BaseModel]


def shapes(definition: Definition, view: View | None = None, *, max_records: int) -> Shapes:
    """The request classes of a model, with units, ranges and an example that works when pasted.

    `view` is that of its entities.
    """
    title = "".join(part.capitalize() for part in definition.name.split("_"))
    fields: dict[str, Any] = {f"f{i}": _field(feature) for i, feature in enumerate(definition.schema.features)}
    record = create_model(
        f"{title}Record", __base__=Described, __doc__=f"The features of {definition.title}.", **fields
    )
    include = Include if has_probabilities(definition) else Literal["features"]
    options: dict[str, Any] = {
        "include": (list[include] | None, Field(default=None, description="what else the answer should hold")),  # type: ignore[valid-type]
    }
    if definition.decides:
        about = "decide at this score instead of the version's threshold"
        options["threshold"] = (float | None, Field(default=None, ge=0, le=1, description=about))
    top = Field(default=DEFAULT_TOP, ge=0, le=MAX_TOP, description="how many contributions to list; 0 for all")
    one, many = _subjects(title, record, view, max_records)
    single = Described if view is None else _one_of("record", "entity")
    several = Described if view is None else _one_of("records", "entities")
    return Shapes(
        record=record,
        predict=create_model(f"{title}PredictRequest", __base__=single, **one, **options),
        explain=create_model(f"{title}ExplainRequest", __base__=single, **one, **options, top=(int | None, top)),
        batch=create_model(f"{title}BatchRequest", __base__=several, **many, **options),
    )


def _subjects(
    title: str, record: type[BaseModel], view: View | None, max_records: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that say what is scored: of predict and explain, and of batch."""
    some = Field(min_length=1, max_length=max_records)
    records = Annotated[list[record], some]  # type: ignore[valid-type]
    if view is None:
        return {"record": (record, Field(description="one value for every feature"))}, {"records": (records, Field())}
    ids: dict[str, Any] = {
        key.name: (str, Field(min_length=1, max_length=LONGEST, description=key.what, examples=[key.example]))
        for key in view.keys
    }
    entity = create_model(f"{title}Entity", __base__=Described, __doc__="Whom or what it is about.", **ids)
    as_of = Field(
        default=None,
        description="with an entity: score as of this past moment, with what was known before it; now when left out",
        json_schema_extra={"format": "date-time"},
    )
    about = "with an entity: values of features that replace those of the view"
    beside: dict[str, Any] = {
        "as_of": (str | None, as_of),
        "given": (dict[str, Any] | None, Field(default=None, description=about)),
    }
    nothing = SkipJsonSchema[None]
    entities = Annotated[list[entity], some]  # type: ignore[valid-type]
    sent = "one value for every feature; or send an entity"
    several = "one query computes the features of all; or send records"
    absent: dict[str, Any] = {"default": None, "json_schema_extra": lambda schema: schema.pop("default", None)}
    return (
        {
            "record": (record | nothing, Field(**absent, description=sent)),
            "entity": (entity | nothing, Field(**absent, description="computed from its events; or send a record")),
            **beside,
        },
        {
            "records": (records | nothing, Field(**absent)),
            "entities": (entities | nothing, Field(**absent, description=several)),
            **beside,
        },
    )


def _one_of(*names: str) -> type[BaseModel]:
    """A base for requests that must hold exactly one of these fields."""

    class Either(Described):
        model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in names]})

    return Either


def _field(feature: Feature) -> tuple[Any, Any]:
    """Type and description of one feature. Names need not be Python identifiers, so they are aliases."""
    kind: Any
    extra: dict[str, Any] = {}
    about = feature.description
    match feature:
        case Number():
            kind = int if feature.whole else float
            extra = {"ge": feature.minimum, "le": feature.maximum}
            about = f"{about} [{feature.unit}]" if feature.unit else about
        case Flag():
            kind = bool | Literal[0, 1]
        case Category(unseen="refuse"):
            kind = Literal[feature.levels]
        case Category():
            kind = str
            known = ", ".join(feature.levels[:SHOWN_LEVELS])
            more = len(feature.levels) - SHOWN_LEVELS
            about = f"{about}. Known levels: {known}{f' and {more} more' if more > 0 else ''}"
        case Moment():
            kind = str
            extra["json_schema_extra"] = {"format": "date-time" if "T" in feature.example else "date"}
            about = f"{about}. ISO 8601, {MOMENTS}"
        case Series():
            kind = list[Annotated[float, Field(ge=feature.minimum, le=feature.maximum)]]
            extra = {"min_length": feature.min_length, "max_length": feature.max_length}
            about = f"{about}, the latest last [{feature.unit}]"
    if feature.missing:
        kind = kind | None
        extra["default"] = None
    example = list(feature.example) if isinstance(feature, Series) else feature.example
    extra.setdefault("json_schema_extra", _unit(feature))
    return kind, Field(alias=feature.name, description=about, examples=[example], **extra)


def _unit(feature: Feature) -> dict[str, Any]:
    return {"x-unit": feature.unit} if isinstance(feature, Number | Series) else {}
