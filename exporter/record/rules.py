"""Which field of an answer may be shown, and how: a table. A text under a key that has no row goes; numbers and truth values stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.record import values as to
from exporter.record.values import Rename

# closed vocabularies and grammars without names in them
_WORD = to.kept(r"[a-z0-9_.+-]{0,24}")
_WORDS = to.kept(r"[a-z0-9 ,;_=.+-]{0,120}")
_SCHEDULE = to.kept(r"[A-Za-z0-9 *,:./~-]{0,200}")
_NUMBERS = to.kept(r"[0-9 ,;-]*")
_RELEASE = to.kept(r"[0-9a-z.~+-]{1,24}")
_ZONE = to.kept(r"[A-Za-z0-9_+/-]{1,40}")
_KEEP = to.kept(r"(?:(?:keep-(?:all|last|hourly|daily|weekly|monthly|yearly))=[0-9]+,?)*")
_REASON = to.kept(r"[A-Za-z =]{0,60}")
_SLOT = to.kept(r"[0-9]+:[a-z]+[0-9]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """A key, where it counts (a beginning of the endpoint), and what becomes of its text."""

    key: str
    rename: Rename
    endpoint: str = ""


# the more particular rows of a key come first
RULES = (
    Rule("id", to.resource_id, "/cluster/resources"),
    Rule("id", to.resource_id, "/pools"),
    Rule("id", to.resource_id, "/cluster/status"),
    Rule("id", to.named(to.JOB), "/cluster/backup"),
    Rule("id", to.named(to.JOB), "/config"),
    Rule("id", to.named(to.JOB), "/admin"),
    Rule("id", to.named(to.INSTANCE), "/nodes/{node}/identity"),
    Rule("name", to.named(to.GUEST), "/cluster/resources"),
    Rule("name", to.named(to.GUEST), "/cluster/backup-info"),
    Rule("name", to.named(to.GUEST), "/pools"),
    Rule("name", to.named(to.GUEST), "/nodes/{node}/qemu"),
    Rule("hostname", to.named(to.GUEST), "/nodes/{node}/lxc"),
    Rule("ip", to.address, "/cluster/status"),
    Rule("node", to.node),
    Rule("nodes", to.listed(to.NODE)),
    Rule("storage", to.named(to.STORAGE)),
    Rule("poolid", to.path_of(to.POOL)),
    Rule("pool", to.path_of(to.POOL)),
    Rule("tags", to.listed(to.TAG)),
    Rule("parent", to.named("snapshot"), "/nodes"),
    Rule("comment", to.note),
    Rule("description", to.note),
    Rule("notes", to.note),
    Rule("dumpdir", to.folder),
    Rule("path", to.folder),
    Rule("export", to.folder),
    Rule("share", to.folder),
    Rule("subdir", to.folder, "/storage"),
    Rule("server", to.address),
    Rule("fingerprint", to.fingerprint),
    Rule("encryption-key", to.fingerprint),
    Rule("encrypted", to.fingerprint),
    Rule("username", to.auth_id),
    Rule("user", to.auth_id),
    Rule("owner", to.auth_id),
    Rule("datastore", to.named(to.DATASTORE)),
    Rule("store", to.named(to.DATASTORE)),
    Rule("remote-store", to.named(to.DATASTORE)),
    Rule("remote", to.named(to.REMOTE)),
    Rule("namespace", to.path_of(to.NAMESPACE)),
    Rule("ns", to.path_of(to.NAMESPACE)),
    Rule("remote-ns", to.path_of(to.NAMESPACE)),
    Rule("backup-id", to.group_id),
    Rule("files", to.backup_file),
    Rule("filename", to.backup_file),
    Rule("group-filter", to.group_filter),
    Rule("maintenance", to.maintenance),
    Rule("upid", to.upid),
    Rule("last-run-upid", to.upid),
    Rule("volid", to.volume),
    Rule("pbs-instance-id", to.named(to.INSTANCE)),
    Rule("meta", to.creation),
    Rule("digest", to.digest),
    Rule("reason", _REASON, "/cluster/backup"),
    Rule("schedule", _SCHEDULE),
    Rule("starttime", _SCHEDULE),
    Rule("dow", _WORDS),
    Rule("vmid", _NUMBERS),
    Rule("exclude", _NUMBERS),
    Rule("prune-backups", _KEEP),
    Rule("version", _RELEASE),
    Rule("release", _RELEASE),
    Rule("timezone", _ZONE),
    Rule("content", _WORDS),
    *(
        Rule(key, _WORD)
        for key in (
            *(
                "type",
                "status",
                "mode",
                "lock",
                "mark",
                "subtype",
                "format",
                "plugintype",
                "hastate",
                "bios",
                "compress",
            ),
            *("backup-type", "crypt-mode", "state", "worker_type", "sync-direction", "mount-status", "ostype"),
        )
    ),
)
# keys under which a server writes sentences
SENTENCES = frozenset({"error", "last-run-state", "message"})
_SENTENCE_IN_TASKS = "status"
# names that PVE writes as numbers where they look like one
NUMBERS_TOO = frozenset({"name", "hostname", "pool", "storage", "node", "tags", "comment", "description"})
_DRIVE = re.compile(r"(?:scsi|sata|ide|virtio|efidisk|tpmstate|mp|unused)[0-9]+|rootfs")
_BY_KEY: Mapping[str, tuple[Rule, ...]] = {
    key: tuple(rule for rule in RULES if rule.key == key) for key in {rule.key for rule in RULES}
}


def rule_for(endpoint: str, above: tuple[str, ...], key: str) -> Rename:
    """Given an endpoint without ids, the keys above, and a key, return how its text is renamed."""
    if endpoint.endswith("/included_volumes") and key in ("id", "name"):
        guest = above.count("children") == 1
        return {"id": to.digits if guest else _SLOT, "name": to.named(to.GUEST) if guest else to.volume}[key]
    if endpoint.endswith("/config") and _DRIVE.fullmatch(key):
        return to.disk
    rules = _BY_KEY.get(key, ())
    return next((rule.rename for rule in rules if endpoint.startswith(rule.endpoint)), to.digits)


def is_sentence(endpoint: str, key: str) -> bool:
    """Given an endpoint and a key, say whether a server writes sentences there."""
    return key in SENTENCES or (key == _SENTENCE_IN_TASKS and endpoint.endswith("/tasks"))
