"""Storage entries: lists as recorded, and writes by rules J1-J9 and the API schema.

The answers to reading were recorded on a genuine PVE; those to POST, PUT and DELETE were not: they follow the rulebook,
the schema, and the words of the genuine code. Entries of other types than pbs can be read only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from simulator.answers import Answer, ApiError, bad_parameters, failure, success
from simulator.model import Cluster, Storage
from simulator.pve.call import Call, Changed, Row
from simulator.pve.connect import RefusalError, datastores, refusal
from simulator.pve.storage_entries import (
    digest_of,
    stored,
    with_entry,
    with_keys,
    with_secret,
    without_entry,
    without_secrets,
)
from simulator.pve.storage_fields import CREATE, OPTIONS, SECRETS, UPDATE, problems, split_list
from simulator.reach import Beyond

NETWORK_KINDS = frozenset({"pbs", "nfs", "cifs", "cephfs"})
MODIFIED = "detected modified configuration - file changed by other user? Try again."


def storages(call: Call) -> Answer:
    """The storage entries the caller may see, each with the digest of the whole file (J1, J2)."""
    digest, wanted = digest_of(call.cluster), call.text("type")
    return success(
        [
            _row(storage, digest)
            for storage in call.cluster.storages.values()
            if wanted in {None, storage.kind} and call.permissions.sees_storage(storage.name)
        ]
    )


def storage(call: Call) -> Answer:
    """One entry; the caller already has Datastore.Allocate (J2, M6)."""
    return success(_row(_existing(call), digest_of(call.cluster)))


def _row(storage: Storage, digest: str) -> Row:
    row: Row = {**storage.config, "storage": storage.name, "digest": digest}
    return row | ({"shared": 1} if storage.kind in NETWORK_KINDS else {})


def scan(call: Call) -> Answer:
    """The datastores that a backup server shows to an account; the secret stands in the URL (J10)."""
    try:
        rows = datastores(call.parameters, call.text("password"))
    except RefusalError as error:
        raise failure(500, str(error)) from None
    return success([{key: row[key] for key in ("store", "comment") if row.get(key)} for row in rows])


def create(call: Call) -> Changed:
    """A new entry, stored only if its backup server shows the datastore where this node would use it (J3)."""
    given = dict(call.parameters)
    _verify(problems(CREATE, given))
    name, kind = given.pop("storage"), given.pop("type")
    if kind != "pbs":
        raise failure(501, f"storages of type {kind} are not simulated")
    if not given.get("nodes"):
        given.pop("nodes", None)
    config = {"type": kind, **stored({key: value for key, value in given.items() if key not in SECRETS})}
    for key, row in OPTIONS.items():
        if row.needed and not given.get(key):
            raise failure(500, f"missing value for required option '{key}'")
    try:
        if name in call.cluster.storages:
            raise failure(500, f"storage ID '{name}' already defined")
        answer = with_keys(config, given, call.now, creating=True)
        entry = Storage(name, config, probe=Beyond(config))
        _demand_connection(call.cluster, entry, given.get("password"))
    except ApiError as error:
        raise _during("create", error) from None
    changed = with_entry(call.cluster, entry)
    changed = with_secret(changed, name, given.get("password"), answer.get("encryption-key"))
    return changed, {"storage": name, "type": kind, "config": answer}


def update(call: Call) -> Changed:
    """An entry with some options set and others deleted; nothing is connected to (J4-J8)."""
    given = dict(call.parameters)
    _verify(problems(UPDATE, given))
    try:
        if given.pop("digest", "") not in {"", digest_of(call.cluster)}:
            raise failure(500, MODIFIED)
        before = _existing(call)
        return _updated(call, before, given)
    except ApiError as error:
        raise _during("update", error) from None


def _updated(call: Call, before: Storage, given: dict[str, str]) -> Changed:
    name, deleted = given.pop("storage"), split_list(given.pop("delete", ""))
    if before.kind != "pbs":
        raise failure(501, f"writes to storages of type {before.kind} are not simulated")
    for key in given:
        if key in OPTIONS and OPTIONS[key].fixed:
            raise failure(500, f"can't change value of fixed parameter '{key}'")
    options = stored({key: value for key, value in given.items() if key not in SECRETS})
    _refuse_deletions(deleted, given)
    # an empty value is not written, which leaves the option out
    gone = {*deleted, *(key for key in given if not given[key])}
    config = {key: value for key, value in {**before.config, **options}.items() if key not in gone}
    answer = with_keys(config, given, call.now, creating=False)
    changed = with_entry(call.cluster, replace(before, config=config))
    changed = without_secrets(changed, name, SECRETS.intersection(deleted))
    changed = with_secret(changed, name, given.get("password"), answer.get("encryption-key"))
    return changed, {"storage": name, "type": before.kind, "config": answer}


def _refuse_deletions(deleted: list[str], given: Mapping[str, str]) -> None:
    """Raise the genuine error for an option that cannot be deleted (J6)."""
    for key in deleted:
        if key not in OPTIONS:
            raise failure(500, f"no such option '{key}'")
        if OPTIONS[key].needed:
            raise failure(500, f"unable to delete required option '{key}'")
        if key in given:
            raise failure(500, f"cannot set and delete property '{key}' at the same time!")


def delete(call: Call) -> Changed:
    """Remove an entry with its secrets, its access entries and its place in pools; jobs stay as they are (J9)."""
    try:
        name = _existing(call).name
    except ApiError as error:
        raise _during("delete", error) from None
    return without_entry(call.cluster, name), None


def _existing(call: Call) -> Storage:
    name = call.parameters["storage"]
    if name not in call.cluster.storages:
        raise failure(500, f"storage '{name}' does not exist")
    return call.cluster.storages[name]


def _verify(errors: Mapping[str, str]) -> None:
    if errors:
        raise bad_parameters(errors)


def _during(action: str, error: ApiError) -> ApiError:
    return failure(error.answer.status, f"{action} storage failed: {error.answer.reason}")


def _demand_connection(cluster: Cluster, entry: Storage, password: str | None) -> None:
    """Raise the genuine error if the node that answers would use the entry and cannot (J3)."""
    here = next((node.name for node in cluster.nodes if node.online), "")
    if entry.enabled and entry.allowed_on(here):
        problem = refusal(entry.config, password)
        if problem is not None:
            raise failure(500, f"{entry.name}: {problem}")
