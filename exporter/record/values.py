"""How a value that is no plain name is renamed: ids made of several names, volumes, files, options. Unknown forms are never kept."""

from __future__ import annotations

import re
from collections.abc import Callable

from exporter.record.names import Names

Rename = Callable[[Names, str], str | None]

NODE, STORAGE, POOL, GUEST, JOB, TAG = "node", "storage", "pool", "guest", "job", "tag"
DATASTORE, NAMESPACE, REMOTE, HOST_GROUP = "datastore", "namespace", "remote", "host"
CLUSTER, NOTE, FOLDER, FILE, VOLUME, INSTANCE = "cluster", "note", "folder", "file", "volume", "instance"
LOCALHOST = "localhost"

_DIGITS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|")
_GROUP = re.compile(r"(?P<type>vm|ct|host)/(?P<id>[^/]+)(?P<rest>/[0-9A-FT:Z-]+)?")
_ARCHIVE = re.compile(
    r"backup/(?:vzdump-(?:qemu|lxc|openvz)-[0-9]+-[0-9_]{10}-[0-9_]{8}\.[a-z0-9.]+|(?:vm|ct)/[0-9]+/[0-9T:Z-]+)"
)
_ENDING = re.compile(r"(?:\.(?:vma|tar|tgz|gz|lzo|zst|bz2))+$")
_DISK = re.compile(
    r"(?:[0-9]+/)?(?:vm|base|subvol|basevol)-[0-9]+-(?:disk-[0-9]+|cloudinit)(?:\.(?:raw|qcow2|vmdk|subvol))?"
)
_OPTION = re.compile(
    r"(?:size|backup|media|ro|shared|replicate|efitype|pre-enrolled-keys|version|iothread|discard|ssd|acl)=[\w.]*"
)
_CREATION = re.compile(r"(?:creation-qemu|ctime)=[0-9.]+")
_SERVER_FILE = re.compile(
    r"(?:index\.json|client\.log|qemu-server\.conf|fw\.conf|pct\.conf)\.blob|catalog\.pcat1\.didx"
    r"|(?:drive-[a-z]+[0-9]+\.img|root\.pxar|root\.[mp]pxar|mp[0-9]+\.pxar)\.[fd]idx"
)
_FILE_ENDING = re.compile(r"(?:\.(?:pxar|mpxar|ppxar|img|conf|log))?\.(?:fidx|didx|blob)$")
# the part of a path of access rules that names something, and what it names
_ACCESS = {"nodes": NODE, "storage": STORAGE, "pool": POOL, "datastore": DATASTORE, "remote": REMOTE}
_ACCESS_PLAIN = re.compile(
    r"/(?:|access|access/groups|access/users|access/acl|access/openid|access/domains|nodes|pool|sdn|sdn/zones|storage|vms|vms/[0-9]+"
    r"|mapping|mapping/[a-z]+|datastore|remote|system|system/[a-z]+(?:/[a-z]+)?|tape|tape/[a-z]+)"
)


def digits(_: Names, value: str) -> str | None:
    """Keep a number or nothing at all; whatever else is there goes."""
    return value if _DIGITS.fullmatch(value) else None


def kept(pattern: str) -> Rename:
    """Keep what is wholly of this pattern; whatever else is there goes."""
    compiled = re.compile(pattern)
    return lambda names, value: value if compiled.fullmatch(value) else None


def named(kind: str) -> Rename:
    return lambda names, value: names.of(kind, value)


def path_of(kind: str) -> Rename:
    return lambda names, value: names.parts(kind, value)


def listed(kind: str) -> Rename:
    """Rename each of a list in one string, whatever separates them."""
    return lambda names, value: re.sub(r"[^,;\s]+", lambda found: names.of(kind, found[0]), value)


def node(names: Names, value: str) -> str:
    """Rename a node; `localhost` is nobody's name."""
    return value if value == LOCALHOST else names.of(NODE, value)


def auth_id(names: Names, value: str) -> str:
    return names.auth_id(value)


def address(names: Names, value: str) -> str:
    return names.address(value)


def fingerprint(names: Names, value: str) -> str | None:
    """Rename a fingerprint; `1` stands for one elsewhere, and stays."""
    return digits(names, value) if len(value) < 16 else names.fingerprint(value)


def folder(names: Names, value: str) -> str:
    return f"/{names.of(FOLDER, value)}" if value else value


def resource_id(names: Names, value: str) -> str | None:
    """Rename `node/pve1`, `storage/pve1/local`, `/pool/prod`; guests stay, other kinds go."""
    area, _, rest = value.lstrip("/").partition("/")
    if area in ("qemu", "lxc"):
        return value
    if area == "node":
        return f"node/{node(names, rest)}"
    if area == "storage":
        where, _, what = rest.partition("/")
        return f"storage/{node(names, where)}/{names.of(STORAGE, what)}"
    return f"/pool/{names.parts(POOL, rest)}" if area == "pool" else names.of("other", value)


def volume(names: Names, value: str) -> str:
    """Rename `STORAGE:VOLUME`, or a path; disks and archives of the usual form stay under their storage."""
    if value in ("none", "cdrom"):
        return value
    storage, colon, rest = value.partition(":")
    if not colon:
        return folder(names, value)
    if _DISK.fullmatch(rest) or _ARCHIVE.fullmatch(rest):
        return f"{names.of(STORAGE, storage)}:{rest}"
    if rest.startswith("backup/"):
        return f"{names.of(STORAGE, storage)}:backup/{archive(names, rest.removeprefix('backup/'))}"
    return f"{names.of(STORAGE, storage)}:{names.of(VOLUME, rest)}"


def archive(names: Names, value: str) -> str:
    """Rename a backup file, without its folder; those that PVE names stay, and so does the ending, which tells the type (D7)."""
    if _ARCHIVE.fullmatch(f"backup/{value}"):
        return value
    ending = _ENDING.search(value)
    return names.of(VOLUME, value) + (ending[0] if ending else "")


def disk(names: Names, value: str) -> str:
    """Rename a disk of a guest's configuration, with those of its options that say something about backup and size."""
    drive, *options = value.split(",")
    shown = [option for option in options if _OPTION.fullmatch(option)]
    shown += [f"mp={folder(names, option[3:])}" for option in options if option.startswith("mp=")]
    return ",".join([volume(names, drive.removeprefix("file=").removeprefix("volume=")), *shown])


def creation(_: Names, value: str) -> str:
    return ",".join(part for part in value.split(",") if _CREATION.fullmatch(part))


def digest(_: Names, value: str) -> str:
    """Keep that there is one: what it is the checksum of was renamed."""
    return "0" * len(value)


def note(names: Names, value: str) -> str:
    """Rename a comment as a whole; a line end stays, because PBS shows the first line with it."""
    return names.of(NOTE, value.rstrip("\n")) + ("\n" if value.endswith("\n") else "")


def maintenance(_: Names, value: str) -> str:
    """Keep the kind of maintenance, without its message."""
    return value.partition(",")[0] if re.fullmatch(r"(?:type=)?[a-z0-9-]+", value.partition(",")[0]) else "offline"


def backup_file(names: Names, value: str) -> str:
    """Rename an archive of a backup group; those that PVE makes stay."""
    if _SERVER_FILE.fullmatch(value):
        return value
    ending = _FILE_ENDING.search(value)
    return names.of(FILE, value) + (ending[0] if ending else "")


def group_filter(names: Names, value: str) -> str | None:
    """Rename `group:host/elsa`; `type:vm` stays, a pattern goes."""
    excluded = "exclude:" if value.startswith("exclude:") else ""
    kind, _, what = value.removeprefix(excluded).removeprefix("include:").partition(":")
    if kind == "type":
        return value
    return f"{excluded}group:{group(names, what)}" if kind == "group" else None


def group(names: Names, value: str) -> str:
    """Rename `vm/100`, `host/elsa` or a snapshot of it."""
    found = _GROUP.fullmatch(value)
    if found is None:
        return names.of("other", value)
    return f"{found['type']}/{group_id(names, found['id'])}{found['rest'] or ''}"


def group_id(names: Names, value: str) -> str:
    """Rename a backup id; a guest's number stays."""
    return value if value.isdecimal() else names.of(HOST_GROUP, value)


def worker_id(names: Names, kind: str, value: str) -> str:
    """Given a task's type and its id, rename the parts: the datastore, and namespace, job or group behind it (H14)."""
    if kind.startswith(("vz", "qm", "apt", "pct")) or not value or value.isdecimal():
        return value if value.isdecimal() else ""
    if kind == "syncjob":
        kinds = (REMOTE, DATASTORE, DATASTORE, NAMESPACE, JOB)
        parts = zip(value.split(":"), kinds, strict=False)
        return ":".join(names.parts(of, part) if of == NAMESPACE else names.of(of, part) for part, of in parts)
    store, colon, rest = value.partition(":")
    if not colon:
        return names.of(DATASTORE, store)
    if kind == "verificationjob":
        return f"{names.of(DATASTORE, store)}:{names.of(JOB, rest)}"
    return f"{names.of(DATASTORE, store)}:{_within(names, rest)}"


def _within(names: Names, rest: str) -> str:
    """Rename what stands behind a datastore: a namespace, a group, or both."""
    found = re.search(r"(?:^|[:/])(?P<group>(?:vm|ct|host)/[^/:]+(?:/[^/]+)?)$", rest)
    if found is None:
        return names.parts(NAMESPACE, rest)
    before = rest[: found.start("group")]
    return (names.parts(NAMESPACE, before[:-1]) + before[-1] if before else "") + group(names, found["group"])


def upid(names: Names, value: str) -> str:
    """Rename node, id and user of a task; PBS writes `/` as `-` in it, and `-` and `:` as `\\x2d` and `\\x3a`."""
    parts = value.split(":")
    if len(parts) < 8 or parts[0] != "UPID":
        return names.of("other", value)
    at = (
        6
        if len(parts) >= 9 and re.fullmatch(r"[0-9A-Fa-f]{8,}", parts[5]) and re.fullmatch(r"[0-9A-Fa-f]{8}", parts[4])
        else 5
    )
    parts[1] = node(names, parts[1])
    plain = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), parts[at + 1].replace("-", "/"))
    renamed = worker_id(names, parts[at], plain)
    parts[at + 1] = renamed.replace("-", r"\x2d").replace(":", r"\x3a").replace("/", "-")
    if parts[at + 2]:
        parts[at + 2] = names.auth_id(parts[at + 2])
    return ":".join(parts[: at + 4])


def access_path(names: Names, value: str) -> str:
    """Rename a path of access rules: `/storage/local`, `/datastore/main/prod`, `/pool/a/b`."""
    if _ACCESS_PLAIN.fullmatch(value):
        return value
    area, _, rest = value.removeprefix("/").partition("/")
    if area == "datastore":
        store, slash, namespace = rest.partition("/")
        return f"/datastore/{names.of(DATASTORE, store)}{slash}{names.parts(NAMESPACE, namespace) if slash else ''}"
    if area in _ACCESS:
        return f"/{area}/{names.parts(_ACCESS[area], rest)}"
    return f"/{names.of('other', value)}"
