"""What the API accepts for a storage entry: fields, types and formats of POST and PUT /storage (J1, API schema 9.1)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.pve.call import MISSING, UNDEFINED

TYPES = (
    *("btrfs", "cephfs", "cifs", "dir", "esxi", "iscsi", "iscsidirect"),
    *("lvm", "lvmthin", "nfs", "pbs", "rbd", "zfs", "zfspool"),
)
CONTENT = frozenset({"images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"})
PERIODS = frozenset(f"keep-{period}" for period in ("last", "hourly", "daily", "weekly", "monthly", "yearly"))
TRUE, FALSE = frozenset({"1", "on", "yes", "true"}), frozenset({"0", "off", "no", "false"})
SECRETS = frozenset({"password", "encryption-key", "master-pubkey"})
REGEX = "value does not match the regex pattern"
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its type or format; whether an entry needs it, and whether it never changes."""

    kind: str = "string"
    needed: bool = False
    fixed: bool = False
    lowest: int | None = None
    highest: int | None = None
    longest: int | None = None


# the options of an entry of type pbs
OPTIONS: Mapping[str, Field] = {
    "server": Field("server", needed=True, fixed=True),
    "datastore": Field(needed=True, fixed=True),
    "namespace": Field(),
    "port": Field("integer", lowest=1, highest=65535),
    "nodes": Field("node-list"),
    "disable": Field("boolean"),
    "content": Field("content-list"),
    "username": Field(),
    "password": Field(longest=256),
    "encryption-key": Field(),
    "master-pubkey": Field(),
    "prune-backups": Field("prune-backups"),
    "max-protected-backups": Field("integer", lowest=-1),
    "fingerprint": Field("fingerprint"),
}
ONLY_UPDATED: Mapping[str, Field] = {"delete": Field("option-list", longest=4096), "digest": Field(longest=64)}
# fields of other types: the one schema of all types has them, and the code then does not expect them
FOREIGN = frozenset(
    [
        *("blocksize", "bwlimit", "comstar_hg", "comstar_tg", "content-dirs", "create-base-path", "create-subdirs"),
        *("data-pool", "domain", "format", "fs-name", "fuse", "is_mountpoint", "keyring", "krbd", "lio_tpg", "mkdir"),
        *("monhost", "mountpoint", "nocow", "nowritecache", "options", "pool", "preallocation", "saferemove"),
        *("saferemove-stepsize", "saferemove_throughput", "shared", "skip-cert-verification", "smbversion"),
        *("snapshot-as-volume-chain", "sparse", "subdir", "tagged_only", "zfs-base-path"),
    ]
)
FOREIGN_CREATED = frozenset(
    {"authsupported", "base", "export", "iscsiprovider", "path", "portal", "share", "target", "thinpool", "vgname"}
)
CREATE: Mapping[str, Field] = {
    "storage": Field("storage-id", needed=True),
    "type": Field("type", needed=True),
    **OPTIONS,
    **dict.fromkeys(sorted(FOREIGN | FOREIGN_CREATED), Field()),
}
UPDATE: Mapping[str, Field] = {
    "storage": Field("storage-id", needed=True),
    **{name: row for name, row in OPTIONS.items() if name != "datastore"},
    **ONLY_UPDATED,
    **dict.fromkeys(sorted(FOREIGN), Field()),
}


def problems(schema: Mapping[str, Field], given: Mapping[str, str]) -> dict[str, str]:
    """Given a schema and what was sent, return what is wrong with which field, in the genuine words."""
    found = {}
    for name, value in given.items():
        problem = _problem(schema[name], value) if name in schema else UNDEFINED
        if problem is not None:
            found[name] = problem
    missing = [name for name in ("storage", "type") if name in schema and name not in given]
    return found | dict.fromkeys(missing, MISSING)


def split_list(text: str) -> list[str]:
    """A list as the API takes it: by comma, semicolon, blank or NUL."""
    return [part for part in re.split(r"[,;\s\0]+", text) if part]


def _problem(row: Field, value: str) -> str | None:
    if row.longest is not None and len(value) > row.longest:
        return f"value may only be {row.longest} characters long"
    return CHECKS[row.kind](row, value) if row.kind in CHECKS else None


def _boolean(row: Field, value: str) -> str | None:
    return None if value.lower() in TRUE | FALSE else f"type check ('boolean') failed - got '{value}'"


def _integer(row: Field, value: str) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return f"type check ('integer') failed - got '{value}'"
    if row.lowest is not None and int(value) < row.lowest:
        return f"value must have a minimum value of {row.lowest}"
    if row.highest is not None and int(value) > row.highest:
        return f"value must have a maximum value of {row.highest}"
    return None


def _type(row: Field, value: str) -> str | None:
    return None if value in TYPES else f"value '{value}' does not have a value in the enumeration '{', '.join(TYPES)}'"


def _fingerprint(row: Field, value: str) -> str | None:
    return None if re.fullmatch(r"(?:[A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}", value) else REGEX


def _storage_id(row: Field, value: str) -> str | None:
    if re.fullmatch(r"[a-z][a-z0-9_.-]*[a-z0-9]", value, re.IGNORECASE):
        return None
    return _invalid(f"storage ID '{value}' contains illegal characters")


def _server(row: Field, value: str) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not re.fullmatch(rf"(?:{NAME}\.)*{NAME}", value):
            return _invalid("value does not look like a valid server name or IP address")
    return None


def _nodes(row: Field, value: str) -> str | None:
    for name in split_list(value):
        if not re.fullmatch(NAME, name):
            return _invalid("value does not look like a valid node name")
    return None


def _content(row: Field, value: str) -> str | None:
    for name in split_list(value):
        if name not in CONTENT:
            return _invalid(f"invalid content type '{name}'")
    return None


def _options(row: Field, value: str) -> str | None:
    for name in split_list(value):
        if not re.fullmatch(r"[a-z][a-z0-9_-]+", name, re.IGNORECASE):
            return _invalid(f"invalid configuration ID '{name}'")
    return None


def _prune(row: Field, value: str) -> str | None:
    """Options of E5, each a natural number; `keep-all` stands alone."""
    found: dict[str, str] = {}
    for part in value.split(","):
        key, equals, number = part.partition("=")
        if not equals:
            return _invalid("format error\nvalue without key, but schema does not define a default key")
        if key in found:
            return _invalid(f"format error\nduplicate key in comma-separated list property: {key}")
        found[key] = number
    for key, number in found.items():
        problem = _prune_problem(key, number)
        if problem is not None:
            return _invalid(f"format error\n{key}: {problem}")
    if found.get("keep-all", "0").lower() in TRUE and len(found) > 1:
        return _invalid("keep-all cannot be set together with other options.")
    return None


def _prune_problem(key: str, number: str) -> str | None:
    if key == "keep-all":
        return _boolean(Field(), number)
    return _integer(Field(lowest=0), number) if key in PERIODS else UNDEFINED


def _invalid(problem: str) -> str:
    return f"invalid format - {problem}\n"


CHECKS: Mapping[str, Callable[[Field, str], str | None]] = {
    "boolean": _boolean,
    "content-list": _content,
    "fingerprint": _fingerprint,
    "integer": _integer,
    "node-list": _nodes,
    "option-list": _options,
    "prune-backups": _prune,
    "server": _server,
    "storage-id": _storage_id,
    "type": _type,
}
