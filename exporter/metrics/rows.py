"""What a row of the gauge table is: the things it is about, and the four shapes in which it tells a figure of each."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from report.model.report import Report

PREFIX = "vzcover_"
Source = TypeVar("Source")
Thing = TypeVar("Thing")

LabelValue = str | int
Labels = tuple[LabelValue, ...]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
Number = int | float


class Escapes(dict[LabelValue, str]):
    """Label values as they are written; each distinct one is escaped once. Half characters become `?`, and so does what would steer a
    terminal on which somebody reads the metrics.
    """

    def __missing__(self, value: LabelValue) -> str:
        text = CONTROL.sub("?", str(value).encode("utf-8", "replace").decode())
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        self[value] = escaped
        return escaped


class Kind(StrEnum):
    """How a gauge is meant: a plain figure; `info`, always 1; `state`, one series a state, 1 on the one that holds."""

    GAUGE = "gauge"
    INFO = "info"
    STATE = "state"


@dataclass(frozen=True, slots=True, eq=False)
class Subjects(Generic[Source, Thing]):
    """What several metrics are about: the labels that tell one thing from another, and how the things come out of the source.

    `each` yields the values of these labels with the thing. Metrics that share a `Subjects` share the text of its labels too.
    """

    labels: tuple[str, ...]
    each: Callable[[Source], Iterable[tuple[Labels, Thing]]]


Written = Sequence[tuple[str, Thing]]


@dataclass(frozen=True, slots=True)
class Metric(ABC, Generic[Source, Thing]):
    """One gauge: its name without the prefix, what it says, and what it is about. What is not known is left out.

    `help` is one line without quotes, so that both text formats write it alike.
    """

    name: str
    help: str
    subjects: Subjects[Source, Thing]
    kind: ClassVar[Kind] = Kind.GAUGE

    @property
    def full_name(self) -> str:
        """Return the name as it stands in the exposition."""
        return PREFIX + self.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Return all labels in the order in which they are written."""
        return (*self.subjects.labels, *self.own_labels)

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Return the labels that come after those of the subjects."""
        return ()

    @property
    def values(self) -> tuple[str, ...]:
        """Return the closed set of values of the last label, where it has one."""
        return ()

    @property
    def joint(self) -> str:
        """Return what stands between the labels of the subject, which are written without the closing brace, and the metric's own."""
        return "," if self.subjects.labels else "{"

    @abstractmethod
    def lines(self, written: Written[Thing], escapes: Escapes) -> list[str]:
        """Given each thing with its labels as text (without the closing brace), return the samples' lines."""


@dataclass(frozen=True, slots=True)
class Gauge(Metric[Source, Thing]):
    """A figure of each thing; None is an absent series."""

    figure: Callable[[Thing], Number | None]

    def lines(self, written: Written[Thing], escapes: Escapes) -> list[str]:
        """As `Metric.lines`."""
        name, figure, end = self.full_name, self.figure, "}" if self.subjects.labels else ""
        return [f"{name}{text}{end} {value}\n" for text, thing in written if (value := figure(thing)) is not None]


@dataclass(frozen=True, slots=True)
class Info(Metric[Source, Thing]):
    """What is told of each thing in further labels, which never tell two things apart; the value is 1, None an absent series."""

    further: tuple[str, ...]
    told: Callable[[Thing], Labels | None]
    kind: ClassVar[Kind] = Kind.INFO

    @property
    def own_labels(self) -> tuple[str, ...]:
        """As `Metric.own_labels`."""
        return self.further

    def lines(self, written: Written[Thing], escapes: Escapes) -> list[str]:
        """As `Metric.lines`."""
        name, told = self.full_name, self.told
        if not self.further:
            return [f"{name}{text}}} 1\n" for text, thing in written if told(thing) is not None]
        ending = self.joint + ",".join(f'{label}="%s"' for label in self.further) + "} 1\n"
        return [
            name + text + ending % (*[escapes[value] for value in values],)
            for text, thing in written
            if (values := told(thing)) is not None
        ]


@dataclass(frozen=True, slots=True)
class State(Metric[Source, Thing]):
    """Which of several states each thing is in: a sample a state. A state that is none of them is not known: no sample at all."""

    label: str
    states: tuple[str, ...]
    current: Callable[[Thing], str | None]
    kind: ClassVar[Kind] = Kind.STATE

    @property
    def own_labels(self) -> tuple[str, ...]:
        """As `Metric.own_labels`."""
        return (self.label,)

    @property
    def values(self) -> tuple[str, ...]:
        """As `Metric.values`."""
        return self.states

    def lines(self, written: Written[Thing], escapes: Escapes) -> list[str]:
        """As `Metric.lines`."""
        name, current = self.full_name, self.current
        endings: dict[str | None, list[str]] = {
            held: [f'{self.joint}{self.label}="{state}"}} {int(state == held)}\n' for state in self.states]
            for held in self.states
        }
        return [f"{name}{text}{ending}" for text, thing in written for ending in endings.get(current(thing), ())]


@dataclass(frozen=True, slots=True)
class Split(Metric[Source, Thing]):
    """A count of each thing, split by a closed set of values: a figure for each of them in order, None an absent series."""

    label: str
    parts: tuple[str, ...]
    figures: Callable[[Thing], Sequence[Number | None]]

    @property
    def own_labels(self) -> tuple[str, ...]:
        """As `Metric.own_labels`."""
        return (self.label,)

    @property
    def values(self) -> tuple[str, ...]:
        """As `Metric.values`."""
        return self.parts

    def lines(self, written: Written[Thing], escapes: Escapes) -> list[str]:
        """As `Metric.lines`."""
        name, figures = self.full_name, self.figures
        endings = [f'{self.joint}{self.label}="{part}"}}' for part in self.parts]
        return [
            f"{name}{text}{ending} {value}\n"
            for text, thing in written
            for ending, value in zip(endings, figures(thing), strict=False)
            if value is not None
        ]


ReportMetric = Metric[Report, Any]
