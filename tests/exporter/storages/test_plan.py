"""The plan: exact differences, nothing that PVE would take as the same, and what nobody can change in place (J3 to J9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.storages.entries import ClusterStorages, Desired
from exporter.storages.plan import Action, Change, make_plan
from report.drift import drift_of
from report.facts import StorageDefinition
from report.storage_options import OPTIONS, FieldChange
from tests.exporter.storages.entry_files import (
    FINGERPRINT,
    OTHER_FINGERPRINT,
    cluster,
    definition,
    desired,
    job,
)


def only_change(wanted: Desired, *storages: StorageDefinition, **changed: Any) -> Change:
    """The plan's one change."""
    (change,) = make_plan([wanted], {"lab": cluster(*storages, **changed)}).changes
    return change


def test_an_entry_that_is_missing_is_created_with_all_its_options() -> None:
    change = only_change(desired(namespace="prod", nodes=frozenset({"pve2", "pve1"}), keep=()))

    assert change.action is Action.CREATE
    assert change.set_options == {
        "server": "pbs.example",
        "datastore": "main",
        "namespace": "prod",
        "username": "backup@pbs!lab",
        "fingerprint": FINGERPRINT,
        "content": "backup",
        "nodes": "pve1,pve2",
        "prune-backups": "keep-all=1",
    }


SAME: tuple[dict[str, Any], ...] = (
    {"fingerprint": FINGERPRINT.lower()},
    {"fingerprint": FINGERPRINT, "port": 8007},
    {"server": "PBS.Example."},
    {"namespace": ""},
)


@pytest.mark.parametrize("written", SAME, ids=str)
def test_what_is_the_same_to_pve_is_no_difference(written: dict[str, Any]) -> None:
    assert only_change(desired(), definition(**written)).action is Action.UNCHANGED


def test_the_order_of_keep_options_does_not_count() -> None:
    wanted = desired(keep=(("keep-daily", 7), ("keep-weekly", 4)))

    assert only_change(wanted, definition(keep=(("keep-weekly", 4), ("keep-daily", 7)))).action is Action.UNCHANGED


def test_an_account_that_is_not_said_is_root() -> None:
    assert only_change(desired(username="root@pam"), definition(username=None)).action is Action.UNCHANGED


def test_an_option_that_the_file_does_not_want_is_deleted_and_never_set_to_nothing() -> None:
    present = definition(namespace="old", port=8008, nodes=frozenset({"pve1"}), keep=(("keep-last", 1),), disabled=True)
    change = only_change(desired(fingerprint=None), present)

    assert change.action is Action.UPDATE
    assert change.set_options == {}
    assert set(change.deleted_options) == {"namespace", "port", "fingerprint", "nodes", "prune-backups", "disable"}


def test_a_plan_can_never_delete_a_password_or_a_key() -> None:
    assert not {"password", "encryption-key", "master-pubkey"} & set(OPTIONS)


def test_a_secret_is_said_to_be_not_comparable() -> None:
    change = only_change(desired(), definition(), encrypted=frozenset({"vault"}))

    assert change.remarks == ("password: not comparable", "encryption key: not comparable, kept")


def test_a_fixed_field_makes_the_whole_entry_manual_with_steps_jobs_and_losses() -> None:
    present = definition(server="old.example", fingerprint=OTHER_FINGERPRINT)
    jobs = (job("nightly"), job("weekly", enabled=False), job("other", storage="local"))
    change = only_change(desired(), present, jobs=jobs, encrypted=frozenset({"vault"}))

    assert change.action is Action.MANUAL
    assert change.manual is not None
    assert change.manual.jobs == ("nightly", "weekly")
    assert "vault-2" in change.manual.steps[0]
    assert [loss.split(":")[0] for loss in change.manual.losses] == [
        "the password or token secret",
        "the encryption key",
        "permissions on /storage/vault",
        "its place in pools",
    ]


def test_a_name_that_another_kind_of_storage_has_is_never_touched() -> None:
    change = only_change(desired(), StorageDefinition("vault", "dir", frozenset({"iso"})))

    assert change.action is Action.MANUAL
    assert change.manual is not None
    assert "type dir" in change.manual.reason


def test_an_entry_that_may_only_be_hidden_is_not_created() -> None:
    assert only_change(desired(), all_visible=False).action is Action.UNKNOWN


def test_a_cluster_that_could_not_be_read_is_unknown() -> None:
    assert make_plan([desired()], {}).changes[0].action is Action.UNKNOWN


def test_creating_without_a_password_asks_for_one_unless_switched_off() -> None:
    assert only_change(desired(password=None)).action is Action.MANUAL
    assert only_change(desired(password=None, disabled=True)).action is Action.CREATE


BREAKING: tuple[tuple[dict[str, Any], dict[str, Any], str | None], ...] = (
    ({"disabled": True}, {}, "it switches off the target of an active job: nightly, pinned"),
    (
        {"content": frozenset({"none"})},
        {},
        "it takes no backups any more and is the target of an active job: nightly, pinned",
    ),
    ({"nodes": frozenset({"pve1"})}, {}, "only pve1 would have it, and it is the target of an active job: nightly"),
    ({"nodes": frozenset({"pve1", "pve2"})}, {"nodes": frozenset({"pve1"})}, None),
)


@pytest.mark.parametrize(("wanted", "present", "warning"), BREAKING)
def test_a_change_that_takes_an_active_job_its_target_is_warned_of(
    wanted: dict[str, Any], present: dict[str, Any], warning: str | None
) -> None:
    jobs = (job("nightly"), job("pinned", node="pve1"), job("paused", enabled=False))
    change = only_change(desired(**wanted), definition(**present), jobs=jobs)

    assert change.warnings == ((warning,) if warning else ())


def test_root_is_advised_against() -> None:
    plan = make_plan([desired(username="root@pam")], {"lab": cluster(definition(username=None))})

    assert plan.in_line
    assert [advice.entry for advice in plan.advice] == ["vault"]


# --- laws

NAMES = st.sampled_from(["vault", "offsite", "third"])
NODES = st.frozensets(st.sampled_from(["pve1", "pve2", "pve3"]))
KEEP = st.none() | st.lists(
    st.tuples(st.sampled_from(["keep-last", "keep-daily", "keep-weekly"]), st.integers(1, 9)),
    unique_by=lambda one: one[0],
).map(tuple)


@st.composite
def definitions(draw: st.DrawFn, name: st.SearchStrategy[str] = NAMES) -> StorageDefinition:
    """Any entry."""
    return definition(
        draw(name),
        server=draw(st.sampled_from(["pbs.example", "PBS.example", "other.example"])),
        datastore=draw(st.sampled_from(["main", "copy"])),
        namespace=draw(st.sampled_from([None, "", "prod", "prod/eu"])),
        port=draw(st.sampled_from([None, 8007, 8008])),
        username=draw(st.sampled_from([None, "root@pam", "backup@pbs!lab"])),
        fingerprint=draw(st.sampled_from([None, FINGERPRINT, FINGERPRINT.lower(), OTHER_FINGERPRINT])),
        content=draw(st.sampled_from([frozenset({"backup"}), frozenset({"none"})])),
        nodes=draw(NODES),
        keep=draw(KEEP),
        disabled=draw(st.booleans()),
        storage_type=draw(st.sampled_from(["pbs", "pbs", "pbs", "dir"])),
    )


WANTED = st.lists(
    st.builds(
        lambda place, entry, password: Desired(place, replace(entry, storage_type="pbs"), password=password),
        st.sampled_from(["lab", "site"]),
        definitions(),
        st.sampled_from([None, "/run/secret", "${VAULT}"]),
    ),
    unique_by=lambda entry: (entry.cluster, entry.name),
    max_size=6,
)


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, ClusterStorages]:
    """Two clusters with any entries, one of which may not have answered."""
    found = {}
    for name in draw(st.sampled_from([("lab", "site"), ("lab",)])):
        storages = draw(st.lists(definitions(), unique_by=lambda entry: entry.storage))
        found[name] = cluster(*storages, name=name, all_visible=draw(st.booleans()))
    return found


def applied(change: Change, there: ClusterStorages) -> ClusterStorages:
    """What a cluster has after a change, by PVE's own rules: keys are set or removed one by one (J3, J4), what was not named stays."""
    present = there.find(change.name)
    options = dict(raw(present)) if present and change.action is Action.UPDATE else {}
    assert not set(change.set_options) & set(change.deleted_options)
    if change.action is Action.UPDATE:
        assert not {"server", "datastore"} & {*change.set_options, *change.deleted_options}
        assert set(change.deleted_options) <= set(options)
    options.update(change.set_options)
    for option in change.deleted_options:
        del options[option]
    keep = options.get("prune-backups")
    after = definition(
        change.name,
        server=options["server"],
        datastore=options["datastore"],
        namespace=options.get("namespace"),
        port=int(options["port"]) if "port" in options else None,
        username=options.get("username"),
        fingerprint=options.get("fingerprint"),
        content=frozenset(options["content"].split(",")),
        nodes=frozenset(filter(None, options.get("nodes", "").split(","))),
        keep=None if keep is None else tuple((key, int(count)) for key, count in pairs(keep) if key != "keep-all"),
        disabled=options.get("disable") == "1",
    )
    others = [storage for storage in there.storages if storage.storage != change.name]
    return replace(there, storages=(*others, after))


def pairs(text: str) -> list[tuple[str, str]]:
    return [(part.partition("=")[0], part.partition("=")[2]) for part in text.split(",")]


def raw(entry: StorageDefinition) -> dict[str, str]:
    """An entry's options as storage.cfg holds them."""
    keep = None if entry.keep is None else ",".join(f"{key}={count}" for key, count in entry.keep) or "keep-all=1"
    found = {
        "server": entry.server,
        "datastore": entry.datastore,
        "namespace": entry.namespace or None,
        "port": None if entry.port is None else str(entry.port),
        "username": entry.username,
        "fingerprint": entry.fingerprint,
        "content": ",".join(entry.content),
        "nodes": ",".join(entry.nodes) or None,
        "prune-backups": keep,
        "disable": "1" if entry.disabled else None,
    }
    return {option: value for option, value in found.items() if value is not None}


@given(WANTED, clusters())
def test_after_a_plan_was_applied_nothing_is_left_to_write(
    wanted: list[Desired], actual: dict[str, ClusterStorages]
) -> None:
    plan = make_plan(wanted, actual)
    for change in plan.writes:
        actual = {**actual, change.cluster: applied(change, actual[change.cluster])}
    again = make_plan(wanted, actual)

    assert again.writes == ()
    assert [change.action for change in again.changes] == [
        Action.UNCHANGED if change in plan.writes else change.action for change in plan.changes
    ]


@given(WANTED, clusters())
def test_entries_that_the_file_does_not_name_are_never_in_a_plan(
    wanted: list[Desired], actual: dict[str, ClusterStorages]
) -> None:
    named = {(entry.cluster, entry.name) for entry in wanted}

    assert {(change.cluster, change.name) for change in make_plan(wanted, actual).changes} == named


@given(WANTED, clusters())
def test_drift_is_empty_exactly_where_the_plan_is_in_line(
    wanted: list[Desired], actual: dict[str, ClusterStorages]
) -> None:
    plan = make_plan(wanted, actual)
    drifting = {
        (entry.cluster, entry.name)
        for entry in wanted
        if entry.cluster in actual and drift_of(entry, actual[entry.cluster].find(entry.name))
    }

    for change in plan.changes:
        if change.cluster in actual:
            assert ((change.cluster, change.name) in drifting) == (change.action is not Action.UNCHANGED)


def test_a_field_change_reads_from_what_is_to_what_will_be() -> None:
    change = only_change(desired(port=8009), definition(port=8008))

    assert change.fields == (FieldChange("port", "8008", "8009"),)
