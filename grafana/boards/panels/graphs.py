"""Lines over time, and which state held when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import FieldColorModeId, ValueMapping

from grafana.boards.panels.shared import (
    NO_STEPS,
    SOURCE,
    UNKNOWN,
    PanelBuilder,
    Query,
    legend_below,
    lettered,
    target,
    thresholds_of,
)
from grafana.boards.states import States, properties


@dataclass(frozen=True, slots=True)
class Graph:
    """Lines over time. `states`: each series is of the state that its legend names. `greatest`: where the axis ends."""

    title: str
    description: str
    queries: Sequence[Query]
    unit: str = "short"
    states: States | None = None
    stacked: bool = False
    width: int = 12
    height: int = 8
    greatest: float | None = None

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        panel = (
            timeseries.Panel()
            .title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit(self.unit)
            .min(0)
            .thresholds(thresholds_of(NO_STEPS))
            .no_value(UNKNOWN)
            .span(self.width)
            .height(self.height)
            .draw_style(GraphDrawStyle.LINE)
            .fill_opacity(60 if self.stacked else 8)
            .show_points(VisibilityMode.NEVER)
            .legend(legend_below())
            .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        )
        if self.greatest is not None:
            panel = panel.max(self.greatest)
        if self.stacked:
            panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
        for value, (words, colour) in (self.states.looks if self.states else {}).items():
            shown = properties(displayName=words, color={"mode": "fixed", "fixedColor": colour})
            panel = panel.override_by_name(value, shown)
        return panel.targets([target(query, letter, over_time=True) for letter, query in lettered(self.queries)])


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which state held when, a band for each series of a query."""

    title: str
    description: str
    query: Query
    mappings: Sequence[ValueMapping]
    width: int = 24
    height: int = 6

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        return (
            statetimeline.Panel()
            .title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit("none")
            .mappings(list(self.mappings))
            .thresholds(thresholds_of(NO_STEPS))
            .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
            .no_value(UNKNOWN)
            .span(self.width)
            .height(self.height)
            .merge_values(True)
            .show_value(VisibilityMode.AUTO)
            .legend(legend_below())
            .targets([target(self.query, "A", over_time=True)])
        )
