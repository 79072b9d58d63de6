"""How entries are stored: values as the configuration file keeps them, keys, secrets, and what hangs on an entry (J1, J9)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.answers import failure
from simulator.model import Cluster, Pool, Properties, Storage
from simulator.pve.storage_fields import OPTIONS, SECRETS, TRUE, split_list
from simulator.reach import Beyond

NO_KEY = "Value does not seems like a valid, JSON formatted encryption key!"


def digest_of(cluster: Cluster) -> str:
    """The SHA-1 of the whole storage configuration (J1); secrets are not part of it."""
    every = [[storage.name, dict(storage.config)] for storage in cluster.storages.values()]
    return hashlib.sha1(json.dumps(every).encode(), usedforsecurity=False).hexdigest()


def stored(given: Mapping[str, str]) -> dict[str, Any]:
    """Given options as they were sent, return them as they are stored and shown; empty ones are not."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key not in OPTIONS:
            raise failure(500, f"unexpected property '{key}'")
        if value:
            found[key] = _value(key, OPTIONS[key].kind, value)
    return found


def _value(key: str, kind: str, value: str) -> object:
    if kind == "boolean":
        return int(value.lower() in TRUE)
    if kind == "integer":
        return int(value)
    if kind == "content-list":
        return _content(split_list(value))
    if kind == "node-list":
        return _unordered(split_list(value))
    if kind == "prune-backups":
        return ",".join(sorted(value.split(",")))
    return value


def _content(wanted: list[str]) -> str:
    """The contents that such a storage can have; the genuine code only warns of others and leaves them out."""
    known = [name for name in wanted if name in {"backup", "none"}]
    if "none" in known and len(set(known)) > 1:
        raise failure(500, "unable to combine 'none' with other content types")
    return _unordered(known) or "none"


def _unordered(names: list[str]) -> str:
    """A set as the API shows it: in an order of its own, which is not the one it was given in."""
    return ",".join(sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest()))


def with_keys(config: dict[str, Any], given: Mapping[str, str], now: int, creating: bool) -> dict[str, str]:
    """Put the marks of given keys into an entry; return what the answer says of them: a key, this once (J1, J3)."""
    answer: dict[str, str] = {}
    if "encryption-key" in given:
        text = _new_key(now) if given["encryption-key"] == "autogen" else given["encryption-key"]
        answer["encryption-key"], config["encryption-key"] = text, _key_mark(text)
    if "master-pubkey" in given:
        if creating and "encryption-key" not in given:
            raise failure(500, "'master-pubkey' can only be used together with 'encryption-key'")
        config["master-pubkey"] = 1
    return answer


def _new_key(now: int) -> str:
    data = secrets.token_bytes(64)
    key = {
        "kdf": None,
        "created": now,
        "modified": now,
        "data": base64.b64encode(data).decode(),
        "fingerprint": hashlib.sha256(data).digest().hex(":"),
    }
    return json.dumps(key)


def _key_mark(text: str) -> str | int:
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict) or "data" not in key:
        raise failure(500, NO_KEY)
    return str(key["fingerprint"]) if key.get("fingerprint") else 1


def with_entry(cluster: Cluster, entry: Storage) -> Cluster:
    """Given a cluster, return it with that entry; one of type pbs without a content holds backups."""
    if entry.kind == "pbs" and "content" not in entry.config:
        entry = replace(entry, config={**entry.config, "content": "backup"})
    return replace(cluster, storages={**cluster.storages, entry.name: entry})


def with_secret(cluster: Cluster, name: str, password: str | None, key: str | None) -> Cluster:
    passwords = {**cluster.passwords, name: password} if password else cluster.passwords
    return replace(cluster, passwords=passwords, keys={**cluster.keys, name: key} if key else cluster.keys)


def without_secrets(cluster: Cluster, name: str, which: frozenset[str]) -> Cluster:
    passwords, keys = dict(cluster.passwords), dict(cluster.keys)
    if "password" in which:
        passwords.pop(name, None)
    if "encryption-key" in which:
        keys.pop(name, None)
    return replace(cluster, passwords=passwords, keys=keys)


def _pool_without(pool: Pool, storage: str) -> Pool:
    return replace(pool, storages=tuple(name for name in pool.storages if name != storage))


def without_entry(cluster: Cluster, name: str) -> Cluster:
    """Given a cluster, return it without that entry and what hangs on it (J9)."""
    return replace(
        without_secrets(cluster, name, SECRETS),
        storages={key: one for key, one in cluster.storages.items() if key != name},
        access=tuple(entry for entry in cluster.access if entry.path != f"/storage/{name}"),
        pools={key: _pool_without(pool, name) for key, pool in cluster.pools.items()},
    )


def edited(cluster: Cluster, name: str, changes: Properties) -> Cluster:
    """An edit of the file by hand: keys set, None removes one; a new entry needs `type`. Raises KeyError without one."""
    before = cluster.storages.get(name)
    if before is None and "type" not in changes:
        raise KeyError(name)
    config = {
        **(before.config if before else {}),
        **{key: value for key, value in changes.items() if key != "password"},
    }
    config = {key: value for key, value in config.items() if value is not None}
    fresh = Storage(name, config, probe=Beyond(config) if config["type"] == "pbs" else None)
    changed = with_entry(cluster, replace(before, config=config) if before else fresh)
    if "password" in changes and changes["password"] is None:
        return without_secrets(changed, name, frozenset({"password"}))
    return with_secret(changed, name, changes.get("password"), None)
