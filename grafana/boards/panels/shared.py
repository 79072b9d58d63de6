"""What all panels are made with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Protocol, TypeVar

from grafana_foundation_sdk.builders import common, prometheus
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Panel, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.boards.states import steps

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
UNKNOWN = "not known"
NO_STEPS = tuple(steps("text"))

PanelBuilder = Builder[Panel]
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and how its series are called in the legend."""

    expression: str
    legend: str


class Drawn(Protocol):
    """A row that is a panel."""

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        ...  # pragma: no cover


def lettered(things: Sequence[Thing]) -> Iterator[tuple[str, Thing]]:
    """Yield each thing with the letter that Grafana calls its query by."""
    return zip(ascii_uppercase, things, strict=False)


def target(query: Query, letter: str, *, over_time: bool) -> prometheus.Dataquery:
    """Given a query, its letter, and whether the past is wanted or only now, return it as Grafana has it."""
    found = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(letter)
    found = found.format(PromQueryFormat.TIME_SERIES).datasource(SOURCE)
    return found.range() if over_time else found.instant()


def thresholds_of(values: Sequence[Threshold]) -> ThresholdsConfig:
    """Return the thresholds as Grafana has them."""
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(values))


def legend_below() -> common.VizLegendOptions:
    """Return a legend in one line below the panel."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return legend.show_legend(True)
