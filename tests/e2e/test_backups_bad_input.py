"""What backup servers may say or hide at any time: nothing crashes, nothing held is lost, and the report tells what could not be read.

Each test refreshes the real daemon (a process) against a cluster and two backup servers, changes what one of them says, and refreshes it
again: the verdicts on guests that are not concerned are the same.
"""

from __future__ import annotations

import json
import re
import signal
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from exporter.client.answers import Envelope
from exporter.collect.pbs_snapshots import parse_snapshots
from tests.e2e.test_backups import NOW, REPOSITORY, configured
from tests.processes import Daemon, daemon, run, wait_for
from tests.simulator_process import PbsHandle, Place, SimulatorHandle, running_simulator

DAY = 86_400
GUESTS = 30
REFRESHES_AT_MOST = 20
SCHEMA = json.loads((REPOSITORY / "docs/report.schema.json").read_text())
Document = dict[str, Any]
CONTROL_CHARACTERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass
class Watched:
    """A running daemon, the simulator that it reads, and the report of its last refresh."""

    simulator: SimulatorHandle
    daemon: Daemon
    report: Document = field(default_factory=dict)
    reloads: int = 0

    @property
    def first(self) -> PbsHandle:
        return self.simulator.pbs[0]

    def refresh(self) -> Document:
        """Let the daemon read everything again; return the report, which keeps its schema, and see to it that all the rest is served."""
        before = self.daemon.sample("vzcover_refresh_duration_seconds")
        self.reloads += 1
        self.daemon.send(signal.SIGHUP)
        self.daemon.wait_for_line("configuration reloaded", times=self.reloads)
        wait_for(lambda: self.daemon.sample("vzcover_refresh_duration_seconds") != before, "a refresh")
        return self.look()

    def look(self) -> Document:
        """Return the report as it is served now."""
        self.report = json.loads(self.daemon.get("/api/v1/report")[1])
        jsonschema.validate(self.report, SCHEMA)
        status, page = self.daemon.get("/")
        assert status == 200
        assert not CONTROL_CHARACTERS.search(page.decode())
        assert not self.daemon.logged("Traceback")
        return self.report

    def said(self, *words: str) -> bool:
        """Say whether an issue of the report holds all these words."""
        return any(all(word in issue["text"] for word in words) for issue in self.report["issues"])


@contextmanager
def watched(folder: Path, *arguments: object) -> Iterator[Watched]:
    with running_simulator("serve", "--pbs", 2, "--guests", GUESTS, "--now", NOW, *arguments) as simulator:
        config = configured(simulator, folder)
        config.write_text(config.read_text() + "refresh: {attempts: 1}\n")
        with daemon("serve", "--config", config, "--now", NOW) as running:
            running.wait_until_ready()
            found = Watched(simulator, running)
            found.look()
            # task logs are read a few at a time; until then verdicts may still change
            for _ in range(REFRESHES_AT_MOST):
                if not any(
                    reason["code"] == "log_not_read" for guest in found.report["guests"] for reason in guest["reasons"]
                ):
                    break
                found.refresh()
            yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A daemon that tests share: each leaves the servers as it found them, so that the first report is what each begins with."""
    with watched(tmp_path_factory.mktemp("shared")) as found:
        yield found


@pytest.fixture(scope="module")
def before(shared: Watched) -> Document:
    return shared.report


def verdicts(report: Document) -> dict[int, tuple[str, str, int | None]]:
    return {
        guest["vmid"]: (guest["coverage"], guest["protection"], guest["newest_backup"]) for guest in report["guests"]
    }


def groups_in(report: Document, server: str, store: str, namespace: str | None = None) -> dict[str, Document]:
    return {
        f"{group['namespace']}:{group['backup_type']}/{group['backup_id']}": group
        for group in report["groups"]
        if (group["server"], group["datastore"]) == (server, store) and namespace in (None, group["namespace"])
    }


def group_at(report: Document, place: Place) -> Document:
    return groups_in(report, "pbs1", place.store, place.namespace)[f"{place.namespace}:{place.kind}/{place.identity}"]


def guest_groups(report: Document) -> list[Place]:
    """Return groups of guests that have backups, and as many as they should."""
    saved = {guest["vmid"] for guest in report["guests"] if guest["newest_backup"] is not None}
    return [
        Place("main", "prod", group["backup_type"], group["backup_id"])
        for group in groups_in(report, "pbs1", "main", "prod").values()
        if group["vmid"] in saved and group["state"] == "ok"
    ]


# --- datastores and namespaces that go away


@pytest.mark.parametrize(
    ("number", "store", "at"), [(0, "main", "groups"), (0, "main", "snapshots"), (1, "copy", "namespace")]
)
def test_a_datastore_that_vanishes_in_the_middle_of_a_refresh(tmp_path: Path, number: int, store: str, at: str) -> None:
    with watched(tmp_path) as found:
        server = found.simulator.pbs[number]
        before = found.report
        held = groups_in(before, server.name, store)
        assert len(held) > 15
        if at == "snapshots":
            server.put_snapshot(Place(store, "prod", "vm", "8998"), NOW - 60)
        server.set_datastore(store, "gone", at=at)
        during = found.refresh()
        assert found.said("no such datastore", store)
        assert verdicts(during) == verdicts(before)
        assert groups_in(during, server.name, store).keys() >= held.keys()
        elsewhere = [
            group for group in before["groups"] if (group["server"], group["datastore"]) != (server.name, store)
        ]
        assert [
            each for each in during["groups"] if (each["server"], each["datastore"]) != (server.name, store)
        ] == elsewhere

        # by now it is not listed any more: whose backups lay only there is unknown, and nobody is said to have none
        after = found.refresh()
        assert not groups_in(after, server.name, store)
        whole = verdicts(before)
        for vmid, verdict in verdicts(after).items():
            assert verdict[0] == whole[vmid][0]
            assert verdict[1] in (whole[vmid][1], "unknown", "at_risk")
            assert verdict[1] != "unprotected" or whole[vmid][1] == "unprotected"


def test_a_datastore_that_vanishes_before_it_was_ever_read(tmp_path: Path) -> None:
    with running_simulator("serve", "--pbs", 2, "--guests", GUESTS, "--now", NOW) as simulator:
        simulator.pbs[0].set_datastore("main", "gone", at="snapshots")
        config = configured(simulator, tmp_path)
        ended = run("report", "--config", config, "--format", "json", "--output", "-", "--now", NOW)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    held = groups_in(report, "pbs1", "main")
    assert held, "the cheap listing had come"
    assert all(group["incomplete"] and group["state"] in ("unknown", "not_applicable") for group in held.values())
    covered = {
        guest["protection"]
        for guest in report["guests"]
        if guest["demanded"] and guest["coverage"] == "sauvegarde_planifiee"
    }
    assert "unprotected" not in covered


def test_a_namespace_whose_listing_loses_its_permission_is_held_and_the_missing_privilege_is_named(
    shared: Watched, before: Document
) -> None:
    shared.first.set_access("/datastore/main/prod", "DatastoreBackup")
    try:
        during = shared.refresh()
        # 200 and an empty list, because the token owns nothing there: that is not "no backups"
        assert shared.said("lacks Datastore.Audit on /datastore/main/prod")
        assert verdicts(during) == verdicts(before)
        assert groups_in(during, "pbs1", "main", "prod") == groups_in(before, "pbs1", "main", "prod")
    finally:
        shared.first.set_access("/datastore/main/prod", "Audit")
    assert verdicts(shared.refresh()) == verdicts(before)
    assert not shared.said("lacks Datastore.Audit")


def test_a_namespace_that_may_not_be_read_from_the_start_is_unknown_and_not_empty(tmp_path: Path) -> None:
    with running_simulator("serve", "--pbs", 2, "--guests", GUESTS, "--now", NOW) as simulator:
        for server in simulator.pbs:
            for store in ("main", "copy"):
                server.set_access(f"/datastore/{store}/prod", "DatastoreBackup")
        config = configured(simulator, tmp_path)
        ended = run("report", "--config", config, "--format", "json", "--output", "-", "--now", NOW)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert not groups_in(report, "pbs1", "main", "prod")
    assert any("lacks Datastore.Audit on /datastore/main/prod" in issue["text"] for issue in report["issues"])
    assert report["summary"]["protection"]["unprotected"] == 0
    assert report["summary"]["protection"]["unknown"] > 15


@pytest.mark.parametrize("kind", ["403", "500", "html", "truncated", "wrong-types", "no-data", "gzip-garbage", "reset"])
def test_a_server_whose_answers_about_its_datastores_make_no_sense_loses_nothing(
    shared: Watched, before: Document, kind: str
) -> None:
    shared.first.set_faults({"/admin/datastore/*": kind, "/admin/prune": kind, "/config/*": kind})
    try:
        during = shared.refresh()
    finally:
        shared.first.set_faults({})
    assert verdicts(during) == verdicts(before)
    assert groups_in(during, "pbs1", "main").keys() == groups_in(before, "pbs1", "main").keys()
    assert groups_in(during, "pbs2", "copy") == groups_in(before, "pbs2", "copy")
    assert shared.said("pbs1", "groups")


def test_a_listing_from_which_rows_are_missing_makes_its_groups_doubtful_and_no_other(
    shared: Watched, before: Document
) -> None:
    place = guest_groups(before)[0]
    shared.first.put_snapshot(place, NOW - 600)
    shared.first.set_faults({f"/admin/datastore/main/snapshots?*backup-id={place.identity}*": "rows-missing"})
    try:
        during = shared.refresh()
        assert group_at(during, place)["incomplete"]
        assert group_at(during, place)["state"] == "unknown"
        assert shared.said("not every snapshot of", f"{place.kind}/{place.identity}", "main/prod")
    finally:
        shared.first.set_faults({})
        shared.first.prune(place, [NOW - 600])
    assert {vmid: verdict[:2] for vmid, verdict in verdicts(during).items()} == {
        vmid: verdict[:2] for vmid, verdict in verdicts(before).items()
    }
    assert verdicts(shared.refresh()) == verdicts(before)


# --- rows that make no sense


IMPOSSIBLE = (NOW + 400 * DAY, NOW + DAY + 3600, 2**62, -5, -(2**62))


def test_a_backup_dated_before_all_time_or_far_in_the_future_counts_for_nothing(
    shared: Watched, before: Document
) -> None:
    dated = dict(zip(guest_groups(before), IMPOSSIBLE, strict=False))
    assert len(dated) == len(IMPOSSIBLE)
    for place, instant in dated.items():
        shared.first.put_snapshot(place, instant)
    try:
        during = shared.refresh()
    finally:
        for place, instant in dated.items():
            shared.first.prune(place, [instant])
    for place in dated:
        assert group_at(during, place)["incomplete"]
        assert group_at(during, place)["state"] == "unknown"
        assert group_at(during, place)["newest"] == group_at(before, place)["newest"]
    assert shared.said("not every snapshot of", "and 2 more in main/prod", "times that cannot be")
    # what was found against these guests may rest on what did not make sense; nobody else's verdict does
    doubtful = {int(place.identity) for place in dated}
    now, then = verdicts(during), verdicts(before)
    assert {vmid: now[vmid] for vmid in now.keys() - doubtful} == {vmid: then[vmid] for vmid in then.keys() - doubtful}
    assert all(now[vmid][1] in ("unknown", then[vmid][1]) for vmid in doubtful)
    touched = [group_at(before, place) for place in dated]
    assert [group for group in before["groups"] if group not in touched] == [
        group for group in during["groups"] if not group["incomplete"]
    ]
    assert shared.refresh()["groups"] == before["groups"]


def test_a_guest_with_only_an_impossible_backup_is_unknown_and_neither_safe_nor_lost(tmp_path: Path) -> None:
    with watched(tmp_path) as found:
        place = guest_groups(found.report)[0]
        vmid = int(place.identity)
        for server, store in zip(found.simulator.pbs, ("main", "copy"), strict=True):
            there = Place(store, place.namespace, place.kind, place.identity)
            server.forget(there)
        found.first.put_snapshot(place, NOW + 400 * DAY)
        during = verdicts(found.refresh())
    assert during[vmid][1] == "unknown"
    assert during[vmid][2] is None


IDS = (
    "web-server",
    "100.bak",
    "9" * 255,
    "١٢٣",
    "0123",
    "_",
    "0",
    "00",
    "vm",
    "a" * 200,
    "../../etc",
    "x\ny",
    "<script>",
)


def test_ids_that_are_no_numbers_are_groups_of_nobody(shared: Watched, before: Document) -> None:
    places = [Place("main", "prod", kind, identity) for identity in IDS for kind in ("vm", "ct", "host")]
    for place in places:
        shared.first.put_snapshot(place, NOW - 7200)
    try:
        during = shared.refresh()
        there = groups_in(during, "pbs1", "main", "prod")
        assert len(there) == len(groups_in(before, "pbs1", "main", "prod")) + len(places)
        for place in places:
            group = group_at(during, place)
            assert group["vmid"] is None, place
            assert group["match"] in ("host", "orphan", "unknown"), place
        assert verdicts(during) == verdicts(before)
        assert "host/<script>" not in shared.daemon.get("/")[1].decode()
    finally:
        for place in places:
            shared.first.forget(place)
    assert verdicts(shared.refresh()) == verdicts(before)


def test_control_characters_in_comments_reach_no_reader(shared: Watched, before: Document, tmp_path: Path) -> None:
    place = guest_groups(before)[0]
    nasty = "\x1b[31mred\x1b[0m\x00\x07\x7f\x9b\u2028 tail"
    shared.first.set_group(place, note=nasty)
    shared.first.put_snapshot(place, group_at(before, place)["newest"], comment=nasty)
    try:
        during = shared.refresh()
        comment = group_at(during, place)["comment"]
        assert comment.startswith("[31mred")
        assert comment.endswith("tail")
        assert not CONTROL_CHARACTERS.search(comment)
        assert verdicts(during) == verdicts(before)
        config = configured(shared.simulator, tmp_path)
        ended = run(
            "report", "--config", config, "--format", "pdf,csv,json", "--output", tmp_path / "out", "--now", NOW
        )
        assert ended.returncode == 0, ended.stderr
        for path in (tmp_path / "out").iterdir():
            if path.suffix != ".pdf":
                assert not CONTROL_CHARACTERS.search(path.read_text().replace("\r\n", "\n")), path
    finally:
        shared.first.set_group(place, note=None)


# --- size


def test_a_list_of_a_million_snapshots_becomes_columns_of_25_bytes_each() -> None:
    count, start = 1_000_000, 1_000_000_000
    archives = (
        '[{"filename":"drive-scsi0.img.fidx","crypt-mode":"none","size":9},{"filename":"index.json.blob","size":1}]'
    )
    row = '{"backup-type":"vm","backup-id":"100","backup-time":%d,"files":' + archives + ',"size":10,"protected":false}'
    body = ('{"data":[' + ",".join(map(row.__mod__, range(start + count - 1, start - 1, -1))) + "]}").encode()
    began = time.process_time()
    answer = msgspec.json.decode(body, type=Envelope[list[msgspec.Raw]], strict=False)
    contents = parse_snapshots(answer.data, latest=NOW)
    spent = time.process_time() - began
    snapshots = contents.groups["vm", "100"].snapshots
    assert (contents.rows, contents.unread, len(snapshots)) == (count, 0, count)
    assert (snapshots.times[0], snapshots.times[-1]) == (start, start + count - 1)
    held = sum(len(column) * column.itemsize for column in (snapshots.times, snapshots.sizes, snapshots.verified_at))
    assert held + len(snapshots.flags) == 25 * count
    assert isinstance(snapshots.times, array)
    assert spent < 15, "measured: 2 s"


# --- a server too slow to be read within one refresh


def test_a_cold_refresh_longer_than_the_deadline_goes_on_where_it_stopped_while_metrics_are_served(
    tmp_path: Path,
) -> None:
    options = ("--pbs", 1, "--guests", 8, "--now", NOW, "--groups", 420, "--groups-times", 50)
    with running_simulator("serve", *options) as simulator:
        server = simulator.pbs[0]
        # 21,000 manifests of 1.5 ms each, by four calls at a time: nearly 8 s, and more than one call may bring
        server.set_speed(0.0015)
        config = configured(simulator, tmp_path, servers=1)
        config.write_text(config.read_text() + "refresh: {deadline: 5s, attempts: 1}\n")
        with daemon("serve", "--config", config, "--now", NOW) as running:
            slowest = longest_scrape_until(running, lambda: running.get("/-/ready")[0] == 200)
            found = Watched(simulator, running)
            first = groups_in(found.look(), "pbs1", "bulk")
            assert found.said("deadline passed", "groups were not read")
            read = {name for name, group in first.items() if not group["incomplete"]}
            assert len(first) == 420, "all are known to exist"
            assert 20 < len(read) < 420
            for name, group in first.items():
                assert group["snapshots"] == (50 if name in read else 0)
            assert {job["id"] for job in found.report["pbs_jobs"]} > {"v-main"}, "what is quickly told was told"

            server.clear_cost()
            for _ in range(3):
                second = groups_in(found.refresh(), "pbs1", "bulk")
                if not any(group["incomplete"] for group in second.values()):
                    break
            assert not any(group["incomplete"] or group["snapshots"] != 50 for group in second.values())
            assert not found.said("deadline passed")
            # nothing was read twice, but for the group whose turn it was in the slow round
            opened = server.cost()["manifests_opened_by_group"]
            again = [name for name in read if opened.get(f"bulk{name.replace(':', '::', 1)}", 0)]
            assert len(again) <= 5
            samples = running.samples()
    assert slowest < 2
    assert samples['vzcover_source_up{source="pbs1"}'] == 1


def longest_scrape_until(running: Daemon, done: Callable[[], bool]) -> float:
    """Ask for /metrics again and again until something is done; return the seconds of the longest answer."""
    longest, asked = 0.0, 0
    wait_for(lambda: running.logged("listen"), "an address")

    def scrape() -> bool:
        nonlocal longest, asked
        begun = time.monotonic()
        assert running.get("/metrics")[0] == 200
        longest, asked = max(longest, time.monotonic() - begun), asked + 1
        return done()

    wait_for(scrape, "ready")
    assert asked > 20
    return longest
