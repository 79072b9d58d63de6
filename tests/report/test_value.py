"""Values made by the ten thousand behave as frozen dataclasses do."""

from __future__ import annotations

import gc

import pytest

from report.model.reasons import Reason, ReasonCode
from report.targets import Target
from report.value import changed

MAIN = Target("pbs1", "main", "")


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        MAIN.datastore = "other"  # type: ignore[misc]
    assert MAIN.datastore == "main"


def test_a_changed_value_is_another_one() -> None:
    other = changed(MAIN, datastore="copy")
    assert (MAIN, other) == (Target("pbs1", "main", ""), Target("pbs1", "copy", ""))


def test_a_field_that_a_value_lacks_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="store"):
        changed(MAIN, store="copy")


def test_values_are_equal_by_class_and_contents_and_hash_alike() -> None:
    assert {MAIN: 1}[Target("pbs1", "main", "")] == 1
    alike: object = ("pbs1", "main", "")
    assert alike != MAIN


def test_the_garbage_collector_does_not_walk_values() -> None:
    assert not gc.is_tracked(Reason.of(ReasonCode.IN_NO_JOB, job="nightly"))
