"""Whose backup a group is: rulebook D.3, cases 33–39. Guests of two clusters with one id are never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from report.backups import BackupGroup, PbsFacts, PbsJob, SnapshotFlag, Snapshots
from report.facts import ClusterFacts, Guest, Permissions, StorageDefinition
from report.matching import MatchedGroup, match_groups
from report.model.groups import GroupMatch
from report.syncs import Syncs, carries
from report.targets import Target, find_targets
from report.view import view_cluster
from tests import builders as a

NOW = a.NOW
NO_JOBS = Syncs({"vault": ()}, complete=True, read=frozenset())
DAY = 86400
AUDITOR = a.reading(Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)}))
PBS = PbsFacts("vault", NOW, True, hosts=(("pbs.example", 8007),), certificate_fingerprint="ab" * 32)


def entry(storage: str = "pbs-main", **fields: object) -> StorageDefinition:
    defaults: dict[str, object] = {
        "storage_type": "pbs",
        "content": frozenset({"backup"}),
        "server": "pbs.example",
        "datastore": "main",
        "namespace": "lab",
        "username": "backup@pbs!lab",
    }
    return StorageDefinition(storage, **(defaults | fields))  # type: ignore[arg-type]


def cluster(
    name: str = "lab", guests: Sequence[Guest] = (), storages: Sequence[StorageDefinition] = ()
) -> ClusterFacts:
    return a.cluster(name, guests=guests, storages=storages or [entry()], permissions=AUDITOR)


def group(backup_id: str = "100", days: Sequence[int] = (1, 2, 3), **fields: object) -> BackupGroup:
    defaults: dict[str, object] = {
        "server": "vault",
        "datastore": "main",
        "namespace": "lab",
        "backup_type": "vm",
        "owner": "backup@pbs!lab",
        "read_at": NOW,
        "snapshots": Snapshots.of([(NOW - day * DAY, 1, 0, 0) for day in days]),
    }
    return BackupGroup(backup_id=backup_id, **(defaults | fields))  # type: ignore[arg-type]


def match(
    groups: Sequence[BackupGroup],
    *clusters: ClusterFacts,
    created: dict[tuple[str, int], int] | None = None,
    syncs: Syncs = NO_JOBS,
) -> list[MatchedGroup]:
    views = [view_cluster(facts, NOW) for facts in clusters]
    return match_groups(groups, views, find_targets(views, [PBS]), created or {}, syncs)


def verdicts(matched: Sequence[MatchedGroup]) -> list[tuple[GroupMatch, str | None, int | None]]:
    return [(each.match, each.pve, each.vmid) for each in matched]


VM = a.guest(100)


def test_a_group_where_a_storage_entry_leads_is_the_guests_of_that_id() -> None:
    assert verdicts(match([group()], cluster(guests=[VM]))) == [(GroupMatch.GUEST, "lab", 100)]


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        pytest.param({"backup_type": "host", "backup_id": "pve1"}, GroupMatch.HOST, id="case 37: a host's own backup"),
        pytest.param({"backup_id": "db-server"}, GroupMatch.HOST, id="an id that is not a number (H5)"),
        pytest.param({"backup_id": "999"}, GroupMatch.ORPHAN, id="D17: no such guest"),
        pytest.param({"backup_type": "ct"}, GroupMatch.ORPHAN, id="case 36: another type is another guest"),
        pytest.param({"owner": "backup@pbs!other"}, GroupMatch.FOREIGN, id="case 33: written by another token"),
    ],
)
def test_a_group_that_is_not_a_guests(fields: dict[str, Any], verdict: GroupMatch) -> None:
    backup_id = fields.pop("backup_id", "100")
    assert [each.match for each in match([group(backup_id, **fields)], cluster(guests=[VM]))] == [verdict]


def test_d13_the_plain_user_of_an_owning_token_may_append_and_a_token_of_a_plain_owner_may_not() -> None:
    user = cluster(guests=[VM], storages=[entry(username="backup@pbs")])
    assert match([group()], user)[0].match is GroupMatch.GUEST
    assert match([group(owner="backup@pbs")], cluster(guests=[VM]))[0].match is GroupMatch.FOREIGN


def test_cases_33_and_34_two_clusters_in_one_namespace_are_told_apart_by_owner_or_not_at_all() -> None:
    one = cluster("lab", [VM])
    same_token = cluster("shop", [VM])
    other_token = cluster("shop", [VM], [entry(username="backup@pbs!shop")])
    assert verdicts(match([group()], one, other_token)) == [(GroupMatch.GUEST, "lab", 100)]
    assert verdicts(match([group(owner="backup@pbs!shop")], one, other_token)) == [(GroupMatch.GUEST, "shop", 100)]
    assert verdicts(match([group()], one, same_token)) == [(GroupMatch.AMBIGUOUS, None, None)]


SHOPS = "backup@pbs!shop"
OTHERS_JOB = PbsJob("sync", "s", "x", owner="sync@pbs")


@pytest.mark.parametrize("namespace", ["lab", "far"])
@pytest.mark.parametrize(
    ("owner", "jobs", "verdict", "maybe"),
    [
        pytest.param(
            "mill@pbs", (), GroupMatch.FOREIGN, set(), id="an account that nobody uses and no job writes under"
        ),
        pytest.param(
            SHOPS, (), GroupMatch.AMBIGUOUS, {"shop"}, id="an account of another cluster, whose entry is gone"
        ),
        pytest.param("root@pam", (), GroupMatch.AMBIGUOUS, {"lab", "shop"}, id="under which jobs write by default"),
        pytest.param("sync@pbs", (OTHERS_JOB,), GroupMatch.AMBIGUOUS, {"lab", "shop"}, id="under which a job writes"),
        pytest.param(
            "mill@pbs",
            (PbsJob("sync", "p", "x", direction="push"),),
            GroupMatch.AMBIGUOUS,
            {"lab", "shop"},
            id="a job pushes, under an account that is not told",
        ),
        pytest.param("mill@pbs", None, GroupMatch.AMBIGUOUS, {"lab", "shop"}, id="jobs were not read"),
    ],
)
def test_d14_an_owner_tells_of_a_cluster_unless_a_sync_job_may_write_under_it(
    namespace: str, owner: str, jobs: tuple[PbsJob, ...] | None, verdict: GroupMatch, maybe: set[str]
) -> None:
    known = Syncs({} if jobs is None else {"vault": jobs}, complete=jobs is not None, read=frozenset())
    shop = cluster("shop", [VM], [entry(namespace="shop", username=SHOPS)])
    (found,) = match([group(owner=owner, namespace=namespace)], cluster(guests=[VM]), shop, syncs=known)
    assert (found.match, set(found.maybe)) == (verdict, maybe)


def test_d17_what_an_account_wrote_of_which_the_cluster_has_no_such_guest_is_an_orphan_in_any_place() -> None:
    shop = cluster("shop", [a.guest(5)], [entry(namespace="shop", username=SHOPS)])
    held = [group(owner=SHOPS, namespace="far"), group("5", owner="mill@pbs", namespace="far")]
    assert [each.match for each in match(held, cluster(guests=[VM]), shop)] == [GroupMatch.ORPHAN, GroupMatch.FOREIGN]


def test_case_35_snapshots_older_than_the_guest_are_a_predecessors() -> None:
    (matched,) = match([group(days=(5, 3, 1))], cluster(guests=[VM]), created={("lab", 100): NOW - 4 * DAY})
    assert matched.inherited == {0}


def test_case_38_a_namespace_below_the_entrys_is_not_the_entrys() -> None:
    below = group(namespace="lab/old")
    assert match([below], cluster(guests=[VM]))[0].match is GroupMatch.AMBIGUOUS


def test_case_39_two_entries_with_one_target_are_one_target() -> None:
    views = [view_cluster(cluster(storages=[entry("one"), entry("two")]), NOW)]
    targets = find_targets(views, [PBS])
    assert {targets.of_storage["lab", "one"], targets.of_storage["lab", "two"]} == {Target("vault", "main", "lab")}
    assert [found.storage for found in targets.entries[Target("vault", "main", "lab")]] == ["one", "two"]


def test_d12_an_entry_under_another_address_is_known_by_the_certificates_fingerprint() -> None:
    alias = entry(server="10.0.0.9", fingerprint=":".join(["AB"] * 32))
    assert match([group()], cluster(guests=[VM], storages=[alias]))[0].match is GroupMatch.GUEST
    stranger = entry(server="10.0.0.9", fingerprint=":".join(["CD"] * 32))
    views = [view_cluster(cluster(storages=[stranger]), NOW)]
    assert find_targets(views, [PBS]).of_storage["lab", "pbs-main"] is None


def test_a_synced_copy_is_the_guests_whose_backup_times_it_shares() -> None:
    copy = group(namespace="copies", days=(2, 3), owner="root@pam")
    other = group(namespace="copies", days=(20,), owner="root@pam")
    assert verdicts(match([group(), copy], cluster(guests=[VM])))[1] == (GroupMatch.GUEST, "lab", 100)
    assert match([group(), other], cluster(guests=[VM]))[1].match is GroupMatch.AMBIGUOUS


def test_a_copy_of_an_ambiguous_group_is_ambiguous_too() -> None:
    shared = [cluster(guests=[VM]), cluster("shop", [VM], [entry()])]
    copy = group(namespace="copies", owner="other@pbs")
    assert [each.match for each in match([group(), copy], *shared)] == [GroupMatch.AMBIGUOUS, GroupMatch.AMBIGUOUS]


def test_what_a_limited_token_cannot_see_is_unknown_not_orphaned() -> None:
    limited = a.cluster(
        guests=[], storages=[entry()], permissions=a.reading(Permissions({"/": {"Datastore.Audit": True}}))
    )
    assert match([group()], limited)[0].match is GroupMatch.UNKNOWN


def test_case_8_what_no_entry_leads_to_is_an_orphan_only_where_no_guest_has_its_id() -> None:
    elsewhere = [group(namespace="copies"), group("999", namespace="copies")]
    hidden = a.reading(Permissions({"/": {"VM.Audit": True}}))
    seen = [each.match for each in match(elsewhere, cluster(guests=[VM]))]
    assert seen == [GroupMatch.AMBIGUOUS, GroupMatch.ORPHAN]
    limited = a.cluster(guests=[VM], storages=[entry()], permissions=hidden)
    assert [each.match for each in match(elsewhere, limited)] == [GroupMatch.AMBIGUOUS, GroupMatch.ORPHAN]


def test_without_any_cluster_nothing_is_known_to_be_orphaned() -> None:
    assert [each.match for each in match([group()])] == [GroupMatch.UNKNOWN]


PROVIDER = StorageDefinition("borg", "borgplugin", frozenset({"backup"}))


@pytest.mark.parametrize(
    ("storage", "backup_type", "backup_id", "verdict"),
    [
        pytest.param(PROVIDER, "vm", "100", GroupMatch.GUEST, id="case 74: with a vmid"),
        pytest.param(PROVIDER, "unknown", "100", GroupMatch.GUEST, id="I4: with a vmid but without a type"),
        pytest.param(PROVIDER, "unknown", "999", GroupMatch.ORPHAN, id="of no guest"),
        pytest.param(PROVIDER, "unknown", "", GroupMatch.EXTERNAL, id="case 74: without a vmid"),
        pytest.param(PROVIDER, "vm", "", GroupMatch.EXTERNAL, id="case 74: without a vmid, of a known type"),
        pytest.param(
            a.storage_definition("borg"), "vm", "", GroupMatch.UNKNOWN, id="D7: a renamed file without a number"
        ),
    ],
)
def test_backups_of_an_external_provider_are_never_a_hosts(
    storage: StorageDefinition, backup_type: str, backup_id: str, verdict: GroupMatch
) -> None:
    held = group(backup_id, server="lab", datastore="borg", namespace="", backup_type=backup_type, owner=None)
    assert match([held], cluster(guests=[VM], storages=[storage]))[0].match is verdict


def test_a_file_storage_is_its_own_clusters_target() -> None:
    files = group(server="lab", datastore="nas", namespace="", owner=None)
    shop = cluster("shop", [VM], [a.storage_definition()])
    assert verdicts(match([files], cluster("lab", [VM], [a.storage_definition()]), shop)) == [
        (GroupMatch.GUEST, "lab", 100)
    ]


def test_snapshots_in_columns_are_sorted_and_counted_by_flag() -> None:
    rows = [
        (30, 3, SnapshotFlag.PROTECTED, 0),
        (10, 1, 0, 0),
        (20, 2, SnapshotFlag.UNFINISHED, 0),
        (40, 4, SnapshotFlag.RENAMED, 0),
    ]
    snapshots = Snapshots.of([(time, size, int(flags), verified) for time, size, flags, verified in rows])
    assert list(snapshots.times) == [10, 20, 30, 40]
    assert snapshots.finished() == [0, 2]
    assert (snapshots.count(SnapshotFlag.PROTECTED), snapshots.where(SnapshotFlag.RENAMED)) == (1, [3])


NIGHTS = [NOW - DAY * night for night in range(30, 0, -1)]


@pytest.mark.parametrize(
    ("own", "copied", "matched"),
    [
        pytest.param(NIGHTS, NIGHTS[::7], GroupMatch.GUEST, id="the copy keeps fewer than its source"),
        pytest.param(NIGHTS[::7], NIGHTS, GroupMatch.GUEST, id="the copy keeps more"),
        pytest.param(NIGHTS[5:], NIGHTS[:25], GroupMatch.GUEST, id="the copy is behind"),
        pytest.param(
            NIGHTS, [*(at + 5 for at in NIGHTS[:-1]), NIGHTS[-1]], GroupMatch.AMBIGUOUS, id="once at the same second"
        ),
        pytest.param(NIGHTS[15:], NIGHTS[:10], GroupMatch.AMBIGUOUS, id="nothing in common"),
    ],
)
def test_a_copy_is_told_by_most_of_its_times_and_one_equal_second_is_chance(
    own: list[int], copied: list[int], matched: GroupMatch
) -> None:
    source = group(snapshots=Snapshots.of([(at, 1, 0, 0) for at in own]))
    copy = group(datastore="copies", owner="root@pam", snapshots=Snapshots.of([(at, 1, 0, 0) for at in copied]))
    found = {each.group.datastore: each.match for each in match([source, copy], cluster(guests=[a.guest(100)]))}
    assert found == {"main": GroupMatch.GUEST, "copies": matched}


# --- sync jobs


def sync(**fields: Any) -> PbsJob:
    known = {"remote_store": "main", "remote_namespace": "lab", "namespace": "far"}
    return PbsJob("sync", "s1", "copies", **(known | fields))


def syncs(*jobs: PbsJob, read: bool = True) -> Syncs:
    places = frozenset({Target("vault", "main", "lab")}) if read else frozenset()
    return Syncs({"vault": jobs or (sync(),)}, complete=True, read=places)


SOURCE = group(days=(1, 2, 3))
LATE = group(datastore="copies", namespace="far", owner="root@pam", days=(20, 21))
LAB, SHOP = cluster(guests=[VM]), cluster("shop", [VM], [entry(namespace="shop", username="backup@pbs!shop")])


@pytest.mark.parametrize(
    ("groups", "known", "verdict"),
    [
        pytest.param(
            [SOURCE, LATE], syncs(), (GroupMatch.GUEST, "lab", 100), id="as its source, without a common time"
        ),
        pytest.param([LATE], syncs(), (GroupMatch.GUEST, "lab", 100), id="the source is gone"),
        pytest.param([LATE], syncs(read=False), (GroupMatch.AMBIGUOUS, None, None), id="the source was not read"),
        pytest.param([LATE], NO_JOBS, (GroupMatch.AMBIGUOUS, None, None), id="no job is known"),
        pytest.param([LATE], syncs(sync(remote="dc2")), (GroupMatch.AMBIGUOUS, None, None), id="from a remote"),
        pytest.param([LATE], syncs(sync(owner="b@pbs")), (GroupMatch.AMBIGUOUS, None, None), id="of another owner"),
        pytest.param([LATE], syncs(sync(direction="push")), (GroupMatch.AMBIGUOUS, None, None), id="a job that pushes"),
        pytest.param(
            [LATE], syncs(sync(group_filter=("type:ct",))), (GroupMatch.AMBIGUOUS, None, None), id="filtered out"
        ),
        pytest.param(
            [LATE],
            syncs(sync(), sync(remote_namespace="shop")),
            (GroupMatch.AMBIGUOUS, None, None),
            id="two jobs from two places",
        ),
        pytest.param(
            [group("999", datastore="copies", namespace="far", owner="root@pam")],
            syncs(),
            (GroupMatch.ORPHAN, None, None),
            id="D17: of no guest",
        ),
    ],
)
def test_h15_a_copy_is_whose_the_place_is_that_a_sync_job_pulls_it_from(
    groups: list[BackupGroup], known: Syncs, verdict: tuple[GroupMatch, str | None, int | None]
) -> None:
    (found,) = (each for each in match(groups, LAB, SHOP, syncs=known) if each.group.datastore == "copies")
    assert (found.match, found.pve, found.vmid) == verdict
    assert found.maybe == (frozenset({"lab", "shop"}) if found.match is GroupMatch.AMBIGUOUS else frozenset())


def test_a_copy_of_a_copy_is_followed_to_its_source_and_a_ring_of_jobs_to_none() -> None:
    second = PbsJob("sync", "s2", "far", remote_store="copies", namespace="x", remote_namespace="far")
    ring = PbsJob("sync", "s3", "copies", remote_store="far", namespace="far", remote_namespace="x")
    copy = group(datastore="far", namespace="x", owner="root@pam", days=(30,))
    found = match([SOURCE, LATE, copy], LAB, SHOP, syncs=syncs(sync(), second))
    assert [each.pve for each in found] == ["lab"] * 3
    assert [each.match for each in match([LATE, copy], LAB, syncs=syncs(ring, second))] == [GroupMatch.AMBIGUOUS] * 2


def test_namespaces_below_a_sync_jobs_keep_their_names() -> None:
    below = group(datastore="copies", namespace="far/lab", owner="root@pam", days=(20,))
    (found,) = match([below], LAB, SHOP, syncs=syncs(sync(remote_namespace=None)))
    assert (found.match, found.pve) == (GroupMatch.GUEST, "lab")


def test_d17_a_group_of_an_account_of_one_cluster_is_an_orphan_though_another_cluster_has_its_id() -> None:
    (found,) = match([group()], cluster(), SHOP)
    assert found.match is GroupMatch.ORPHAN


@pytest.mark.parametrize(
    ("filters", "carried"),
    [
        ((), True),
        (("group:vm/100",), True),
        (("group:vm/101",), False),
        (("type:vm",), True),
        (("type:ct", "regex:^vm/1"), True),
        (("regex:^ct/",), False),
        (("include:type:vm",), True),
        (("exclude:type:ct",), True),
        (("exclude:group:vm/100",), False),
        (("type:vm", "exclude:regex:/100$"), False),
        (("regex:(",), False),
        (("exclude:regex:(",), False),
        (("odd",), False),
    ],
)
def test_h10_a_sync_job_carries_what_passes_its_filters(filters: tuple[str, ...], carried: bool) -> None:
    assert carries(sync(group_filter=filters), LATE) is carried
