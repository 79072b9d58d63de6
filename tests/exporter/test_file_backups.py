"""Backups on storages that are no PBS: names, privileges, nodes; by hand and against genuine answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.file_backups import FileCalls, contents_visible, read_backups, takes_file_backups
from exporter.collect.file_parse import Asked, ContentRow, PruneRow, joined, parse_backups
from exporter.collect.pve_calls import PveCalls
from exporter.collect.steps import Steps
from exporter.counters import Counters
from exporter.errors import Denied, ServerFailed, SourceError
from report.backups import BackupGroup, SnapshotFlag
from report.facts import Permissions, Reading, StorageDefinition, StorageState
from tests.exporter.clients import SECRET, TOKEN, Naps
from tests.shared_data import recorded
from tests.simulator_process import running_simulator

R = TypeVar("R")

NOW = 1_795_227_919
NAS = Asked("lab", "nas", external=False, contents_visible=False)
BORG = Asked("lab", "borg", external=True, contents_visible=True)
AUDITOR = Permissions({"/": {"Datastore.Audit": True, "VM.Audit": True}})


def pruned(name: str, mark: str = "keep", kind: str = "qemu", vmid: object = 100, ctime: object = 1000) -> PruneRow:
    return PruneRow(f"nas:backup/{name}", cast(Any, ctime), mark, kind, cast(Any, vmid))


def parsed(*rows: PruneRow, asked: Asked = NAS, contents: tuple[ContentRow, ...] = ()) -> dict[str, BackupGroup]:
    groups = parse_backups(asked, rows, contents, "pve1", NOW)
    return {f"{group.backup_type}/{group.backup_id}": group for group in groups}


@pytest.mark.parametrize(
    ("row", "group", "renamed"),
    [
        # edge cases 29 to 31
        (pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma.zst"), "vm/100", False),
        (pruned("my-2024-backup.vma.zst", "renamed", "unknown", 2024), "vm/2024", True),
        (pruned("vzdump-qemu-100-before_upgrade.vma.zst", "renamed", "qemu", "100"), "vm/100", True),
        (pruned("vzdump-lxc-130-2026_11_21-02_26_26.tar.zst", kind="lxc", vmid=130), "ct/130", False),
        (pruned("vzdump-openvz-777-2018_09_04-02_00_00.tar.gz", kind="openvz", vmid=777), "ct/777", False),
        (pruned("vzdump-openvz-777-2018_09_04-02_00_00.tgz", kind="openvz", vmid=777), "ct/777", False),
        (pruned("old-123.tar.lzo", "renamed", "unknown", "123"), "ct/123", True),
        (pruned("nobody.vma", "renamed", "unknown", None), "vm/", True),
        (pruned("strange", "renamed", "unknown", "x"), "unknown/", True),
        # a mark that says keep does not make a name standard
        (pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma.xz"), "vm/100", True),
    ],
)
def test_whose_a_file_is_and_whether_it_counts_as_a_version(row: PruneRow, group: str, renamed: bool) -> None:
    ((name, found),) = parsed(row).items()
    assert name == group
    assert bool(found.snapshots.flags[0] & SnapshotFlag.RENAMED) is renamed
    assert len(found.snapshots.finished()) == (0 if renamed else 1)


def test_sizes_and_protection_come_from_the_contents_and_unknown_stays_unknown() -> None:
    first, second = (pruned(f"vzdump-qemu-100-2026_06_0{day}-21_00_03.vma", ctime=day) for day in (1, 2))
    told = ContentRow(first.volid, 1, "qemu", 100, size=4096, protected=1)
    snapshots = parsed(first, second, contents=(told,))["vm/100"].snapshots
    assert list(snapshots.sizes) == [4096, -1]
    assert snapshots.where(SnapshotFlag.PROTECTED) == [0]


def test_the_newest_version_is_told_with_its_volume_id() -> None:
    older, newer = (f"vzdump-qemu-100-2026_06_0{day}-21_00_03.vma" for day in (1, 2))
    renamed = pruned("vzdump-qemu-100-before_upgrade.vma", "renamed", ctime=9)
    for rows in (
        [pruned(older, ctime=1), pruned(newer, ctime=2), renamed],
        [renamed, pruned(newer, ctime=2), pruned(older, ctime=1)],
    ):
        assert parsed(*rows)["vm/100"].newest_volume == f"nas:backup/{newer}"
    assert parsed(renamed)["vm/100"].newest_volume is None


def test_of_several_nodes_the_newest_version_of_all_is_told() -> None:
    groups = [
        parsed(pruned(f"vzdump-qemu-100-2026_06_0{day}-21_00_03.vma", mark, ctime=day))["vm/100"]
        for day, mark in ((3, "keep"), (5, "keep"), (7, "renamed"))
    ]
    for order in (groups, groups[::-1]):
        assert joined(order, away=False).newest_volume == "nas:backup/vzdump-qemu-100-2026_06_05-21_00_03.vma"
    assert joined(groups[2:], away=False).newest_volume is None


def test_protected_is_a_mark_too() -> None:
    group = parsed(pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma", "protected"))["vm/100"]
    assert group.snapshots.where(SnapshotFlag.PROTECTED) == [0]


@pytest.mark.parametrize("ctime", [None, -5, "soon", 2**70, NOW + 2 * 86_400])
def test_a_file_whose_time_makes_no_sense_makes_its_group_incomplete(ctime: object) -> None:
    group = parsed(pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma", ctime=ctime))["vm/100"]
    assert group.incomplete
    assert len(group.snapshots) == 0


def test_a_file_dated_a_few_hours_ahead_counts_because_names_are_in_local_time() -> None:
    group = parsed(pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma", ctime=NOW + 14 * 3600))["vm/100"]  # D6
    assert not group.incomplete
    assert len(group.snapshots) == 1


def test_a_provider_names_its_archives_as_it_likes_and_they_count() -> None:
    # edge case 74
    rows = [PruneRow("borg:backup/a1", 5, "renamed", "qemu", 100), PruneRow("borg:backup/a2", 6, "renamed", None, None)]
    groups = parsed(*rows, asked=BORG)
    assert groups["vm/100"].snapshots.finished() == [0]
    assert groups["unknown/"].backup_id == ""


def test_what_only_the_contents_list_counts_as_well() -> None:
    groups = parsed(asked=BORG, contents=(ContentRow("borg:backup/a1", 5, "lxc", 101, size=7),))
    assert list(groups["ct/101"].snapshots.sizes) == [7]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({"/": {"Datastore.Audit": True}}, False),
        ({"/storage": {"Datastore.Allocate": True}}, True),
        ({"/storage/nas": {"Datastore.AllocateSpace": True}, "/vms": {"VM.Backup": True}}, True),
        ({"/storage/nas": {"Datastore.AllocateSpace": True}, "/vms/100": {"VM.Backup": True}}, False),
        ({"/storage/other": {"Datastore.Allocate": True}}, False),
    ],
)
def test_which_tokens_see_the_contents(paths: Mapping[str, Mapping[str, bool]], expected: bool) -> None:
    assert contents_visible(Permissions(paths), "nas") is expected
    assert not contents_visible(None, "nas")


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (StorageDefinition("a", "dir", frozenset({"backup"})), True),
        (StorageDefinition("a", "borg", frozenset({"backup"})), True),
        (StorageDefinition("a", "dir", frozenset({"images"})), False),
        (StorageDefinition("a", "pbs", frozenset({"backup"})), False),
        (StorageDefinition("a", "dir", frozenset({"backup"}), disabled=True), False),
    ],
)
def test_which_storages_are_asked(definition: StorageDefinition, expected: bool) -> None:
    assert takes_file_backups(definition) is expected


# --- nodes ---------------------------------------------------------------------------------------------------------------


@dataclass
class Fake:
    """Answers of nodes by (node, storage): rows, or the error to raise; remembers who was asked."""

    prunable_rows: dict[tuple[str, str], list[PruneRow] | SourceError]
    content_rows: dict[tuple[str, str], list[ContentRow] | SourceError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def prunable(self, node: str, storage: str) -> list[PruneRow]:
        self.asked.append(f"{node}/{storage}")
        return _answer(self.prunable_rows[node, storage])

    def contents(self, node: str, storage: str) -> list[ContentRow]:
        return _answer(self.content_rows[node, storage])


def _answer(rows: list[R] | SourceError) -> list[R]:
    if isinstance(rows, SourceError):
        raise rows
    return rows


@contextmanager
def steps_at(now: int) -> Iterator[Steps]:
    with ThreadPoolExecutor(2) as pool:
        yield Steps("pve lab", now, 300, (), pool)


def states(
    *pairs: tuple[str, str], active: bool = True, now: int = NOW
) -> dict[str, Reading[tuple[StorageState, ...]]]:
    found: dict[str, tuple[StorageState, ...]] = {}
    for node, storage in pairs:
        state = StorageState(storage, node, "dir", enabled=True, active=active, shared=False)
        found[node] = (*found.get(node, ()), state)
    return {node: Reading(value, now, 900) for node, value in found.items()}


def read(
    fake: Fake,
    storages: list[StorageDefinition],
    seen: Mapping[str, Reading[tuple[StorageState, ...]]],
    held: Any = None,
    now: int = NOW,
    permissions: Permissions = AUDITOR,
) -> tuple[dict[str, Reading[tuple[BackupGroup, ...]]], Any]:
    with steps_at(now) as steps:
        return read_backups(steps, cast(FileCalls, fake), "lab", storages, seen, permissions, held or {})


LOCAL = StorageDefinition("local", "dir", frozenset({"backup"}))
SHARED = StorageDefinition("nas", "nfs", frozenset({"backup"}), shared=True)
ONE = pruned("vzdump-qemu-100-2026_06_01-21_00_03.vma", ctime=10)
TWO = pruned("vzdump-qemu-100-2026_06_02-21_00_03.vma", ctime=20)
BOTH_NODES = states(("pve1", "local"), ("pve2", "local"))
REFUSED = ServerFailed("pve lab", "/x", "broken", status=500)


def test_a_shared_storage_is_asked_on_one_node_only() -> None:
    fake = Fake({("pve1", "nas"): [ONE], ("pve2", "nas"): [ONE]})
    readings, _ = read(fake, [SHARED], states(("pve1", "nas"), ("pve2", "nas")))
    assert fake.asked == ["pve1/nas"]
    (group,) = readings["nas"].value or ()
    assert (group.server, group.datastore, group.node) == ("lab", "nas", "pve1")


def test_a_shared_storage_is_asked_where_it_is_active_and_allowed() -> None:
    fake = Fake({("pve3", "nas"): [ONE]})
    seen = states(("pve1", "nas"), ("pve3", "nas"))
    seen["pve2"] = Reading((StorageState("nas", "pve2", "nfs", True, False, True),), NOW, 900)
    only = StorageDefinition("nas", "nfs", frozenset({"backup"}), frozenset({"pve2", "pve3"}), shared=True)
    readings, _ = read(fake, [only], seen)
    assert fake.asked == ["pve3/nas"]
    assert not readings["nas"].partial


def test_a_shared_storage_is_asked_on_another_node_when_the_first_fails() -> None:
    fake = Fake({("pve1", "nas"): REFUSED, ("pve2", "nas"): [ONE]})
    readings, _ = read(fake, [SHARED], states(("pve1", "nas"), ("pve2", "nas")))
    assert fake.asked == ["pve1/nas", "pve2/nas"]
    assert readings["nas"].failure is None


def test_a_storage_of_each_node_is_asked_on_all_and_one_guest_is_one_group() -> None:
    fake = Fake({("pve1", "local"): [ONE], ("pve2", "local"): [TWO]})
    readings, _ = read(fake, [LOCAL], BOTH_NODES)
    (group,) = readings["local"].value or ()
    assert list(group.snapshots.times) == [10, 20]
    assert group.node is None
    assert not readings["local"].partial


def test_what_a_node_held_that_is_away_now_stays_until_it_is_too_old() -> None:
    fake = Fake({("pve1", "local"): [ONE], ("pve2", "local"): [TWO]})
    _, held = read(fake, [LOCAL], BOTH_NODES)
    away = states(("pve1", "local"), now=NOW + 300)
    two_nodes = StorageDefinition("local", "dir", frozenset({"backup"}), frozenset({"pve1", "pve2"}))
    later = read(fake, [two_nodes], away, held, NOW + 300)[0]["local"]
    assert not later.partial, "what is held counts until it is too old"
    assert later.failure is not None
    assert later.fetched_at == NOW + 300
    (group,) = later.value or ()
    assert list(group.snapshots.times) == [10, 20]
    assert not group.incomplete
    old = read(fake, [two_nodes], states(("pve1", "local")), held, NOW + 901)[0]["local"]
    (group,) = old.value or ()
    assert list(group.snapshots.times) == [10]
    assert group.incomplete
    assert old.partial


def test_a_storage_that_no_node_has_active_is_unknown() -> None:
    readings, _ = read(Fake({}), [LOCAL], states(("pve1", "local"), active=False))
    assert readings["local"].value is None
    assert readings["local"].failure is not None
    assert "not active on node pve1" in readings["local"].failure.message
    assert read(Fake({}), [LOCAL], {})[0]["local"].value is None


def test_a_storage_without_the_privilege_is_unknown_with_the_reason() -> None:
    denied = Denied("pve lab", "/nodes/{node}/storage/{storage}/prunebackups", "lacks Datastore.Audit", status=403)
    readings, _ = read(Fake({("pve1", "local"): denied}), [LOCAL], states(("pve1", "local")))
    assert readings["local"].value is None
    assert readings["local"].failure is not None
    assert readings["local"].failure.code == "forbidden"


def test_a_file_whose_time_makes_no_sense_costs_its_own_group_only() -> None:
    odd = pruned("vzdump-qemu-101-2026_06_02-21_00_03.vma", vmid=101, ctime=-1)
    reading = read(Fake({("pve1", "local"): [ONE, odd]}), [LOCAL], states(("pve1", "local")))[0]["local"]
    assert reading.failure is not None
    assert "whose time makes no sense" in reading.failure.message
    assert not reading.partial, "what is not listed is not there"
    assert {group.backup_id: group.incomplete for group in reading.value or ()} == {"100": False, "101": True}


def test_an_empty_storage_that_was_seen_is_empty() -> None:
    readings, _ = read(Fake({("pve1", "local"): []}), [LOCAL], states(("pve1", "local")))
    assert readings["local"].value == ()
    assert readings["local"].failure is None


PROVIDER = StorageDefinition("borg", "borg", frozenset({"backup"}))
ROW = PruneRow("borg:backup/a1", 5, "renamed", "qemu", 100)


def test_a_provider_is_never_empty_where_its_contents_are_hidden() -> None:
    seen = states(("pve1", "borg"))
    empty = read(Fake({("pve1", "borg"): []}), [PROVIDER], seen)[0]["borg"]
    assert empty.value is None
    assert empty.failure is not None
    some = read(Fake({("pve1", "borg"): [ROW]}), [PROVIDER], seen)[0]["borg"]
    assert len(some.value or ()) == 1
    assert some.partial


def test_a_provider_whose_plugin_cannot_prune_is_read_by_its_contents() -> None:
    allowed = Permissions({"/": {"Datastore.Audit": True, "Datastore.Allocate": True}})
    contents: list[ContentRow] | SourceError = [ContentRow("borg:backup/a1", 5, "qemu", 100)]
    fake = Fake({("pve1", "borg"): REFUSED}, {("pve1", "borg"): contents})
    reading = read(fake, [PROVIDER], states(("pve1", "borg")), permissions=allowed)[0]["borg"]
    assert len(reading.value or ()) == 1
    assert not reading.partial


# --- genuine answers -----------------------------------------------------------------------------------------------------


def test_an_auditor_sees_every_recorded_backup_although_the_contents_are_empty_for_it() -> None:
    layers = [recorded("pve", name) for name in ("addenda-token-ro", "token-ro")]
    with running_simulator("replay", *layers, "--now", NOW) as simulator:
        hosts = ((simulator.host, simulator.port),)
        settings = ClientSettings("lab", "pve", hosts, TOKEN, SECRET, ca_file=str(simulator.ca_file), attempts=1)
        client = SourceClient(settings, Counters(), sleep=Naps())
        deadline = Deadline.after(20)
        pve = PveCalls(client, deadline)
        permissions = pve.permissions()
        seen = {node: Reading(pve.storage_states(node), NOW, 900) for node in ("pve1", "pve2", "pve3")}
        storages = pve.storages(all_visible=True)
        with steps_at(NOW) as steps:
            calls = FileCalls(client, deadline)
            readings, _ = read_backups(steps, calls, "lab", storages, seen, permissions, {})
        client.close()
    assert sorted(readings) == ["backup-dir", "legacy-maxfiles", "local", "nfs-backup", "shared-dir"]
    named = {f"{group.backup_type}/{group.backup_id}": group for group in readings["backup-dir"].value or ()}
    # seven guests on pve1, one on pve2
    assert {name: len(group.snapshots) for name, group in named.items()} == {
        "ct/120": 2,
        "ct/130": 2,
        "ct/202": 1,
        "ct/777": 1,
        "vm/100": 10,
        "vm/105": 1,
        "vm/109": 1,
        "vm/998": 1,
    }
    assert named["ct/120"].snapshots.count(SnapshotFlag.RENAMED) == 1
    assert not readings["backup-dir"].partial
    local = {f"{group.backup_type}/{group.backup_id}" for group in readings["local"].value or ()}
    assert local == {"vm/103", "ct/200"}
    assert readings["legacy-maxfiles"].value == ()
    (shared,) = readings["shared-dir"].value or ()
    assert (shared.backup_id, len(shared.snapshots), shared.node) == ("220", 1, "pve1")
