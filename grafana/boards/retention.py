"""Retention: how many versions there are of each group, and how many schedule and keep options would have left."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards.frame import CLUSTERS, Section, assemble, many
from grafana.boards.panels.figures import Figures
from grafana.boards.panels.graphs import Graph
from grafana.boards.panels.shared import Query
from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import GROUP, PVE, SERVER, TOP_NAMESPACE, greatest
from grafana.boards.states import GREEN, ORANGE, RED, steps

GROUPS = f'vzcover_group_info{{{PVE}, {SERVER}, namespace=~"$namespace"}}'
NAMESPACE = "server, datastore, namespace"
SHORT, SURPLUS = steps(GREEN, (1, RED)), steps(GREEN, (1, ORANGE))
# what each table tells, and of which metric it is the sum
SUMS = (
    ("expected", "group_retention_expected_snapshots"),
    ("actual", "group_retention_actual_snapshots"),
    ("delta", "group_retention_delta"),
    ("missing", "group_retention_missing_snapshots"),
    ("surplus", "group_retention_surplus_snapshots"),
)
LOOKS = {"missing": SHORT, "surplus": SURPLUS}


def _each(metric: str) -> str:
    """Return a figure of each chosen backup group."""
    return f"{greatest(metric, GROUP)}\nand on ({GROUP}) {GROUPS}"


def _decided(metric: str) -> str:
    """As `_each`, of the groups whose expected number is known, so that sums may be compared."""
    return f"{_each(metric)}\nand on ({GROUP}) vzcover_group_retention_expected_snapshots"


def _sums(by: str, figure: Callable[[str], str]) -> list[Column]:
    """Given labels, and how to read a figure of each group, return the columns with the sums by these labels."""
    return [
        Column(title, f"sum by ({by}) ({figure(metric)})", thresholds=LOOKS.get(title, ()), none="not known")
        for title, metric in SUMS
    ]


KNOWN = "Of the chosen groups for which an expected number is known."
NOW = (
    Figures(
        "Expected versions",
        f"What schedules and keep options would have left by now. {KNOWN}",
        Query(f"sum({_each('group_retention_expected_snapshots')})", "expected"),
    ),
    Figures(
        "Actual versions",
        f"Finished, unprotected versions with standard names. {KNOWN}",
        Query(f"sum({_decided('group_retention_actual_snapshots')})", "actual"),
    ),
    Figures(
        "Missing versions",
        "Versions too few, beyond what is tolerated, summed over the groups.",
        Query(f"sum({_each('group_retention_missing_snapshots')})", "missing"),
        thresholds=SHORT,
    ),
    Figures(
        "Surplus versions",
        "Versions too many, beyond what is tolerated: the prune does not do what was promised, or not yet.",
        Query(f"sum({_each('group_retention_surplus_snapshots')})", "surplus"),
        thresholds=SURPLUS,
    ),
    Figures(
        "Groups with missing versions",
        "How many backup groups have too few versions.",
        Query(f"sum(({_each('group_retention_missing_snapshots')}) > bool 0)", "groups"),
        thresholds=SHORT,
    ),
    Figures(
        "Groups without a verdict",
        "Backup groups whose expected number is without bound or cannot be told, those of no known guest included.",
        Query(
            f"count(max by ({GROUP}) ({GROUPS})\nunless on ({GROUP}) vzcover_group_retention_expected_snapshots)"
            f"\nor 0 * count({GROUPS})",
            "groups",
        ),
    ),
)
BY_NAMESPACE = Rows(
    "By datastore and namespace",
    "Sums over the groups with a known expected number; a delta of 0 may hide a group with too few and one with too many, which"
    " missing and surplus tell apart.",
    f"count by ({NAMESPACE}) (max by ({GROUP}) ({GROUPS}))",
    tuple(NAMESPACE.split(", ")),
    [
        Column("groups", f"count by ({NAMESPACE}) (max by ({GROUP}) ({GROUPS}))"),
        Column("with a verdict", f"count by ({NAMESPACE}) ({_each('group_retention_expected_snapshots')})", none="0"),
        *_sums(NAMESPACE, _decided),
    ],
    empty=TOP_NAMESPACE,
    sort="missing",
    height=10,
)
NOMINAL = f'count_values by ({GROUP}) ("keep", {_each("group_retention_nominal_snapshots")})'
BY_POLICY = Rows(
    "By policy",
    "Groups are put together by the sum of their keep options, which is the most versions that their policy ever leaves. Groups that"
    " keep everything have no such sum and are not here.",
    f"count by (keep) ({NOMINAL})",
    ("keep",),
    [
        Column("groups", f"count by (keep) ({NOMINAL})"),
        *_sums("keep", lambda metric: f"({_decided(metric)})\n* on ({GROUP}) group_left (keep) {NOMINAL}"),
    ],
    sort="missing",
    height=10,
)
BY_GROUP = Rows(
    "Groups, most missing versions first",
    "Every chosen backup group. A row of a known guest links to the guest's own dashboard.",
    f"max by ({GROUP}, pve, vmid) ({GROUPS})",
    (*GROUP.split(", "), "pve", "vmid"),
    [
        *(Column(title, _each(metric), thresholds=LOOKS.get(title, ()), none="not known") for title, metric in SUMS),
        Column("sum of keep options", _each("group_retention_nominal_snapshots"), none="none or not known"),
        Column("protected", _each("group_protected_snapshots")),
        Column("unfinished", _each("group_unfinished_snapshots")),
    ],
    empty=TOP_NAMESPACE,
    sort="missing",
    to_guest=True,
    height=14,
)
TREND = (
    Graph(
        "Missing and surplus versions",
        "Sums over the chosen groups.",
        [
            Query(f"sum({_each('group_retention_missing_snapshots')})", "missing"),
            Query(f"sum({_each('group_retention_surplus_snapshots')})", "surplus"),
        ],
    ),
    Graph(
        "Expected and actual versions",
        "Sums over the chosen groups with a known expected number.",
        [
            Query(f"sum({_each('group_retention_expected_snapshots')})", "expected"),
            Query(f"sum({_decided('group_retention_actual_snapshots')})", "actual"),
        ],
    ),
)


def board() -> Dashboard:
    """Return the dashboard."""
    return assemble(
        "vzcover-retention",
        "Whether as many versions are there as schedules and keep options promise, by policy, by namespace and by group.",
        [
            CLUSTERS,
            many("server", "Server", "label_values(vzcover_group_info, server)"),
            many("namespace", "Namespace", 'label_values(vzcover_group_info{server=~"$server"}, namespace)'),
        ],
        [
            Section("Now", NOW),
            Section("By namespace and by policy", [BY_NAMESPACE, BY_POLICY]),
            Section("By group", [BY_GROUP]),
            Section("Trend", TREND),
        ],
        since="now-30d",
    )
