"""A PBS storage entry in one form, whether a file declares it or PVE has it, so that only real differences differ (rulebook J1)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from report.facts import StorageDefinition
from report.readings import Keep

PBS = "pbs"
DEFAULT_PORT = 8007
# what PVE falls back to where an entry names no account (J1)
DEFAULT_USERNAME = "root@pam"
FIXED = ("server", "datastore")
# options that speak of the nodes of one cluster
_OF_CLUSTER = ("nodes", "disable")
# every option that a file can declare, in the order in which people read them
OPTIONS = (*FIXED, "namespace", "port", "username", "fingerprint", "content", "nodes", "prune-backups", "disable")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One option: what PVE has and what it should have; None: the option is not set."""

    option: str
    before: str | None
    after: str | None


def options_of(definition: StorageDefinition) -> Mapping[str, str]:
    """Given an entry, return its options as PVE takes them, in one form and order; what is at PVE's default is left out.

    Two entries that differ in nothing but the case of a fingerprint or a server's name, or in the order of content, nodes or keep options,
    give the same.
    """
    port = definition.port or DEFAULT_PORT
    found = {
        "server": server_of(definition),
        "datastore": definition.datastore or "",
        "namespace": definition.namespace or "",
        "port": "" if port == DEFAULT_PORT else str(port),
        "username": definition.username or DEFAULT_USERNAME,
        "fingerprint": (definition.fingerprint or "").upper(),
        "content": ",".join(sorted(definition.content)),
        "nodes": ",".join(sorted(definition.nodes)),
        "prune-backups": prune_text(definition.keep),
        "disable": "1" if definition.disabled else "",
    }
    return {option: found[option] for option in OPTIONS if found[option]}


def add_command(definition: StorageDefinition) -> str:
    """Given an entry of a PBS, return the command that makes it on another cluster, on all nodes of it. It holds no secret: pvesm asks for
    the password, and FILE stands for the file of an encryption key.
    """
    options = {option: value for option, value in options_of(definition).items() if option not in _OF_CLUSTER}
    words = [part for option, value in options.items() for part in (f"--{option}", value)]
    key = ["--encryption-key", "FILE"] if definition.encryption_key else []
    return shlex.join(["pvesm", "add", PBS, definition.storage, *words, *key, "--password"])


def server_of(definition: StorageDefinition) -> str:
    """Given an entry, return its server's name or address in one form."""
    return (definition.server or "").lower().rstrip(".")


def prune_text(keep: Keep | None) -> str:
    """Given keep options, return them as PVE's property string; nothing for None (E1: then the node's own count)."""
    if keep is None:
        return ""
    return ",".join(f"{key}={number}" for key, number in sorted(keep)) or "keep-all=1"


def differences(wanted: StorageDefinition, present: StorageDefinition) -> tuple[FieldChange, ...]:
    """Given an entry as it should be and as it is, return the options that differ, in the order of reading; secrets are not compared."""
    before, after = options_of(present), options_of(wanted)
    options = dict.fromkeys([*after, *before])
    return tuple(
        FieldChange(option, before.get(option), after.get(option))
        for option in options
        if before.get(option) != after.get(option)
    )
