"""What all dashboards have in common: variables, links to each other, time, and how sections become rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.boards.panels.shared import SOURCE, Drawn

# (uid, title) of each dashboard. A uid is in people's links: it never changes.
BOARDS = (
    ("vzcover-overview", "vzcover: overview"),
    ("vzcover-guest", "vzcover: guest"),
    ("vzcover-retention", "vzcover: retention"),
    ("vzcover-stores", "vzcover: stores and jobs"),
    ("vzcover-exporter", "vzcover: exporter"),
)

Variable = Builder[VariableModel]


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading; in lines that are 24 wide."""

    title: str
    panels: Sequence[Drawn]


def assemble(
    uid: str, description: str, variables: Sequence[Variable], sections: Sequence[Section], *, since: str
) -> Dashboard:
    """Given a uid out of BOARDS and what the dashboard shows, return it; `since`: where its time begins, such as `now-7d`."""
    board = (
        dashboard.Dashboard(dict(BOARDS)[uid])
        .uid(uid)
        .description(description)
        .tags(["vzcover", "backup", "proxmox"])
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("1m")
        .timezone("browser")
        .variables([_data_source(), *variables])
        .links([_link(other, title) for other, title in BOARDS if other != uid])
    )
    for section in sections:
        board = board.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            board = board.with_panel(panel.draw())
    built = board.build()
    for number, placed in enumerate(built.panels or (), 1):
        placed.id_val = number
    return built


def many(name: str, label: str, query: str) -> Variable:
    """Return a variable of which several values may be chosen; all of them at first, which also matches what lacks the label."""
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return _variable(name, label, query).multi(True).include_all(True).all_value(".*").current(everything)


def one(name: str, label: str, query: str, regex: str = "") -> Variable:
    """Return a variable of which one value is chosen; `regex` may take a text and a value out of each line."""
    return _variable(name, label, query).multi(False).include_all(False).regex(regex)


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def _data_source() -> Variable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _link(uid: str, title: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid}?${{datasource:queryparam}}")
        .icon("dashboard")
        .keep_time(True)
    )


CLUSTERS = many("pve", "Cluster", "label_values(vzcover_guest_info, pve)")
POOLS = many("pool", "Pool", 'label_values(vzcover_guest_info{pve=~"$pve"}, pool)')
