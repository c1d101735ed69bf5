"""What programs of vector code compute, against numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernel import Kernel
from inference.vector_code import LANES, Code

PART = np.dtype([("place", "i4"), ("factor", "f8"), ("limit", "f4"), ("open", "b1")])


def vectors(*numbers: float, kind: type[np.floating] = np.float64) -> NDArray[np.floating]:
    return np.array(numbers, kind).reshape(-1, LANES)


def test_numbers_are_computed_lane_by_lane() -> None:
    def program(code: Code) -> None:
        source, target, count = code.vectors("f8"), code.vectors("f8"), code.position()
        with code.each(count) as i:
            target[i] = (source[i] * 2.0 - source[i] * source[i] + 0.5) * code.same(3.0)

    source = vectors(*range(12))
    target = np.zeros_like(source)
    Kernel(program)(source, target, 2)
    assert np.array_equal(target[:2], (source * 2 - source * source + 0.5)[:2] * 3)
    assert not target[2:].any()


def test_truths_treat_nan_as_missing() -> None:
    def program(code: Code) -> None:
        source, target, parts = code.vectors("f4"), code.vectors("f8"), code.records(PART)
        one, nought = code.same(1.0), code.same(0.0)
        with code.each(code.position()) as i:
            part, x = parts[i], source[i]
            target[i] = ((x < part.limit) | (x.is_nan() & part.open)).choose(one, nought)
            target[i + 2] = (x >= part.limit).choose(one, nought)

    source = vectors(*[-1, 1, 2, np.nan] * 2, kind=np.float32)
    target = np.zeros((4, LANES))
    parts = np.array([(0, 0, 1, True), (0, 0, 1, False)], PART)
    Kernel(program)(source, target, parts, 2)
    assert target.tolist() == [[1, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]


def test_integers_are_positions_of_their_own_width_and_sign() -> None:
    def program(code: Code) -> None:
        wide, signed, narrow = code.integers("u4"), code.integers("i4"), code.integers("u2")
        count = code.position()
        with code.each(count) as i:
            wide.since(count)[i] = (wide[i] > signed[i]).choose(wide[i] & 0xFF, code.fixed(7)) + narrow[i]
            signed.since(count)[i] = signed[i] + (wide[i] < narrow[i]).as_number()

    wide, signed = np.array([0xFFFFFFFF, 3, 0, 0], np.uint32), np.array([-2, 5, 0, 0], np.int32)
    narrow = np.array([0xFFFF, 4], np.uint16)
    Kernel(program)(wide, signed, narrow, 2)
    assert wide[2:].tolist() == [0xFF + 0xFFFF, 7 + 4]
    assert signed[2:].tolist() == [-2, 6]


def test_a_program_of_one_lane_takes_rows_one_by_one() -> None:
    def program(code: Code) -> None:
        source, parts, count = code.vectors("f4"), code.records(PART), code.position()
        largest, at = code.variable(code.same(-1.0, "f4")), code.variable(code.fixed(0))
        with code.each(count):
            x = source[at.value]
            largest.become((x < largest.value).choose(largest.value, x))
            at.become(parts[at.value].place)
        source[count] = largest.value

    source = np.array([2, 9, 5, 0], np.float32)
    parts = np.array([(2, 0, 0, False), (0, 0, 0, False), (0, 0, 0, False)], PART)
    Kernel(program, lanes=1)(source, parts, 3)
    assert source[3] == 5.0, "place 1 is never visited"


def test_records_lead_to_places_and_loops_nest() -> None:
    def program(code: Code) -> None:
        parts, target, end, width = code.records(PART), code.vectors("f8"), code.position(), code.position()
        with code.each(end, width - 1) as i:
            part, total = parts[i], code.total()
            with code.each(width) as j:
                total.add(parts.since(i)[j].factor)
            place = target.since(part.place)
            place[width - 2] = total.value

    parts = np.array([(0, 1.0, 0, False), (3, 2.0, 0, False), (1, 4.0, 0, False), (0, 8.0, 0, False)], PART)
    target = np.zeros((4, LANES))
    Kernel(program)(parts, target, 3, 2)
    assert target.tolist() == [[0] * 4, [12] * 4, [0] * 4, [6] * 4]
