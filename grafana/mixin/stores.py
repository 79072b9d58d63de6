"""The alerts about datastores, storages that take backups, and the jobs of backup servers."""

from __future__ import annotations

from grafana.mixin.rows import Alert, estate_finding

DATASTORE = "{{ $labels.server }}/{{ $labels.datastore }}"
STORAGE = "{{ $labels.storage }} of {{ $labels.pve }}{{ with $labels.node }} on node {{ . }}{{ end }}"
PBS_JOB = "{{ $labels.job_type }} job {{ $labels.pbs_job }} of {{ $labels.server }}"
USED = "{{ $value | humanizePercentage }} used"

_DATASTORE_USED = "max by (server, datastore) (vzcover_datastore_used_bytes / (vzcover_datastore_size_bytes > 0))"
# storages that a job writes to; what a backup server holds is told of its datastore
_TAKES_BACKUPS = 'and on (pve, storage) vzcover_backup_job_info{storage!=""}'
_FILES = f'{_TAKES_BACKUPS}\nunless on (pve, storage) vzcover_pve_storage_info{{storage_type="pbs"}}'
_STORAGE_USED = "max by (pve, storage, node) (vzcover_pve_storage_used_bytes / (vzcover_pve_storage_size_bytes > 0))"

STORE_ALERTS = (
    Alert(
        "VzcoverDatastoreAlmostFull",
        "warning",
        "short",
        f"{_DATASTORE_USED} > %(used_warning)s",
        f"Datastore {DATASTORE} is almost full.",
        f"Datastore {DATASTORE}: {USED}.",
    ),
    Alert(
        "VzcoverDatastoreFull",
        "critical",
        "short",
        f"{_DATASTORE_USED} > %(used_critical)s",
        f"Datastore {DATASTORE} is practically full.",
        f"Datastore {DATASTORE}: {USED}. Backups to it will fail, and garbage collection needs space too.",
    ),
    Alert(
        "VzcoverDatastoreFullSoon",
        "warning",
        "long",
        "max by (server, datastore) (vzcover_datastore_full_timestamp_seconds) - time() < %(full_within_seconds)s",
        f"Datastore {DATASTORE} will be full soon.",
        f"Datastore {DATASTORE} will be full in {{{{ $value | humanizeDuration }}}} by the estimate of its server.",
    ),
    Alert(
        "VzcoverDatastoreNotOnline",
        "critical",
        "short",
        'max by (server, datastore, state) (vzcover_datastore_state{state=~"unmounted|error"}) == 1',
        f"Datastore {DATASTORE} is not online.",
        f'Datastore {DATASTORE} {{{{ if eq $labels.state "unmounted" }}}}is not mounted{{{{ else }}}}cannot be used'
        "{{ end }}: backups to it fail, and nothing can be restored from it.",
    ),
    Alert(
        "VzcoverDatastoreInMaintenance",
        "warning",
        "maintenance",
        'max by (server, datastore) (vzcover_datastore_state{state="maintenance"}) == 1',
        f"Datastore {DATASTORE} is still in maintenance.",
        f"Datastore {DATASTORE} is in maintenance for more than %(maintenance)s: backups to it may fail.",
    ),
    Alert(
        "VzcoverStorageAlmostFull",
        "warning",
        "short",
        f"{_STORAGE_USED} > %(used_warning)s\n{_FILES}",
        f"Storage {STORAGE} is almost full.",
        f"Storage {STORAGE}, which takes backups: {USED}.",
    ),
    Alert(
        "VzcoverStorageFull",
        "critical",
        "short",
        f"{_STORAGE_USED} > %(used_critical)s\n{_FILES}",
        f"Storage {STORAGE} is practically full.",
        f"Storage {STORAGE}, which takes backups: {USED}. Backups to it will fail.",
    ),
    Alert(
        "VzcoverStorageFullSoon",
        "warning",
        "long",
        "max by (pve, storage, node) (predict_linear(vzcover_pve_storage_used_bytes[%(trend)s], %(full_within_seconds)s))\n"
        f"> max by (pve, storage, node) (vzcover_pve_storage_size_bytes)\n{_FILES}\n"
        # a trend needs its whole time
        "and on (pve, storage, node) vzcover_pve_storage_used_bytes offset %(trend)s",
        f"Storage {STORAGE} will be full soon.",
        f"Storage {STORAGE}, which takes backups, will be full within %(full_within)s by the trend of the last %(trend)s.",
    ),
    Alert(
        "VzcoverStorageInactive",
        "critical",
        "short",
        # PVE calls a storage inactive also where it is disabled or not meant to be: what never was active is not told
        "max by (pve, storage, node) (vzcover_pve_storage_active) == 0\n"
        "and on (pve, storage, node) max_over_time(vzcover_pve_storage_active[%(active_within)s]) == 1\n"
        "and on (pve, storage) (\n"
        '  vzcover_backup_job_info{storage!=""}\n'
        '  and on (pve, backup_job) vzcover_backup_job_state{state="active"} == 1\n)',
        f"Storage {STORAGE} is not active.",
        f"Storage {STORAGE} cannot be used"
        "{{ if not $labels.node }} from some node{{ end }}, and active jobs write to it.",
    ),
    Alert(
        "VzcoverStorageDrift",
        "warning",
        "short",
        "max by (pve, storage, field) (vzcover_pve_storage_drift) == 1",
        "Storage {{ $labels.storage }} of {{ $labels.pve }} is not as the file of storages says.",
        'Storage {{ $labels.storage }} of {{ $labels.pve }}{{ if eq $labels.field "missing" }} is in the file of storages and not in PVE'
        "{{ else }}: PVE and the file of storages differ in {{ $labels.field }}{{ end }}.",
    ),
    Alert(
        "VzcoverNamespaceShared",
        "critical",
        "short",
        estate_finding("namespace_shared", "server"),
        "Several clusters write to one namespace{{ with $labels.server }} of {{ . }}{{ end }}.",
        "Namespaces{{ with $labels.server }} of {{ . }}{{ end }} that storage entries of several clusters lead to: {{ $value }}. "
        "Their backups mix, or block each other.",
    ),
    Alert(
        "VzcoverPbsJobFailed",
        "warning",
        "short",
        'max by (server, job_type, pbs_job) (\n  vzcover_pbs_job_last_run{state="error"}\n'
        '  or vzcover_pbs_job_last_run{job_type="sync", state="warning"}\n) == 1',
        f"The {PBS_JOB} failed.",
        f'The last run of {PBS_JOB} failed{{{{ if eq $labels.job_type "sync" }}}} or left something out{{{{ end }}}}.',
    ),
    Alert(
        "VzcoverPbsJobOverdue",
        "warning",
        "short",
        "time() - min by (server, job_type, pbs_job) (vzcover_pbs_job_next_run_timestamp_seconds) > %(pbs_job_late_seconds)s",
        f"The {PBS_JOB} is overdue.",
        f"The {PBS_JOB} should have started {{{{ $value | humanizeDuration }}}} ago.",
    ),
)
