"""The alerts about vzdump jobs."""

from __future__ import annotations

from grafana.mixin.rows import Alert, estate_finding

JOB = "{{ $labels.backup_job }} of {{ $labels.pve }}"

JOB_ALERTS = (
    Alert(
        "VzcoverBackupJobBroken",
        "warning",
        "short",
        'max by (pve, backup_job) (vzcover_backup_job_state{state="broken"}) == 1',
        f"Backup job {JOB} is broken.",
        f"Backup job {JOB} is enabled and cannot make a backup: it will not run again, or its storage cannot be used.",
    ),
    Alert(
        "VzcoverBackupJobFailed",
        "warning",
        "short",
        'max by (pve, backup_job) (vzcover_backup_job_last_run{state="error"}) == 1',
        f"The last run of backup job {JOB} failed.",
        f"The last run of backup job {JOB} failed for some guests or for all.",
    ),
    Alert(
        "VzcoverBackupJobRunMissed",
        "warning",
        "short",
        # back to 0 with its next run
        "max by (pve, backup_job) (vzcover_backup_job_missed_runs) > 0",
        f"Backup job {JOB} missed a run.",
        f"Events of the schedule of backup job {JOB} passed without a task: {{{{ $value }}}}, all nodes together.",
    ),
    Alert(
        "VzcoverBackupJobSelectsNothing",
        "warning",
        "long",
        estate_finding("job_selects_nothing", "pve"),
        "A backup job of {{ $labels.pve }} selects no guest.",
        "Backup jobs of {{ $labels.pve }} that are enabled and select no guest: {{ $value }}.",
    ),
    Alert(
        "VzcoverBackupJobReadsOtherwise",
        "warning",
        "long",
        estate_finding("schedule_reads_otherwise", "pve"),
        "A backup job of {{ $labels.pve }} does not run when its schedule suggests.",
        "Backup jobs of {{ $labels.pve }} whose schedule PVE reads otherwise than most people do: {{ $value }}.",
    ),
)
