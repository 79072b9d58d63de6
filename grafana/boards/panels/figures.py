"""Large figures, and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, stat
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode, BigValueTextMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import Threshold, ValueMapping

from grafana.boards.panels.shared import NO_STEPS, SOURCE, UNKNOWN, PanelBuilder, Query, target, thresholds_of
from grafana.boards.states import States, absolute, properties, steps


@dataclass(frozen=True, slots=True)
class Figures:
    """A large figure for each series of a query, as of now.

    `states`: each series is a count of the things in the state that its legend names. `names_only`: the legend is what is shown.
    `none`: what is said where there is no series.
    """

    title: str
    description: str
    query: Query
    unit: str = "short"
    states: States | None = None
    mappings: Sequence[ValueMapping] = ()
    thresholds: Sequence[Threshold] = NO_STEPS
    width: int = 4
    height: int = 4
    none: str = UNKNOWN
    names_only: bool = False

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        panel = (
            stat.Panel()
            .title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit(self.unit)
            .mappings(list(self.mappings))
            .thresholds(thresholds_of(self.thresholds))
            .no_value(self.none)
            .span(self.width)
            .height(self.height)
            .color_mode(BigValueColorMode.VALUE)
            .graph_mode(BigValueGraphMode.NONE)
            .orientation(VizOrientation.AUTO)
            .text_mode(BigValueTextMode.NAME if self.names_only else BigValueTextMode.AUTO)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
        for value, (words, colour) in (self.states.looks if self.states else {}).items():
            shown = properties(displayName=words, thresholds=absolute(steps("text", (1, colour))))
            panel = panel.override_by_name(value, shown)
        return panel.targets([target(self.query, "A", over_time=False)])


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each series of a query, from 0 to `greatest`, as of now."""

    title: str
    description: str
    query: Query
    unit: str
    thresholds: Sequence[Threshold]
    greatest: float
    width: int = 12
    height: int = 8

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        return (
            bargauge.Panel()
            .title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit(self.unit)
            .min(0)
            .max(self.greatest)
            .thresholds(thresholds_of(self.thresholds))
            .no_value(UNKNOWN)
            .span(self.width)
            .height(self.height)
            .orientation(VizOrientation.HORIZONTAL)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .targets([target(self.query, "A", over_time=False)])
        )
