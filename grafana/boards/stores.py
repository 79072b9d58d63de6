"""Stores and jobs: datastores, storages, the jobs that fill and tend them, and groups that belong to nobody."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards.frame import CLUSTERS, Section, assemble, many
from grafana.boards.panels.figures import Bars, Figures
from grafana.boards.panels.graphs import Graph, Timeline
from grafana.boards.panels.shared import Query
from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import GROUP, PVE, SERVER, TOP_NAMESPACE, age, greatest, milliseconds, ranked, share
from grafana.boards.states import DATASTORE, GREEN, JOB, ORANGE, RED, RUN, YELLOW, YES, steps

STORE = "server, datastore"
PBS_JOB = "server, job_type, pbs_job"
BACKUP_JOB = "pve, backup_job"
FULL = steps(GREEN, (0.75, YELLOW), (0.85, ORANGE), (0.95, RED))
SOON = steps(RED, (14 * 86400, ORANGE), (60 * 86400, GREEN))
BAD_IF_ANY = steps(GREEN, (1, RED))


def _store(metric: str) -> str:
    return greatest(metric, STORE, SERVER)


USED = share(_store("datastore_used_bytes"), _store("datastore_size_bytes"))
FULL_AT = _store("datastore_full_timestamp_seconds")
DATASTORES = (
    Bars(
        "Used",
        "How much of each datastore is used. Garbage collection of a datastore that is full can fail.",
        Query(USED, "{{server}} {{datastore}}"),
        unit="percentunit",
        thresholds=FULL,
        greatest=1,
    ),
    Figures(
        "Time until full",
        "By the estimate of each server; a datastore that is not filling has none.",
        Query(f"{FULL_AT} - time()", "{{server}} {{datastore}}"),
        unit="s",
        thresholds=SOON,
        width=12,
        height=8,
        none="none is filling",
    ),
    Rows(
        "Datastores",
        "Each datastore whose state is known.",
        greatest("datastore_state", STORE, SERVER),
        tuple(STORE.split(", ")),
        [
            Column("state", ranked("datastore_state", DATASTORE, STORE, SERVER), states=DATASTORE),
            Column("used of size", USED, "percentunit", thresholds=FULL),
            Column("used", _store("datastore_used_bytes"), "bytes"),
            Column("available", _store("datastore_available_bytes"), "bytes"),
            Column("size", _store("datastore_size_bytes"), "bytes"),
            Column("full on", milliseconds(FULL_AT), "dateTimeAsIso", none="not filling, or not known"),
            Column("left by garbage collection", _store("datastore_gc_pending_bytes"), "bytes", none="not known"),
            Column("deduplication", _store("datastore_deduplication_ratio"), decimals=1, none="not known"),
            Column(
                "groups without a guest",
                f"sum by ({STORE}) ({greatest('datastore_orphaned_groups', STORE + ', namespace', SERVER)})",
                none="not known",
            ),
        ],
        sort="used of size",
        height=8,
    ),
    Graph(
        "Used over time",
        "How much of each datastore was used.",
        [Query(USED, "{{server}} {{datastore}}")],
        unit="percentunit",
        greatest=1,
    ),
    Graph(
        "Left by garbage collection",
        "Bytes that the last garbage collection left for a later one. If they only grow, it does not run or does not end well.",
        [Query(_store("datastore_gc_pending_bytes"), "{{server}} {{datastore}}")],
        unit="bytes",
    ),
)
STATE = ranked("pbs_job_last_run", RUN, PBS_JOB, SERVER)
UPCOMING = greatest("pbs_job_next_run_timestamp_seconds", PBS_JOB, SERVER)
PBS_JOBS = (
    Rows(
        "Prune, verify, sync and garbage collection",
        "Each job, and how its last run ended. One without a next run has no schedule; a negative time to it means overdue.",
        greatest("pbs_job_info", PBS_JOB, SERVER),
        tuple(PBS_JOB.split(", ")),
        [
            Column("last run", STATE, states=RUN, none="runs, or not known"),
            Column("ended", age(greatest("pbs_job_last_run_timestamp_seconds", PBS_JOB, SERVER)), "s"),
            Column(
                "until next run",
                f"{UPCOMING} - time()",
                "s",
                thresholds=steps(RED, (-43200, ORANGE), (0, GREEN)),
                none="none",
            ),
        ],
        sort="last run",
        height=10,
    ),
    Timeline(
        "How runs ended, over time",
        "The last known run of each job at each time; a gap is a time in which it ran or was not known.",
        Query(STATE, "{{server}} {{job_type}} {{pbs_job}}"),
        RUN.mappings,
        height=10,
    ),
)
BACKUP_JOBS = (
    Rows(
        "Backup jobs",
        "Each vzdump job. Broken means that by its configuration it cannot make backups; missed runs are of the last 7 days.",
        f"max by ({BACKUP_JOB}, storage, schedule, mode) (vzcover_backup_job_info{{{PVE}}})",
        (*BACKUP_JOB.split(", "), "storage", "schedule", "mode"),
        [
            Column("state", ranked("backup_job_state", JOB, BACKUP_JOB, PVE), states=JOB, none="not known"),
            Column("last run", ranked("backup_job_last_run", RUN, BACKUP_JOB, PVE), states=RUN, none="not known"),
            Column("began", age(greatest("backup_job_last_run_timestamp_seconds", BACKUP_JOB, PVE)), "s"),
            Column("took", greatest("backup_job_last_run_duration_seconds", BACKUP_JOB, PVE), "s"),
            Column(
                "missed runs",
                greatest("backup_job_missed_runs", BACKUP_JOB, PVE),
                thresholds=BAD_IF_ANY,
                none="not known",
            ),
            Column("guests", greatest("backup_job_guests", BACKUP_JOB, PVE), none="not known"),
            Column(
                "next run",
                milliseconds(greatest("backup_job_next_run_timestamp_seconds", BACKUP_JOB, PVE)),
                "dateTimeAsIso",
                none="none",
            ),
        ],
        sort="state",
        height=10,
    ),
    Graph(
        "Duration of runs",
        "How long the newest run of each job took.",
        [Query(greatest("backup_job_last_run_duration_seconds", BACKUP_JOB, PVE), "{{pve}} {{backup_job}}")],
        unit="s",
    ),
    Graph(
        "Missed runs",
        "Events of the last 7 days that certainly passed without a task.",
        [Query(greatest("backup_job_missed_runs", BACKUP_JOB, PVE), "{{pve}} {{backup_job}}")],
    ),
)
BY = "pve, storage, node"
USED_OF_STORAGE = share(greatest("pve_storage_used_bytes", BY, PVE), greatest("pve_storage_size_bytes", BY, PVE))
STORAGES = (
    Rows(
        "Storages",
        "Each storage on each node that sees it; one without a node is shared, and active if it is on every node.",
        f"{greatest('pve_storage_active', BY, PVE)}\n* on (pve, storage) group_left (storage_type)"
        f" max by (pve, storage, storage_type) (vzcover_pve_storage_info{{{PVE}}})",
        ("pve", "storage", "node", "storage_type"),
        [
            Column("active", greatest("pve_storage_active", BY, PVE), mappings=YES),
            Column("used of size", USED_OF_STORAGE, "percentunit", thresholds=FULL, none="not known"),
            Column("used", greatest("pve_storage_used_bytes", BY, PVE), "bytes"),
            Column("size", greatest("pve_storage_size_bytes", BY, PVE), "bytes"),
        ],
        empty=("node", "(shared)"),
        sort="used of size",
        width=16,
        height=10,
    ),
    Rows(
        "Not as declared",
        "Options of PBS storage entries that are not what `storages_file` says; empty where nothing differs or there is no such file.",
        greatest("pve_storage_drift", "pve, storage, field", PVE),
        ("pve", "storage", "field"),
        [],
        sort="storage",
        descending=False,
        width=8,
        height=10,
        none="nothing differs, or there is no such file",
    ),
    Graph(
        "Used over time, by storage",
        "How much of each storage was used.",
        [Query(USED_OF_STORAGE, "{{pve}} {{storage}} {{node}}")],
        unit="percentunit",
        greatest=1,
        width=24,
    ),
)
COUNTED = greatest("datastore_orphaned_groups", STORE + ", namespace", SERVER)
NEWEST = greatest("group_newest_backup_timestamp_seconds", GROUP, SERVER)
OWNERLESS = f'vzcover_group_info{{{SERVER}, vmid=""}}'
ORPHANS = (
    Rows(
        "By namespace",
        "Backup groups without a guest; those of another cluster that vzcover does not know are among them.",
        COUNTED,
        (*STORE.split(", "), "namespace"),
        [Column("groups", COUNTED)],
        empty=TOP_NAMESPACE,
        sort="groups",
        width=10,
        height=10,
    ),
    Rows(
        "Groups that belong to no known guest",
        "Each of them, backups of hosts included, with the age and the size of its newest version.",
        f"max by ({GROUP}, owner) ({OWNERLESS})",
        (*GROUP.split(", "), "owner"),
        [
            Column("age of newest", f"{age(NEWEST)}\nand on ({GROUP}) {OWNERLESS}", "s"),
            Column(
                "size of newest",
                f"{greatest('group_newest_backup_size_bytes', GROUP, SERVER)}\nand on ({GROUP}) {OWNERLESS}",
                "bytes",
            ),
        ],
        empty=TOP_NAMESPACE,
        sort="age of newest",
        width=14,
        height=10,
        none="none",
    ),
)


def board() -> Dashboard:
    """Return the dashboard."""
    return assemble(
        "vzcover-stores",
        "Where backups lie and what tends them: usage, when it will be full, garbage collection, jobs, groups without a guest.",
        [CLUSTERS, many("server", "Server", "label_values(vzcover_datastore_state, server)")],
        [
            Section("Datastores of Proxmox Backup Servers", DATASTORES),
            Section("Jobs of Proxmox Backup Servers", PBS_JOBS),
            Section("Backup jobs of Proxmox VE", BACKUP_JOBS),
            Section("Storages of Proxmox VE", STORAGES),
            Section("Groups without a guest", ORPHANS),
        ],
        since="now-30d",
    )
