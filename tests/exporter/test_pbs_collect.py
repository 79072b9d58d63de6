"""One PBS read again and again over HTTPS: what is asked, what it costs the server, what is held when something fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.pbs import ServerCollector
from exporter.collect.pbs_listing import Cause, ServerRhythm
from exporter.collect.pbs_rows import GroupRow
from exporter.collect.pbs_snapshots import Contents, parse_snapshots
from exporter.collect.pbs_values import Home
from exporter.counters import Counters
from report.backups import BackupGroup, PbsFacts, SnapshotFlag
from tests.exporter.clients import Naps
from tests.simulator_process import PbsHandle, Place, running_simulator

NOW = 1_795_230_000
DAY = 86400
BULK = [Place("bulk", "", "vm", str(1_000_005 + number)) for number in range(35)]
TIMES = 12
HOST = Place("main", "", "host", "elsa")


@pytest.fixture(scope="module")
def shared() -> Iterator[PbsHandle]:
    """A server that the tests of this file share: each makes its own first refresh."""
    with started() as server:
        yield server


@contextmanager
def started(*arguments: object) -> Iterator[PbsHandle]:
    options = ("--pbs", 1, "--guests", 5, "--pbs-delays", "off", "--now", NOW, "--history-days", 20)
    with running_simulator("serve", *options, "--groups", 40, "--groups-times", TIMES, *arguments) as simulator:
        yield simulator.pbs[0]


@contextmanager
def collector_of(
    server: PbsHandle, user: str = "auditor", *, slow: int = DAY, **changed: Any
) -> Iterator[ServerCollector]:
    token, secret = next(pair for pair in server.tokens.items() if pair[0].startswith(f"{user}@"))
    values: dict[str, Any] = {"read_timeout": 2.0, "attempts": 1, "ca_file": str(server.ca_file)}
    hosts = ((server.host, server.port),)
    settings = ClientSettings("vault", "pbs", hosts, token, secret, **{**values, **changed})
    client = SourceClient(settings, Counters(), sleep=Naps())
    try:
        yield ServerCollector("vault", token, client, ServerRhythm(slow_seconds=slow))
    finally:
        client.close()


def refresh(collector: ServerCollector, before: PbsFacts | None, now: int = NOW, seconds: float = 30.0) -> PbsFacts:
    return collector.collect(before, now, Deadline.after(seconds))


def group_of(facts: PbsFacts, place: Place) -> BackupGroup | None:
    groups = facts.groups[place.store, place.namespace].value or ()
    return next(
        (group for group in groups if (group.backup_type, group.backup_id) == (place.kind, place.identity)), None
    )


def held(facts: PbsFacts, place: Place) -> BackupGroup:
    found = group_of(facts, place)
    assert found is not None
    return found


def opened(server: PbsHandle) -> dict[str, int]:
    """What the server opened since it was last asked: manifests by group (STORE:NS:TYPE/ID)."""
    counted: dict[str, int] = server.cost()["manifests_opened_by_group"]
    server.clear_cost()
    return counted


def name_of(place: Place) -> str:
    return f"{place.store}:{place.namespace}:{place.kind}/{place.identity}"


def unfinished(facts: PbsFacts) -> set[str]:
    """Groups that are read at every refresh because they hold an unfinished snapshot."""
    return {
        f"{group.datastore}:{group.namespace}:{group.backup_type}/{group.backup_id}"
        for reading in facts.groups.values()
        for group in reading.value or ()
        if group.snapshots.count(SnapshotFlag.UNFINISHED)
    }


# the slow round takes at least one group a refresh: here it is the only one that is counted apart
NEVER_SLOW = 10**9


def test_a_steady_refresh_opens_the_manifests_of_changed_groups_and_one_group_of_the_slow_round(
    shared: PbsHandle,
) -> None:
    with collector_of(shared, slow=NEVER_SLOW) as collector:
        facts = refresh(collector, None)
        assert sum(collector.manifests_opened.values()) == collector.manifests_opened[Cause.FIRST]
        opened(shared)
        changed = BULK[3:8]
        for number, place in enumerate(changed):
            shared.put_snapshot(place, NOW - 100 + number)
        facts = refresh(collector, facts, NOW + 300)
        counted = opened(shared)
        expected = {name_of(place) for place in changed} | (unfinished(facts) & counted.keys())
        slow = counted.keys() - expected
        assert len(slow) == 1
        for place in changed:
            assert counted[name_of(place)] == TIMES + 1
            assert len(held(facts, place).snapshots) == TIMES + 1
        assert collector.manifests_opened[Cause.CHANGED] == sum(counted[name] for name in expected)
        assert collector.manifests_opened[Cause.SLOW] == counted[slow.pop()]
        assert collector.manifests_opened[Cause.FIRST] == collector.manifests_opened[Cause.TASK] == 0


def test_what_did_not_change_is_the_very_same_object(shared: PbsHandle) -> None:
    with collector_of(shared, slow=NEVER_SLOW) as collector:
        before = refresh(collector, None)
        after = refresh(collector, before, NOW + 300)
    same = [group_of(before, place) is group_of(after, place) for place in BULK]
    assert same.count(False) <= 1


def test_facts_that_another_collector_held_are_built_upon(shared: PbsHandle) -> None:
    with collector_of(shared, slow=NEVER_SLOW) as first:
        facts = refresh(first, None)
    with collector_of(shared, slow=NEVER_SLOW) as second:
        refresh(second, facts, NOW + 300)
        assert second.manifests_opened[Cause.FIRST] == 0


@pytest.mark.parametrize("change", ["pruned", "note", "owner", "forgotten"])
def test_every_change_of_a_group_is_seen_at_the_next_refresh(shared: PbsHandle, change: str) -> None:
    place = BULK[{"pruned": 10, "note": 11, "owner": 12, "forgotten": 13}[change]]
    with collector_of(shared) as collector:
        before = refresh(collector, None)
        oldest = held(before, place).snapshots.times[0]
        if change == "pruned":
            shared.prune(place, [oldest])
        elif change == "note":
            shared.set_group(place, note="moved to rack 2\nsecond line")
        elif change == "owner":
            shared.set_group(place, owner="other@pbs!token")
        else:
            shared.forget(place)
        after = refresh(collector, before, NOW + 300)
    group = group_of(after, place)
    if change == "forgotten":
        assert group is None
        return
    assert group is not None
    assert (change == "pruned") == (oldest not in group.snapshots.times)
    assert (group.comment == "moved to rack 2") == (change == "note")
    assert (group.owner == "other@pbs!token") == (change == "owner")


def test_an_unfinished_backup_is_looked_at_until_it_is_finished(shared: PbsHandle) -> None:
    place = BULK[14]
    with collector_of(shared, slow=NEVER_SLOW) as collector:
        shared.put_snapshot(place, NOW - 50, finished=False)
        facts = refresh(collector, None)
        assert held(facts, place).snapshots.count(SnapshotFlag.UNFINISHED) == 1
        opened(shared)
        facts = refresh(collector, facts, NOW + 300)
        assert opened(shared)[name_of(place)] == TIMES
        shared.put_snapshot(place, NOW - 50, finished=True)
        facts = refresh(collector, facts, NOW + 600)
        assert held(facts, place).snapshots.count(SnapshotFlag.UNFINISHED) == 0
        opened(shared)
        refresh(collector, facts, NOW + 900)
        assert name_of(place) not in opened(shared)


@pytest.fixture
def without_clock(shared: PbsHandle) -> Iterator[None]:
    """The server's clock does not keep pace with the instants of these tests: it does not tell it."""
    shared.set_faults({"/nodes/localhost/time": "500"})
    yield
    shared.set_faults({})


@pytest.mark.usefixtures("without_clock")
def test_a_verification_is_seen_soon_after_its_task_ended_and_once(shared: PbsHandle) -> None:
    place = BULK[15]
    with collector_of(shared, slow=NEVER_SLOW) as collector:
        facts = refresh(collector, None)
        upid = shared.add_task("verify_group", f"bulk:vm/{place.identity}", NOW - 10)
        newest = held(facts, place).snapshots.times[-1]
        shared.put_snapshot(place, newest, verification="failed", upid=upid)
        facts = refresh(collector, facts, NOW + 20)
        assert collector.manifests_opened[Cause.TASK] == 0
        shared.end_task(upid, NOW + 30)
        facts = refresh(collector, facts, NOW + 300)
        assert collector.manifests_opened[Cause.TASK] == TIMES
        snapshots = held(facts, place).snapshots
        assert snapshots.flags[-1] & SnapshotFlag.VERIFY_FAILED
        assert snapshots.verified_at[-1] == NOW - 10
        refresh(collector, facts, NOW + 600)
        assert collector.manifests_opened[Cause.TASK] == 0


def test_h7_a_copy_is_verified_elsewhere_until_its_own_server_verifies_it() -> None:
    options = ("--pbs", 2, "--guests", 5, "--pbs-delays", "off", "--now", NOW, "--history-days", 20)
    with running_simulator("serve", *options) as simulator, collector_of(simulator.pbs[1]) as collector:
        facts = refresh(collector, None)
        groups = facts.groups["copy", "prod"].value or ()
        newest = next(group for group in groups if group.verified_elsewhere)
        flags = newest.snapshots.flags
        # today's came with what its source said of it; that of the days before was verified here this morning
        assert newest.verified_elsewhere == "pbs1/main"
        assert flags[-1] & SnapshotFlag.VERIFIED_ELSEWHERE
        assert flags[-2] & (SnapshotFlag.VERIFIED | SnapshotFlag.VERIFIED_ELSEWHERE) == SnapshotFlag.VERIFIED
        place = Place("copy", "prod", newest.backup_type, newest.backup_id)
        upid = simulator.pbs[1].add_task("verificationjob", "copy:v-copy", NOW)
        simulator.pbs[1].put_snapshot(place, newest.snapshots.times[-1], verification="ok", upid=upid)
        simulator.pbs[1].end_task(upid, NOW + 30)
        after = held(refresh(collector, facts, NOW + 300), place)
        assert after.snapshots.flags[-1] & SnapshotFlag.VERIFIED
        assert after.snapshots.verified_at[-1] == NOW
        assert after.verified_elsewhere is None


@pytest.mark.usefixtures("without_clock")
def test_after_a_verification_of_a_whole_store_its_groups_are_read_a_share_at_a_time(shared: PbsHandle) -> None:
    with collector_of(shared, slow=NEVER_SLOW) as collector:
        facts = refresh(collector, None, NOW)
        shared.add_task("verify", "bulk", NOW - 10, end=NOW + 20, status="OK")
        shares = []
        for number in range(1, 4):
            facts = refresh(collector, facts, NOW + 300 * number)
            fresh = {
                place for place in BULK if (group := group_of(facts, place)) and group.read_at == NOW + 300 * number
            }
            shares.append(len(fresh))
    # 20 a refresh, and one by the slow round; some of them are the groups of this store that are not counted here
    assert sum(shares[:2]) == sum(1 for place in BULK if group_of(facts, place))
    assert max(shares) <= 21


def test_the_slow_round_sees_a_protection_that_no_row_shows(shared: PbsHandle) -> None:
    with collector_of(shared, slow=600) as collector:
        facts = refresh(collector, None)
        times = held(facts, BULK[20]).snapshots.times
        shared.put_snapshot(BULK[20], times[3], protected=True)
        for number in (1, 2, 3):
            facts = refresh(collector, facts, NOW + 300 * number)
    assert held(facts, BULK[20]).snapshots.flags[3] & SnapshotFlag.PROTECTED
    assert all(group.read_at >= NOW + 300 for group in facts.groups["bulk", ""].value or ())


def test_a_failing_listing_costs_its_namespace_and_keeps_what_is_held_with_its_age(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        before = refresh(collector, None)
        shared.set_faults({"/admin/datastore/bulk/groups": "500"})
        try:
            after = refresh(collector, before, NOW + 300)
        finally:
            shared.set_faults({})
    assert after.groups["bulk", ""].value is before.groups["bulk", ""].value
    assert after.groups["bulk", ""].fetched_at == NOW
    assert after.groups["bulk", ""].failure is not None
    assert after.groups["main", ""].failure is None
    assert after.groups["main", ""].fetched_at == NOW + 300
    assert after.up


def test_a_changed_group_that_cannot_be_read_keeps_its_snapshots_and_says_that_they_are_not_all(
    shared: PbsHandle,
) -> None:
    place = BULK[25]
    with collector_of(shared) as collector:
        before = refresh(collector, None)
        shared.put_snapshot(place, NOW - 30)
        shared.set_faults({"/admin/datastore/bulk/snapshots": "500"})
        try:
            after = refresh(collector, before, NOW + 300)
        finally:
            shared.set_faults({})
        known = held(after, place)
        assert known.incomplete
        assert list(known.snapshots.times) == list(held(before, place).snapshots.times)
        assert not held(after, BULK[26]).incomplete
        assert after.groups["bulk", ""].failure is not None
        again = refresh(collector, after, NOW + 600)
    assert not held(again, place).incomplete
    assert held(again, place).snapshots.times[-1] == NOW - 30


def test_groups_never_read_are_known_to_exist_and_nothing_more(shared: PbsHandle) -> None:
    shared.set_faults({"/admin/datastore/bulk/snapshots": "500"})
    try:
        with collector_of(shared) as collector:
            facts = refresh(collector, None)
            groups = facts.groups["bulk", ""].value or ()
            assert groups
            assert all(group.incomplete and group.row_digest is None for group in groups)
            shared.set_faults({})
            facts = refresh(collector, facts, NOW + 300)
            assert collector.manifests_opened[Cause.FIRST] > 0
            assert not any(group.incomplete for group in facts.groups["bulk", ""].value or ())
    finally:
        shared.set_faults({})


def test_a_server_that_is_gone_costs_nothing_of_what_is_held(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        before = refresh(collector, None)
    token = next(iter(shared.tokens))
    settings = ClientSettings("vault", "pbs", (("127.0.0.1", 1),), token, "x", verify=False, attempts=1)
    client = SourceClient(settings, Counters(), sleep=Naps())
    after = refresh(ServerCollector("vault", token, client, ServerRhythm()), before, NOW + 300)
    client.close()
    assert not after.up
    assert after.failure is not None
    assert after.failure.code == "connect"
    assert after.groups == before.groups
    assert after.datastores == before.datastores
    assert not any(run.success for run in after.collectors)
    assert all(run.last_success_at == NOW for run in after.collectors)


def test_a_server_that_fails_every_call_is_down_though_some_steps_had_nothing_to_ask() -> None:
    with started() as server, collector_of(server) as collector:
        server.set_faults({"*": "500"})
        facts = refresh(collector, None)
    assert any(run.success for run in facts.collectors), "nothing to ask succeeds, and proves nothing"
    assert not facts.up
    assert facts.failure is not None


def test_a_deadline_in_the_middle_keeps_what_was_read_until_then(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        facts = refresh(collector, None, seconds=0.0)
        assert not facts.up
        facts = refresh(collector, facts, NOW + 300)
        assert facts.up
        assert held(facts, BULK[30]).snapshots


@pytest.mark.parametrize("user", ["owner", "backup"])
def test_with_backup_rights_alone_only_owned_groups_are_seen_and_the_rest_is_unknown(
    shared: PbsHandle, user: str
) -> None:
    with collector_of(shared, user) as collector:
        facts = refresh(collector, None)
    seen = [reading for reading in facts.groups.values() if reading.value]
    assert seen
    assert all(reading.partial for reading in seen)
    for reading in facts.groups.values():
        assert reading.failure is not None
        assert reading.failure.code == "forbidden"
        assert "lacks Datastore.Audit" in reading.failure.message
        assert reading.value != ()


def test_a_token_loses_its_rights_and_its_facts_grow_old_instead_of_vanishing(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        before = refresh(collector, None)
    with collector_of(shared, "nobody") as collector:
        after = refresh(collector, before, NOW + 300)
    assert after.datastores.value == before.datastores.value
    assert after.datastores.fetched_at == NOW
    assert after.datastores.failure is not None
    assert after.groups["bulk", ""].value == before.groups["bulk", ""].value
    assert after.groups["bulk", ""].fetched_at == NOW
    assert after.groups["bulk", ""].usable(NOW + 300)
    assert after.groups["bulk", ""].usable(NOW + 901) is None


@pytest.mark.parametrize("version", ["2.4", "3.2", "4.0"])
def test_every_version_is_read_without_a_failure(version: str) -> None:
    with started("--pbs-version", version) as server, collector_of(server) as collector:
        server.set_datastore("archive", "lost")
        facts = refresh(collector, None)
    broken = {store.name for store in facts.datastores.value or () if store.error or store.maintenance == "offline"}
    assert broken == {"archive"}
    # a server older than 3.2 has no list of collections
    assert {collection.datastore for collection in facts.garbage_collections.value or ()} >= {"main", "bulk"}
    failed = [run.collector for run in facts.collectors if not run.success]
    assert failed == []
    assert {place: reading.failure for place, reading in facts.groups.items() if reading.failure} == {}
    assert len(facts.groups["bulk", ""].value or ()) == 40


def test_a_store_that_goes_away_is_held_and_says_why_until_it_is_removed() -> None:
    with started() as server, collector_of(server) as collector:
        first = refresh(collector, None)
        server.set_datastore("bulk", "offline", "disk swap")
        second = refresh(collector, first, NOW + 300)
        place = ("bulk", "")
        assert second.groups[place].value is first.groups[place].value
        assert second.groups[place].fetched_at == NOW
        failure = second.groups[place].failure
        assert failure is not None
        assert "disk swap" in failure.message
        assert not [call for call in server.requests() if "/bulk/" in call and "gc" in call]
        server.set_datastore("bulk", "lost")
        third = refresh(collector, second, NOW + 600)
        assert third.groups[place].value is first.groups[place].value
        assert next(store.error for store in third.datastores.value or () if store.name == "bulk")
        server.set_datastore("bulk", "read-only")
        fourth = refresh(collector, third, NOW + 900)
        assert fourth.groups[place].failure is None
        assert fourth.groups[place].fetched_at == NOW + 900
        server.set_datastore("bulk", "gone")
        fifth = refresh(collector, fourth, NOW + 1200)
        assert place not in fifth.groups
        assert fifth.groups["main", ""].failure is None


def test_a_store_that_is_removed_in_the_middle_of_a_refresh_costs_itself_only(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        before = refresh(collector, None)
        shared.set_faults({"/admin/datastore/bulk/*": "500"})
        try:
            after = refresh(collector, before, NOW + 300)
        finally:
            shared.set_faults({})
    assert after.namespaces["bulk"].value == ("",)
    assert after.namespaces["bulk"].failure is not None
    assert after.groups["bulk", ""].value is before.groups["bulk", ""].value
    assert after.groups["main", ""].failure is None


def test_a_listing_with_fewer_snapshots_than_the_row_says_is_read_once_more_and_then_marked() -> None:
    with started() as server, collector_of(server) as collector:
        first = refresh(collector, None)
        place = BULK[1]
        fewer = replace(held(first, place), row_digest=0)
        groups = tuple(
            fewer if group is held(first, place) else group for group in first.groups["bulk", ""].value or ()
        )
        before = replace(first, groups={**first.groups, ("bulk", ""): replace(first.groups["bulk", ""], value=groups)})
        asked_before = server.requests()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("exporter.collect.pbs_calls.parse_snapshots", _without_the_last)
            after = refresh(collector, before, NOW + 300)
        asked = server.requests()
    assert held(after, place).incomplete
    assert len(held(after, place).snapshots) == TIMES - 1
    path = "GET /admin/datastore/bulk/snapshots"
    # this group twice, and twice the one of the slow round if that is on this store
    assert asked[path] - asked_before[path] in (2, 4)


def test_a_row_of_the_cheap_listing_that_makes_no_sense_loses_no_group(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        before = refresh(collector, None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("exporter.collect.pbs_parse._GROUP", _Picky())
            after = refresh(collector, before, NOW + 300)
    place = ("bulk", "")
    assert [group.backup_id for group in after.groups[place].value or ()] == [
        group.backup_id for group in before.groups[place].value or ()
    ]
    assert after.groups[place].partial
    assert after.groups[place].failure is not None


class _Picky:
    """Takes one group for nonsense."""

    def decode(self, raw: msgspec.Raw) -> GroupRow:
        row = msgspec.json.decode(raw, type=GroupRow)
        if row.backup_id == BULK[0].identity:
            raise msgspec.ValidationError("nonsense")
        return row


def _without_the_last(answer: list[msgspec.Raw], latest: int, home: Home) -> Contents:
    return parse_snapshots(answer[:-1], latest, home)


def test_no_secret_is_in_the_facts(shared: PbsHandle) -> None:
    with collector_of(shared) as collector:
        facts = refresh(collector, None)
        secret = collector.client.settings.token_secret
    assert secret not in repr(facts)


def test_a_namespace_too_slow_for_one_call_is_read_group_by_group_at_the_next_refresh() -> None:
    with started() as server, collector_of(server, read_timeout=1.0) as collector:
        server.set_speed(0.005)  # 480 manifests as a whole: 2.4 s without a word; the 12 of a group: 60 ms
        first = refresh(collector, None)
        assert all(group.incomplete for group in first.groups["bulk", ""].value or ())
        assert first.groups["bulk", ""].failure is not None
        assert first.groups["bulk", ""].failure.code == "timeout"
        second = refresh(collector, first, NOW + 300)
        assert not any(group.incomplete for group in second.groups["bulk", ""].value or ())
        assert second.groups["bulk", ""].failure is None


def test_refreshes_that_the_deadline_cuts_short_go_on_where_the_one_before_stopped() -> None:
    # 40 groups of 600: too many for one call; each takes 0.3 s, and four are read at a time
    with started("--groups-times", 600) as server, collector_of(server, slow=NEVER_SLOW) as collector:
        server.set_speed(0.0005)
        facts: PbsFacts | None = None
        finished: list[int] = []
        for number in range(20):
            before = facts
            facts = refresh(collector, facts, NOW + 300 * number, seconds=1.5)
            assert facts.up
            whole = [place for place in BULK if (group := group_of(facts, place)) and not group.incomplete]
            finished.append(len(whole))
            if before is not None:
                unread = [
                    place
                    for place in BULK
                    if (group := group_of(before, place)) is not None
                    and not group.incomplete
                    and group_of(facts, place) is not group
                ]
                assert len(unread) <= 1, "only the one whose turn it was in the slow round is read again"
            if facts.groups["bulk", ""].failure is None:
                break
            assert facts.groups["bulk", ""].failure.code == "deadline"
            assert facts.sync_jobs.fetched_at == NOW + 300 * number, "what is quickly told comes first"
        assert len(finished) > 1
        assert finished == sorted(finished)
        assert facts is not None
        assert all(len(group.snapshots) == 600 for group in facts.groups["bulk", ""].value or ())
