"""Tables: a row for each thing, put together out of several queries by their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, prometheus, table
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ValueMapping,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.boards.panels.shared import NO_STEPS, SOURCE, UNKNOWN, PanelBuilder, lettered, thresholds_of
from grafana.boards.states import States, absolute, properties

GUEST_UID = "vzcover-guest"
TO_GUEST = (
    f"/d/{GUEST_UID}?${{datasource:queryparam}}&var-pve=${{__data.fields.pve}}"
    "&var-guest=${__data.fields.vmid}&${__url_time_range}"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures. `states` or `mappings`: the words that stand for them. `none`: what an absent figure is called."""

    title: str
    expression: str
    unit: str = "short"
    states: States | None = None
    mappings: Sequence[ValueMapping] = ()
    thresholds: Sequence[Threshold] = ()
    none: str = ""
    decimals: int | None = None

    @property
    def look(self) -> list[DynamicConfigValue]:
        """Return how its cells are shown."""
        mappings = self.states.mappings if self.states else list(self.mappings)
        return properties(
            unit=self.unit,
            decimals=self.decimals,
            mappings=mappings,
            thresholds=absolute(self.thresholds),
            noValue=self.none,
            custom__cellOptions={"type": "color-text"} if mappings or self.thresholds else None,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """A table with a row for each series of `things`, an expression that knows them all; its value is not shown.

    `labels`: those that are shown, in this order, before the columns. `sort`: the column to sort by. `to_guest`: rows link to the guest.
    `empty`: a label that may be empty, and what is shown for it: Grafana puts rows together by the labels that all queries have, and to
    Prometheus an empty label is none.
    """

    title: str
    description: str
    things: str
    labels: Sequence[str]
    columns: Sequence[Column]
    sort: str
    descending: bool = True
    to_guest: bool = False
    empty: tuple[str, str] | None = None
    width: int = 24
    height: int = 12
    none: str = UNKNOWN

    def draw(self) -> PanelBuilder:
        """Return the panel."""
        panel = (
            table.Panel()
            .title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit("short")
            .thresholds(thresholds_of(NO_STEPS))
            .no_value(self.none)
            .span(self.width)
            .height(self.height)
            .filterable(True)
            .sort_by([common.TableSortByFieldState().display_name(self.sort).desc(self.descending)])
            .footer(common.TableFooterOptions().show(False).enable_pagination(True).reducer([]))
            .transformations([DataTransformerConfig(id_val="merge", options={}), self._organized()])
        )
        for column in self.columns:
            panel = panel.override_by_name(column.title, column.look)
        link = DashboardLink(title="Everything about this guest", url=TO_GUEST, type_val=DashboardLinkType.LINK)
        for label in ("vmid", "name") if self.to_guest else ():
            if label in self.labels:
                panel = panel.override_by_name(label, properties(links=[link]))
        expressions = (self.things, *(column.expression for column in self.columns))
        return panel.targets([_cells(self._filled(each), letter) for letter, each in lettered(expressions)])

    def _filled(self, expression: str) -> str:
        """Return the expression without an empty label."""
        if self.empty is None:
            return expression
        label, shown = self.empty
        return f'label_replace(\n{expression},\n"{label}", "{shown}", "{label}", "")'

    def _organized(self) -> DataTransformerConfig:
        """Return what puts labels first, then columns with their titles, and hides time and the value of the first query (`Value` where
        it is the only one).
        """
        names = {f"Value #{letter}": column.title for letter, column in lettered((None, *self.columns)) if column}
        order = {name: place for place, name in enumerate((*self.labels, *names))}
        hidden = {"Time": True, "Value": True, "Value #A": True}
        return DataTransformerConfig(
            id_val="organize", options={"excludeByName": hidden, "indexByName": order, "renameByName": names}
        )


def _cells(expression: str, letter: str) -> prometheus.Dataquery:
    cells = prometheus.Dataquery().expr(expression).ref_id(letter).format(PromQueryFormat.TABLE)
    return cells.datasource(SOURCE).instant()
