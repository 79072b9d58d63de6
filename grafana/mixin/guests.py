"""The alerts about guests. Each finding that lowers a verdict is told by one of them (docs/findings.md)."""

from __future__ import annotations

from grafana.mixin.rows import AGE, GUEST, Alert, finding, guest_state, of_guests

FIRST_BACKUP = 'code=~"never_backed_up|no_usable_backup"'
GROUP = "server, datastore, namespace, backup_type, backup_id"

GUEST_ALERTS = (
    Alert(
        "VzcoverGuestNotPlanned",
        "warning",
        "long",
        guest_state('vzcover_guest_coverage{status="non_sauvegardee"}'),
        f"{GUEST} is in no active backup job.",
        f"No job that is enabled, will run again and has a usable storage selects {GUEST}.{AGE}",
    ),
    Alert(
        "VzcoverGuestUndecided",
        "warning",
        "long",
        guest_state('vzcover_guest_coverage{status="indetermine"}'),
        f"Whether {GUEST} is in an active backup job is not known.",
        f"Something that decides whether a job selects {GUEST} could not be read: a call failed, a privilege is missing, "
        "or what is known is too old.",
    ),
    Alert(
        "VzcoverGuestUnprotected",
        "critical",
        "long",
        of_guests(
            'max by (pve, vmid) (vzcover_guest_protection{state="unprotected"}) == 1\n'
            f"  unless on (pve, vmid) vzcover_guest_finding{{{FIRST_BACKUP}}}"
        ),
        f"{GUEST} is unprotected.",
        f"{GUEST} is in no active backup job, and its newest usable backup is too old.{AGE}",
    ),
    Alert(
        "VzcoverGuestNeverBackedUp",
        "critical",
        "short",
        of_guests(
            f"max by (pve, vmid, code) (vzcover_guest_finding{{{FIRST_BACKUP}}})\n"
            f"  and on (pve, vmid) last_over_time(vzcover_guest_finding{{{FIRST_BACKUP}}}[1d] offset %(first_backup_within)s)"
        ),
        f"{GUEST} has no usable backup.",
        '{{ if eq $labels.code "never_backed_up" }}No backup of '
        + GUEST
        + " exists{{ else }}All backups under the id of "
        f"{GUEST} failed verification or are of a former guest{{{{ end }}}}, and that for more than "
        "%(first_backup_within)s.",
    ),
    Alert(
        "VzcoverGuestAtRisk",
        "warning",
        "long",
        guest_state('vzcover_guest_protection{state="at_risk"}'),
        f"{GUEST} is at risk.",
        f"{GUEST} has a usable backup, and something speaks against it"
        '{{ with printf "vzcover_guest_finding{pve=%%q,vmid=%%q,severity!=\\"info\\"}" $labels.pve $labels.vmid | query }}:'
        "{{ range . }} {{ .Labels.code }}{{ end }}{{ end }} (docs/findings.md).",
    ),
    Alert(
        "VzcoverGuestProtectionUnknown",
        "warning",
        "long",
        guest_state('vzcover_guest_protection{state="unknown"}'),
        f"Whether {GUEST} is protected is not known.",
        f"Something that decides whether {GUEST} has good backups could not be read: a server or a call failed, "
        f"or a privilege is missing.{AGE}",
    ),
    finding(
        "VzcoverGuestBackupLate",
        "warning",
        "short",
        "is late with its backup.",
        {
            "backup_late": "its jobs should have made a newer backup by now",
            "backup_too_old": "its newest good backup is older than the policy allows",
            "store_late": "it has a good backup in time, but not on every store that its jobs write to",
            "not_scheduled": "it has backups, and no active job will make another",
        },
    ),
    finding(
        "VzcoverGuestBackupFailed",
        "warning",
        "short",
        "was not backed up by its last run.",
        {
            "backup_failed": "its last backup failed",
            "backup_aborted": "its last backup broke off",
            "backup_not_reached": "the run ended before its turn",
            "backup_with_errors": "its backup was made, and its task failed after it, most often when it pruned older ones",
        },
    ),
    finding(
        "VzcoverGuestRunMissed",
        "warning",
        "short",
        "missed a run of its job.",
        {"missed_run": "an event of its job's schedule passed, and there is neither a task nor a backup"},
    ),
    finding(
        "VzcoverGuestBackupStuck",
        "warning",
        "short",
        "is blocked by a backup.",
        {
            "backup_stuck": "a backup of it runs much longer than usual",
            "stale_lock": "it is locked for a backup that does not run, and every backup of it will fail",
        },
    ),
    finding(
        "VzcoverGuestVolumesNotSaved",
        "warning",
        "long",
        "has volumes that are not saved.",
        {
            "volumes_excluded": "volumes with data are left out by every active job",
            "no_volume_saved": "its jobs save its configuration only",
            "volumes_not_in_backup": "its newest backup lacks volumes that its jobs save now",
        },
    ),
    finding(
        "VzcoverGuestVerificationFailed",
        "critical",
        "short",
        "has damaged backups.",
        {
            "verification_failed": "its newest backup failed verification and does not count",
            "versions_corrupt": "older backups of it failed verification",
        },
    ),
    finding(
        "VzcoverGuestVerificationOverdue",
        "warning",
        "long",
        "has no backup that was verified lately.",
        {
            "verification_overdue": "the policy demands a verified backup, and none is young enough",
            "verification_not_possible": "the policy demands verification, and its backups are files, which cannot be verified",
        },
    ),
    finding(
        "VzcoverGuestOffsiteLate",
        "warning",
        "long",
        "has no off-site copy that is recent enough.",
        {
            "no_offsite_copy": "the policy demands an off-site copy, and there is none",
            "offsite_late": "its newest off-site copy is older than the policy allows",
        },
    ),
    finding(
        "VzcoverGuestCopiesMissing",
        "warning",
        "long",
        "has too few copies of its backup.",
        {
            "too_few_copies": "fewer stores than the policy wants hold a good backup that is recent enough",
            "sync_not_clean": "the sync job that makes a copy the policy demands did not end cleanly, and the copy may lack something",
        },
    ),
    finding(
        "VzcoverGuestEncryptionMissing",
        "warning",
        "long",
        "has backups without the encryption that is expected.",
        {
            "encryption_lost": "its backups were encrypted and are not any more",
            "not_encrypted": "the policy demands encryption, and its newest backup has none",
            "key_not_on_storage": "the storage has not the key of its newest backup, and a restore from there would fail",
        },
    ),
    finding(
        "VzcoverGuestRestoreNotProven",
        "warning",
        "long",
        "has no recent proof that a restore works.",
        {
            "drill_failed": "its last restore drill failed",
            "restore_not_proven": "the policy demands a restore that worked, and none is young enough",
        },
    ),
    finding(
        "VzcoverGuestBackupShrunk",
        "warning",
        "long",
        "has a backup that is suddenly much smaller.",
        {"size_collapsed": "its newest backup is smaller than a fifth of those before"},
    ),
    Alert(
        "VzcoverGuestVersionsMissing",
        "warning",
        "long",
        of_guests(
            f"(max by ({GROUP}) (vzcover_group_retention_missing_snapshots) > %(missing_versions)s)\n"
            f"  * on ({GROUP}) group_left (pve, vmid)\n"
            f'    max by ({GROUP}, pve, vmid) (vzcover_group_info{{pve!=""}})'
        ),
        f"{GUEST} has fewer versions than schedule and retention promise.",
        f"{GUEST}: {{{{ $value }}}} versions too few on {{{{ $labels.server }}}}/{{{{ $labels.datastore }}}}"
        "{{ with $labels.namespace }}/{{ . }}{{ end }}.",
    ),
)
