"""What a row of the gauge table is, and the few shapes that its samples come in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from report.model import Report

PREFIX = "vzcover_"
Subject = TypeVar("Subject")

LabelValue = str | int
Number = int | float
Sample = tuple[tuple[LabelValue, ...], Number]


class Kind(StrEnum):
    """How a gauge is meant: a plain figure; `info`, always 1; `state`, one series a state, 1 on the one that holds."""

    GAUGE = "gauge"
    INFO = "info"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Metric(Generic[Subject]):
    """One gauge: its name without the prefix, what it says, its labels in order, and how its samples come out of the subject.

    `values` are the closed set of values of the last label, where it has one. A sample that is not known is left out. `help`
    is one line without quotes, so that both text formats write it alike.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Subject], Iterable[Sample]]
    values: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Return the name as it stands in the exposition."""
        return PREFIX + self.name


ReportMetric = Metric[Report]


def states(labels: tuple[LabelValue, ...], all_states: Iterable[str], current: str) -> Iterator[Sample]:
    """Given a thing's labels, every state it may be in and the one it is in, yield a sample a state."""
    for state in all_states:
        yield (*labels, state), 1 if state == current else 0


def unlabelled(value: Number | None) -> Iterator[Sample]:
    """Given a figure, yield it as the only sample of its metric; nothing if it is not known."""
    if value is not None:
        yield (), value
