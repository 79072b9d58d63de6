"""What could not be seen: a section of the overview."""

from __future__ import annotations

from grafana.boards.panels.figures import Figures
from grafana.boards.panels.shared import Query
from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import GROUP, PVE, greatest, of_guests
from grafana.boards.states import GREEN, ORANGE, RED, YELLOW, YES, steps

BAD_IF_ANY = steps(GREEN, (1, RED))


def _undecided() -> str:
    groups = greatest("group_info", GROUP, PVE + ', vmid!=""')
    undecided = f"{groups}\nunless on ({GROUP}) vzcover_group_retention_expected_snapshots"
    return f"count({undecided})\nor 0 * count({groups})"


HERE = "0 * max(vzcover_build_info)"
UNSEEN = (
    Figures(
        "Sources down",
        "Clusters and backup servers that do not answer. What they told last is held for a while, then it is unknown.",
        Query(f"sum(1 - {greatest('source_up', 'source')})", "down"),
        thresholds=BAD_IF_ANY,
    ),
    Figures(
        "Collectors without full success",
        "Parts of a source that could not be read whole at the last refresh.",
        Query(f"sum(1 - {greatest('collector_success', 'source, collector')})", "failed"),
        thresholds=steps(GREEN, (1, ORANGE)),
    ),
    Figures(
        "Missing privileges",
        "Privileges that a token lacks on a path; `vzcover doctor` prints the commands that grant them.",
        Query(f"count({greatest('permission_missing', 'source, privilege, path')}) or {HERE}", "missing"),
        thresholds=BAD_IF_ANY,
    ),
    Figures(
        "Groups without a verdict on retention",
        "Backup groups of a known guest for which the expected number of versions cannot be told, or is without bound.",
        Query(_undecided(), "groups"),
    ),
    Figures(
        "Guests without a known last backup",
        "Guests with no good backup, or with none that could be seen; the table above tells which.",
        Query(
            f"count({of_guests('guest_info')}\nunless {greatest('guest_last_backup_timestamp_seconds', 'pve, vmid', PVE)})"
            f"\nor {HERE}",
            "guests",
        ),
        thresholds=steps(GREEN, (1, ORANGE)),
    ),
    Figures(
        "Age of what is shown",
        "Since the last refresh that ended with a report; of two vzcover the fresher one.",
        Query("time() - max(vzcover_refresh_last_success_timestamp_seconds)", "age"),
        unit="s",
        thresholds=steps(GREEN, (900, YELLOW), (1200, RED)),
    ),
    Rows(
        "Sources",
        "Each cluster and backup server, whether it answered, and how much of it could be read.",
        greatest("source_up", "source"),
        ("source",),
        [
            Column("answers", greatest("source_up", "source"), mappings=YES),
            Column("collectors", f"count by (source) ({greatest('collector_success', 'source, collector')})"),
            Column(
                "of these failed",
                f"sum by (source) (1 - {greatest('collector_success', 'source, collector')})",
                thresholds=steps(GREEN, (1, ORANGE)),
            ),
            Column(
                "missing privileges",
                f"count by (source) ({greatest('permission_missing', 'source, privilege, path')})",
                thresholds=BAD_IF_ANY,
                none="0",
            ),
        ],
        sort="source",
        descending=False,
        width=12,
        height=8,
    ),
    Rows(
        "Missing privileges by path",
        "What each token lacks. Empty is good, unless a source is down.",
        greatest("permission_missing", "source, privilege, path"),
        ("source", "privilege", "path"),
        [],
        sort="source",
        descending=False,
        width=12,
        height=8,
        none="none is known to be missing",
    ),
)
