"""Issues in English: what could not be seen or does not fit, and what to do about it."""

from __future__ import annotations

ISSUES = {
    "source_down": "source {source} could not be read: {message}",
    "collector_failed": "{collector} of {source} could not be read: {message}",
    "collector_failed.subject": "{collector} of {source} ({subject}) could not be read: {message}",
    "facts_stale": "{collector} of {source}: last read: {fetched_at}, too old to rely on",
    "facts_stale.subject": "{collector} of {source} ({subject}): last read: {fetched_at}, too old to rely on",
    "permission_missing": "the token of {source} lacks {privilege} on {path} or below it, which hides {hides}",
    "no_guest_visible": "no guest is visible: {source} has none, or its token may not see any (VM.Audit on /vms)",
    "partial_view": "partial view: the token of {source} lacks {privilege} on {path} or below it, so guests may be hidden",
    "node_offline": "node {node} of {source} is offline: its guests get no backup until it is back",
    "coverage_disagreement": "PVE selects other guests for job {job} (only ours: {ours}; only PVE’s: {theirs})",
    "coverage_disagreement.all": "PVE’s own list of guests in no job differs (only ours: {ours}; only PVE’s: {theirs})",
    "conflicting_policies": "jobs save the same guests ({count}) to storage {storage} under different retention ({policies}): each prune "
    "removes what another job means to keep",
    "pbs_not_configured": "storage {storage} of {source} is on the backup server {server}, which vzcover is not told to read: which "
    "backups lie there is not known",
    "folder_not_listed": "job {job} of {source} writes to the folder {folder}, which no API lists: which backups lie there is not known",
    "notes_not_read": "notes of guests of {source}, which may waive them, were not read yet",
    "ambiguous_groups": "backup groups in {datastore} on {server} that may be a guest’s, and nothing tells whose: {count}",
    "datastore_unreadable": "datastore {datastore} of {source} cannot be used as it should: {message}",
    "drills_unreadable": "reports of restore drills that could not be read ({count}): {message}",
    "oracle_refused": "PVE refuses to evaluate job {job}: {message}",
    "oracle_refused.all": "PVE refuses to list the guests in no job: {message}",
    "oracle_silent": "PVE evaluates job {job}, which is broken by our evaluation",
    "oracle_silent.all": "PVE lists the guests in no job although by our evaluation a job is broken",
    "storages_file_unreadable": "the file of PBS storages cannot be used, so that only what it said before can be compared: {message}",
    "history_unavailable": "the history could not be used: {message}",
}

ISSUE_REMEDIES = {
    "source_down": "Check that a host of it is up and that address, certificate and token are right in the configuration",
    "collector_failed": "The last good answer is used until it is too old; after that its guests cannot be decided",
    "facts_stale": "Find out why it cannot be read; what rests on it cannot be decided until then",
    "permission_missing": "pveum acl modify {path} --tokens {token} --roles {role} (the token’s user needs it too)",
    "permission_missing.pbs": "proxmox-backup-manager acl update {path} {role} --auth-id {token} (the token’s user needs it too)",
    "no_guest_visible": "pveum acl modify / --tokens {token} --roles PVEAuditor (the token’s user needs it too)",
    "partial_view": "pveum acl modify {path} --tokens {token} --roles {role}; "
    "if that is so already, find the deeper entry that denies it: pveum acl list",
    "node_offline": "Bring the node back; a run missed meanwhile is made up only by jobs with “repeat missed”",
    "coverage_disagreement": "Trust neither for these guests; report it as a defect of vzcover, with the JSON report",
    "conflicting_policies": "Give these jobs one retention, or none and set it on the storage: "
    "pvesm set {storage} --prune-backups keep-daily=7",
    "pbs_not_configured": "Add it under pbs: in vzcover’s configuration, with host {server} and a token that has DatastoreAudit",
    "folder_not_listed": "Give job {job} a storage in place of the folder: pvesh set /cluster/backup/{job} --storage NAME "
    "--delete dumpdir",
    "notes_not_read": "They are read in a later refresh, all within refresh.guest_config_interval",
    "ambiguous_groups": "Give each cluster a namespace of its own: pvesm set STORAGE --namespace NAME",
    "datastore_unreadable": "Look at it on the PBS: proxmox-backup-manager datastore show {datastore}; what it holds cannot be judged "
    "until then",
    "drills_unreadable": "Correct or remove these files: see docs/drills.md",
    "oracle_refused": "Repair what PVE names; if nothing is wrong there, report it as a defect of vzcover, with the JSON report",
    "oracle_silent": "Check the job by hand; report it as a defect of vzcover, with the JSON report",
    "storages_file_unreadable": "Correct the file: vzcover storages validate --file FILE",
    "history_unavailable": "Mend what it names; until then earlier days are not known, and none are kept",
}
