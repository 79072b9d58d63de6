"""One guest: everything that is known of its backups."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards.frame import Section, assemble, one
from grafana.boards.guest_groups import CONTENTS, RETENTION, in_groups
from grafana.boards.panels.figures import Figures
from grafana.boards.panels.graphs import Graph, Timeline
from grafana.boards.panels.shared import Query
from grafana.boards.panels.tables import GUEST_UID, Column, Rows
from grafana.boards.queries import ONE_GUEST, age, greatest, milliseconds, ranked, share
from grafana.boards.states import COVERAGE, GREEN, ORANGE, PROTECTION, RED, SEVERITY, YELLOW, steps

GUESTS = 'query_result(label_join(vzcover_guest_info{pve="$pve"}, "title", " ", "vmid", "name"))'
# the text is "100 mail", the value 100
TEXT_AND_VALUE = '/title="(?<text>[^"]+)|vmid="(?<value>[^"]+)/g'
NAMED = "{{server}} {{datastore}} {{namespace}} {{backup_type}}/{{backup_id}}"


def _of(metric: str) -> str:
    return greatest(metric, "pve, vmid", ONE_GUEST)


LAST = _of("guest_last_backup_timestamp_seconds")
VERIFIED = _of("guest_last_verified_backup_timestamp_seconds")
FAILURE = _of("guest_last_failure_timestamp_seconds")
PROTECTION_NOW = ranked("guest_protection", PROTECTION, "pve, vmid", ONE_GUEST)
COVERAGE_NOW = ranked("guest_coverage", COVERAGE, "pve, vmid", ONE_GUEST)
TOLD = f"max by (name, vmid, guest_type, node, pool, pve) (vzcover_guest_info{{{ONE_GUEST}}})"
LATE = steps(GREEN, (0.8, YELLOW), (1, RED))
NOW = (
    Figures(
        "Guest",
        "Name, id, kind, node, and pool if it is in one, as of the last refresh.",
        Query(TOLD, "{{name}} · {{vmid}} · {{guest_type}} on {{pve}}/{{node}} · pool {{pool}}"),
        unit="none",
        width=12,
        none="Not in the inventory",
        names_only=True,
    ),
    Figures(
        "Protection",
        "What is true of its backups; the findings below say why.",
        Query(PROTECTION_NOW, "protection"),
        unit="none",
        mappings=PROTECTION.mappings,
        width=6,
    ),
    Figures(
        "Planned coverage",
        "Whether an active backup job selects it.",
        Query(COVERAGE_NOW, "coverage"),
        unit="none",
        mappings=COVERAGE.mappings,
        width=6,
    ),
    Figures(
        "Age of last good backup",
        "On any target. None known means that there is none, or none could be seen.",
        Query(age(LAST), "age"),
        unit="s",
        none="none known",
    ),
    Figures(
        "Accepted age",
        "The greatest accepted age of its newest good backup, by the policy or else by the schedules of its jobs, grace included.",
        Query(_of("guest_rpo_seconds"), "limit"),
        unit="s",
    ),
    Figures(
        "Age of what is accepted",
        "The age of the newest good backup as a part of what is accepted; above 100 % it is late.",
        Query(share(age(LAST), _of("guest_rpo_seconds")), "ratio"),
        unit="percentunit",
        thresholds=LATE,
    ),
    Figures(
        "Age of last verified backup",
        "The age of the newest backup that a verification found good, not of the verification.",
        Query(age(VERIFIED), "age"),
        unit="s",
        none="none known",
    ),
    Figures(
        "Last failure",
        "How long ago the newest attempt that failed began, as far as tasks and their logs tell.",
        Query(age(FAILURE), "age"),
        unit="s",
        none="none known",
    ),
    Figures(
        "Next backup",
        "The next event of the active jobs that select it.",
        Query(milliseconds(_of("guest_next_backup_timestamp_seconds")), "next"),
        unit="dateTimeFromNow",
        none="none planned",
    ),
    Figures(
        "Active jobs",
        "Active backup jobs that select it.",
        Query(_of("guest_jobs"), "jobs"),
        thresholds=steps(RED, (1, GREEN)),
    ),
    Figures(
        "Copies",
        "Stores that hold a good backup no older than accepted.",
        Query(_of("guest_copies"), "copies"),
        thresholds=steps(RED, (1, GREEN)),
    ),
    Figures(
        "Off-site copies",
        "Of these copies, those on a store that the configuration marks as off-site.",
        Query(_of("guest_offsite_copies"), "off-site"),
    ),
    Figures(
        "Volumes that no job saves",
        "Data volumes that no active job saves.",
        Query(_of("guest_excluded_volumes"), "volumes"),
        thresholds=steps(GREEN, (1, ORANGE)),
    ),
    Figures(
        "Duration of last backup",
        "How long the newest finished backup took, where a task log tells.",
        Query(_of("guest_last_backup_duration_seconds"), "duration"),
        unit="s",
    ),
    Figures(
        "Number of findings",
        "Open findings of every severity.",
        Query(
            f"count({greatest('guest_finding', 'code', ONE_GUEST)}) or 0 * max(vzcover_guest_info{{{ONE_GUEST}}})",
            "findings",
        ),
        thresholds=steps(GREEN, (1, ORANGE)),
    ),
)
FINDINGS = Rows(
    "Open findings",
    "docs/findings.md tells what each code means, and the page and the report what to do about it. A waived guest has none.",
    greatest("guest_finding", "code", ONE_GUEST),
    ("code",),
    [Column("severity", ranked("guest_finding", SEVERITY, "code", ONE_GUEST), states=SEVERITY)],
    sort="severity",
    width=10,
    height=8,
    none="none",
)
STATES_OVER_TIME = Timeline(
    "Protection over time",
    "Its state of protection; a gap is a time without data.",
    Query(ranked("guest_protection", PROTECTION, "pve, vmid", ONE_GUEST), "protection"),
    PROTECTION.mappings,
    width=14,
    height=8,
)
OVER_TIME = (
    Graph(
        "Age of last good backup against what is accepted",
        "A saw-tooth that stays below the limit is good.",
        [
            Query(age(_of("guest_last_backup_timestamp_seconds")), "age"),
            Query(_of("guest_rpo_seconds"), "accepted"),
        ],
        unit="s",
    ),
    Graph(
        "Versions, expected and actual, over time",
        "Of each of its backup groups.",
        [
            Query(in_groups("group_retention_actual_snapshots"), f"actual {NAMED}"),
            Query(in_groups("group_retention_expected_snapshots"), f"expected {NAMED}"),
        ],
    ),
    Graph(
        "Size of newest backup",
        "Logical size, not the space that it uses. A collapse is worth a look.",
        [Query(in_groups("group_newest_backup_size_bytes"), NAMED)],
        unit="bytes",
    ),
    Graph(
        "Duration of backups",
        "How long the newest finished backup took at each time.",
        [Query(_of("guest_last_backup_duration_seconds"), "duration")],
        unit="s",
    ),
    Graph(
        "Copies over time",
        "Stores with a good backup no older than accepted, and those of them that are off-site.",
        [Query(_of("guest_copies"), "copies"), Query(_of("guest_offsite_copies"), "off-site")],
    ),
    Timeline(
        "Findings over time",
        "Which finding was open when, and how grave it was.",
        Query(ranked("guest_finding", SEVERITY, "code", ONE_GUEST), "{{code}}"),
        SEVERITY.mappings,
        width=12,
        height=8,
    ),
)


def board() -> Dashboard:
    """Return the dashboard."""
    return assemble(
        GUEST_UID,
        "Everything about the backups of one guest: states, findings, ages and limits, groups, versions, copies, failures.",
        [
            one("pve", "Cluster", "label_values(vzcover_guest_info, pve)"),
            one("guest", "Guest", GUESTS, TEXT_AND_VALUE),
        ],
        [
            Section("Now", NOW),
            Section("Findings", [FINDINGS, STATES_OVER_TIME]),
            Section("Backup groups", [CONTENTS, RETENTION]),
            Section("Over time", OVER_TIME),
        ],
        since="now-30d",
    )
