"""Definitions of the JSON Schema for what is expected and what was found: policy, waivers, findings, changes, a guest's backups."""

from __future__ import annotations

from report.findings import FindingCode, Severity
from report.model.guests import DiskCover, Protection
from report.model.report import ChangeKind
from report.tables.schema_parts import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    FLAG_OR_NULL,
    INSTANT,
    INSTANT_OR_NULL,
    PARAMS,
    SECONDS_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    VMID,
    Schema,
    described,
    listed,
    nullable,
    one_of,
    record,
    reference,
)
from report.timeline import DayState

_VMID_OR_NULL: Schema = {"type": ["integer", "null"]}
_PROTECTION_OR_NULL: Schema = {"enum": [*(str(state) for state in Protection), None]}
_DEMAND = described(SECONDS_OR_NULL, "null: not demanded")
_FINDING: dict[str, Schema] = {
    "code": one_of(FindingCode),
    "severity": described(one_of(Severity), "information lowers no verdict"),
    "subject": described(TEXT, "what of the guest it is about: a volume, a place, a job; empty: all of it"),
    "params": described(PARAMS, "threshold and evidence: docs/findings.md"),
    "text": described(TEXT, "a phrase; instants in UTC"),
    "since": described(INSTANT_OR_NULL, "the report in which it appeared; epoch seconds, UTC; null: not known"),
}

FINDING_DEFINITIONS: dict[str, Schema] = {
    "finding": record(**_FINDING),
    "estate_finding": record(source=described(TEXT, "the cluster or server; empty: none"), **_FINDING),
    "waived_finding": record(finding=reference("finding"), waiver=reference("waiver")),
    "scope": described(
        record(
            clusters=listed(TEXT),
            pools=described(listed(TEXT), "with their sub-pools"),
            tags=listed(TEXT),
            names=described(listed(TEXT), "patterns"),
            vmids=described(listed({"type": "array", "items": VMID, "minItems": 2, "maxItems": 2}), "from, to"),
        ),
        "a guest is meant that matches every list that is not empty",
    ),
    "waiver": record(
        scope=reference("scope"),
        code=described(TEXT, "the finding; empty: every one"),
        volume=described(TEXT, "empty: every one"),
        reason=TEXT,
        owner=TEXT,
        until=described(INSTANT_OR_NULL, "last second at which it holds; epoch seconds, UTC; null: without end"),
        origin=described(TEXT, "configuration, tag or notes"),
    ),
    "expectation": record(
        demanded=FLAG,
        templates=described(FLAG, "whether templates are demanded too"),
        stopped=described(FLAG, "whether guests that are not running are demanded too"),
        max_age_seconds=described(SECONDS_OR_NULL, "null: as the schedules promise"),
        verified_within_seconds=_DEMAND,
        copies=COUNT,
        offsite=FLAG,
        offsite_max_age_seconds=described(SECONDS_OR_NULL, "null: as for the newest backup"),
        encrypted=FLAG,
        allowed_volumes=described(listed(TEXT), "patterns of volumes that may be left out"),
        restore_proven_within_seconds=_DEMAND,
    ),
    "policy": record(
        demand_templates=described(FLAG, "as default.templates"),
        default=reference("expectation"),
        rules=described(
            listed(record(name=TEXT, scope=reference("scope"), expectation=reference("expectation"))),
            "the first that matches a guest holds for it",
        ),
        waivers=described(listed(reference("waiver")), "those of the configuration"),
        stores=listed(
            record(
                server=TEXT,
                datastore=described(TEXT, "empty: all of the server"),
                site=TEXT,
                offsite=FLAG,
                media=TEXT,
                immutable=FLAG,
            )
        ),
        waive_by_tag=described(TEXT, "the tag that waives a guest; empty: none"),
        waive_in_notes=FLAG,
        zone=described(TEXT, "in which a day in notes ends"),
    ),
    "usable_backup": record(
        server=TEXT,
        datastore=TEXT,
        namespace=TEXT,
        backup_type=TEXT,
        backup_id=TEXT,
        at=INSTANT,
        storage=described(TEXT_OR_NULL, "the storage by which the guest’s own cluster reaches it; null: none"),
        volume=described(TEXT_OR_NULL, "its volume id there"),
        size_bytes=COUNT_OR_NULL,
        verified=described(FLAG_OR_NULL, "ok, where it lies; null: not applicable, a file, which nothing verifies"),
        verified_elsewhere=described(
            TEXT_OR_NULL, "the source, NODE/DATASTORE, that verified it where nobody else did"
        ),
        encrypted=described(FLAG_OR_NULL, "by the client; null: not applicable, a file"),
        key=described(TEXT_OR_NULL, "fingerprint of its key"),
        nodes=described(listed(TEXT), "the nodes from which alone it can be restored; empty: any of the cluster"),
    ),
    "copy": record(
        server=TEXT,
        datastore=TEXT,
        newest=INSTANT,
        within_limit=described(FLAG, "recent enough to count as a copy"),
        same_time=described(FLAG, "the newest backup itself, or a synced copy of it"),
        site=TEXT,
        offsite=FLAG,
        media=TEXT,
        immutable=FLAG,
        sync_job=described(TEXT, "the sync job of its server that brings it; empty: none is known"),
        sync_status=described(TEXT_OR_NULL, "how that job’s last run ended, or never, or running"),
        sync_ended=INSTANT_OR_NULL,
    ),
    "proof": record(
        observed=described(nullable("restore"), "a restore task that was seen; null: none was"),
        reported=described(nullable("restore"), "a drill that was reported; null: none was"),
    ),
    "restore": record(
        at=INSTANT,
        by=described(TEXT, "the node that restored it, or who reported it"),
        backup=INSTANT_OR_NULL,
        target_vmid=_VMID_OR_NULL,
    ),
    "change": record(
        kind=one_of(ChangeKind),
        pve=TEXT,
        vmid=VMID,
        name=TEXT_OR_NULL,
        before=described(_PROTECTION_OR_NULL, "null: the guest was not there"),
        after=described(_PROTECTION_OR_NULL, "null: it is gone"),
        causes=described(listed(reference("reason")), "what changed about it"),
        findings=described(listed(reference("finding")), "those that lower the verdict and were not there before"),
    ),
}

# what a guest has beside what it is and what is planned for it
FOUND_OF_GUEST: dict[str, Schema] = {
    "rule": described(TEXT, "the policy’s rule for it; empty: the default"),
    "limit_seconds": described(SECONDS_OR_NULL, "greatest accepted age of the newest usable backup, grace included"),
    "findings": described(listed(reference("finding")), "the gravest first"),
    "waived": described(listed(reference("waived_finding")), "findings that a waiver takes out"),
    "waiver": described(nullable("waiver"), "the one of the guest as a whole"),
    "newest_usable": described(nullable("usable_backup"), "null: none was seen"),
    "copies": described(listed(reference("copy")), "stores that hold usable backups, the newest first"),
    "copies_known": described(
        FLAG, "false: another store may hold one that was not seen, or which are recent is not known"
    ),
    "disks": described(one_of(DiskCover), "how much of it its active jobs save"),
    "last_failure": described(INSTANT_OR_NULL, "start of its newest attempt that failed; epoch seconds, UTC"),
    "last_duration_seconds": described(SECONDS_OR_NULL, "of its newest finished backup"),
    "proof": described(reference("proof"), "the newest restores that worked"),
    "restore_command": described(
        TEXT,
        "to be run on a node of its cluster; STORAGE stands for a storage to choose; empty: no storage leads to a usable backup",
    ),
    "days": described(listed(one_of(DayState)), "its last 28 days, today last, in the zone of the report"),
}
