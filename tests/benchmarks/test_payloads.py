from __future__ import annotations

import json

import numpy as np

from benchmarks.payloads import body, draw
from benchmarks.servers.record import NAMES, Record, row_of
from models import catalogue


def test_drawn_records_are_valid_distinct_and_the_same_every_time() -> None:
    records, matrix = draw(200)
    rows = [row_of(Record.model_validate(record)) for record in records]
    assert np.array_equal(np.array(rows, np.float32), matrix)
    assert len({json.dumps(record) for record in records}) == 200
    assert draw(200)[0] == records


def test_the_baselines_record_has_the_models_features_and_ranges() -> None:
    schema = catalogue()["fraud"].schema
    assert schema.names == NAMES
    ranges = {
        name: (rules["minimum"], rules["maximum"]) for name, rules in Record.model_json_schema()["properties"].items()
    }
    assert ranges == {row["name"]: (row["minimum"], row["maximum"]) for row in schema.describe()}


def test_bodies_have_the_shape_that_a_server_wants() -> None:
    records = [{"a": 1.0}, {"a": 2.0}]
    assert json.loads(body(records, "record")) == {"a": 1.0}
    assert json.loads(body(records, "wrapped", top=5)) == {"record": {"a": 1.0}, "top": 5}
    assert json.loads(body(records, "records")) == {"records": records}
    assert json.loads(body(records, "list")) == records
