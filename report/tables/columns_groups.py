"""The columns of the table of backup groups. The keys are stable; new columns are added at the end."""

from __future__ import annotations

from collections.abc import Sequence

from report.model.groups import GroupReport
from report.tables.cells import TableColumn, columns, instant, keep_cell, listed
from report.words import describe_retention

GROUP_COLUMNS: Sequence[TableColumn[GroupReport]] = columns(
    ("server", lambda group, language, zone: group.server),
    ("datastore", lambda group, language, zone: group.datastore),
    ("namespace", lambda group, language, zone: group.namespace),
    ("backup_type", lambda group, language, zone: group.backup_type),
    ("backup_id", lambda group, language, zone: group.backup_id),
    ("match", lambda group, language, zone: group.match),
    ("pve", lambda group, language, zone: group.pve),
    ("vmid", lambda group, language, zone: group.vmid),
    ("owner", lambda group, language, zone: group.owner),
    ("snapshots", lambda group, language, zone: group.snapshots),
    ("unfinished", lambda group, language, zone: group.unfinished),
    ("renamed", lambda group, language, zone: group.renamed),
    ("protected", lambda group, language, zone: group.protected),
    ("encrypted", lambda group, language, zone: group.encrypted),
    ("verified", lambda group, language, zone: group.verified),
    ("verify_failed", lambda group, language, zone: group.verify_failed),
    ("inherited", lambda group, language, zone: group.inherited),
    ("incomplete", lambda group, language, zone: group.incomplete),
    ("newest", lambda group, language, zone: instant(group.newest_at)),
    ("oldest", lambda group, language, zone: instant(group.oldest_at)),
    ("newest_size_bytes", lambda group, language, zone: group.newest_size_bytes),
    ("pruned_by", lambda group, language, zone: listed(group.policy.pruned_by)),
    ("keep", lambda group, language, zone: keep_cell(group.policy.keep)),
    ("next_prune", lambda group, language, zone: instant(group.policy.next_prune_at)),
    ("next_prune_removes", lambda group, language, zone: group.policy.next_prune_removes),
    ("nominal", lambda group, language, zone: group.nominal),
    ("expected", lambda group, language, zone: group.expected),
    ("low", lambda group, language, zone: group.low),
    ("high", lambda group, language, zone: group.high),
    ("actual", lambda group, language, zone: group.actual),
    ("delta", lambda group, language, zone: group.delta),
    ("missing", lambda group, language, zone: group.missing),
    ("surplus", lambda group, language, zone: group.surplus),
    ("state", lambda group, language, zone: group.state),
    ("versions", lambda group, language, zone: describe_retention(group, language)),
    ("read_at", lambda group, language, zone: instant(group.read_at)),
    ("comment", lambda group, language, zone: group.comment),
    ("verified_elsewhere", lambda group, language, zone: group.verified_elsewhere),
)
