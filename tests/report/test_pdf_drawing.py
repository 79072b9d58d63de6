"""The arithmetic of widths and hatching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.pdf.charts import hatching
from report.pdf.columns import even_out, share

lengths = st.floats(1, 1000)
PAIRS = st.lists(st.tuples(st.floats(0.01, 10), st.floats(0, 60)), min_size=1, max_size=12)


@given(lengths, PAIRS)
def test_parts_add_up_and_none_is_less_than_its_least(total: float, pairs: list[tuple[float, float]]) -> None:
    weights, least = [weight for weight, _ in pairs], [low for _, low in pairs]
    parts = share(total, weights, least)
    assert sum(parts) == pytest.approx(total)
    if sum(least) <= total:
        assert all(part >= low - 1e-6 for part, low in zip(parts, least, strict=True))


def test_parts_are_in_proportion_where_there_is_room() -> None:
    assert share(100, [1, 3], [5, 5]) == [25, 75]
    assert share(100, [1, 99], [20, 5]) == [20, 80]
    assert share(10, [1, 3], [20, 20]) == [5, 5]


@given(st.lists(st.tuples(st.floats(1, 200), st.floats(1, 400)), min_size=1, max_size=12))
def test_evening_out_keeps_the_sum_and_takes_nothing_that_is_needed(pairs: list[tuple[float, float]]) -> None:
    parts, needed = [part for part, _ in pairs], [need for _, need in pairs]
    result = even_out(parts, needed)
    assert sum(result) == pytest.approx(sum(parts))
    for part, need, after in zip(parts, needed, result, strict=True):
        assert after >= min(part, need) - 1e-6
        assert after <= max(part, need) + 1e-6


def test_small_lacks_are_filled_before_large_ones() -> None:
    assert even_out([100, 10, 10], [60, 15, 900]) == [60, 15, 45]


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 500), st.floats(1, 50), st.floats(1, 10))
def test_hatching_stays_inside_its_rectangle(left: float, top: float, width: float, height: float, step: float) -> None:
    for x1, y1, x2, y2 in hatching(left, top, width, height, step):
        assert left - 1e-6 <= x1 <= x2 + 1e-6 <= left + width + 2e-6
        assert top - 1e-6 <= y2 <= y1 + 1e-6 <= top + height + 2e-6
