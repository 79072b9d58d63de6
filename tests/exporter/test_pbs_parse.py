"""From PBS's rows to facts: a table for each trap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect import pbs_parse as parse
from exporter.collect import pbs_rows as rows
from exporter.collect.pbs_snapshots import flags_of, parse_snapshots
from exporter.collect.pbs_values import (
    Home,
    Upid,
    boolean,
    first_line,
    number,
    parse_upid,
    text,
    upid_nodes,
    upid_start,
)
from report.backups import SnapshotFlag as Flag

UPID = "UPID:pbs1:00001C97:0003BBDF:00000020:6B00FA4C:verify:main:root@pam!all:"
FILES = [
    {"filename": "drive-scsi0.img.fidx", "crypt-mode": "none", "size": 9000000},
    {"filename": "index.json.blob", "crypt-mode": "none", "size": 467},
]


def raws(*documents: Any) -> list[msgspec.Raw]:
    """Rows as the client hands them over: each still as text."""
    return [msgspec.Raw(msgspec.json.encode(document)) for document in documents]


def snapshot(time: object = 1795127400, **changed: object) -> dict[str, object]:
    row: dict[str, object] = {
        "backup-type": "vm",
        "backup-id": "100",
        "backup-time": time,
        "files": FILES,
        "size": 9000467,
    }
    row["protected"] = False
    return {name: value for name, value in {**row, **changed}.items() if value is not None}


def group(**changed: object) -> dict[str, object]:
    row = {"backup-type": "vm", "backup-id": "100", "backup-count": 3, "last-backup": 5, "files": [], "owner": "a@pbs"}
    return {**row, **changed}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (5, 5),
        ("5", 5),
        (5.9, 5),
        (-1, None),
        ("five", None),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, 1),
    ],
)
def test_a_number_that_cannot_be_is_unknown(value: rows.Scalar, expected: int | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("yes", True), ("on", True), ("0", False), ("no", False), (True, True), (0, False), (None, None)],
)
def test_booleans_come_in_many_forms(value: rows.Scalar, expected: bool | None) -> None:
    assert boolean(value) is expected


def test_control_characters_never_reach_the_report() -> None:
    assert text("a\x00b\x1b[31m\nc\u2028d\x9b") == "a b [31m c d"
    assert first_line("Group note line1\n") == "Group note line1"
    assert first_line("\nsecond") is None
    assert first_line(None) is None


@pytest.mark.parametrize(
    ("upid", "expected"),
    [
        (UPID, 0x6B00FA4C),
        ("UPID:pve1:000A1B2C:0003BBDF:6B00FA4C:vzdump:100:root@pam:", None),  # of a PVE: a field less (G1)
        ("UPID:pbs1:1:2:3:XYZ:verify:main:root@pam:", None),
        ("UPID:pbs1:1:2:3:" + "F" * 40 + ":verify:main:root@pam:", None),
        ("", None),
    ],
)
def test_the_time_of_verification_is_the_start_in_its_upid(upid: str, expected: int | None) -> None:
    assert upid_start(upid) == expected


START = 0x6B00FA4C
JOB = UPID.replace(":verify:main:", ":verificationjob:main\\x3av\\x2dmain:")


@pytest.mark.parametrize(
    ("upid", "expected"),
    [
        (UPID, Upid("pbs1", START, "main")),
        (JOB, Upid("pbs1", START, "main")),
        (UPID.replace(":main:", ":off\\x2dsite\\x3aa-b\\x3avm-100:"), Upid("pbs1", START, "off-site")),
        (UPID.replace(":verify:main:", ":syncjob:self\\x3amain:"), Upid("pbs1", START, "")),  # no datastore is first
        (UPID.replace(":main:", "::"), Upid("pbs1", START, "")),
        (UPID.replace(":main:", ":a\\x1b[31m:"), Upid("pbs1", START, "")),  # no name of anything
        (UPID.replace("pbs1", "pbs 1"), Upid("", START, "main")),
        ("UPID:pve1:000A1B2C:0003BBDF:6B00FA4C:vzdump:100:root@pam:", None),
    ],
)
def test_h7_a_upid_names_the_node_and_of_a_verification_the_datastore(upid: str, expected: Upid | None) -> None:
    assert parse_upid(upid) == expected


def test_the_names_of_a_node_are_those_in_its_own_upids() -> None:
    assert upid_nodes([UPID, None, "", JOB.replace("pbs1", "old-name")]) == {"pbs1", "old-name"}
    assert upid_nodes([None, "", "UPID:", "UPID:a b:1"]) == frozenset()


@pytest.mark.parametrize(
    ("home", "source"),
    [
        pytest.param(Home("main", frozenset({"pbs1"})), None, id="here"),
        pytest.param(Home("main", frozenset({"pbs1", "old-name"})), None, id="the node has two names"),
        pytest.param(Home("main", frozenset({"pbs2"})), "pbs1/main", id="another node"),
        pytest.param(Home("main"), None, id="its own name is not known"),
        pytest.param(Home("second", frozenset({"pbs1"})), "pbs1/main", id="another datastore of the same node"),
        pytest.param(Home("second"), "pbs1/main", id="another datastore, whatever the node"),
        pytest.param(Home(), None, id="nothing is known"),
    ],
)
@pytest.mark.parametrize("upid", [UPID, JOB], ids=("verify", "verificationjob"))
def test_h7_a_copied_manifest_tells_where_it_was_verified(upid: str, home: Home, source: str | None) -> None:
    failed = snapshot(300, verification={"state": "failed", "upid": upid})
    old, newest = (snapshot(time, verification={"state": "ok", "upid": upid}) for time in (100, 200))
    content = parse_snapshots(raws(failed, old, snapshot(250), newest), home=home).groups["vm", "100"]
    elsewhere = Flag.VERIFIED_ELSEWHERE if source else 0
    ok = Flag.VERIFIED | elsewhere
    assert list(content.snapshots.flags) == [ok, ok, 0, Flag.VERIFY_FAILED], (
        "a failed one is failed wherever it was found"
    )
    assert content.verified_elsewhere == source


def test_a_verification_without_a_upid_that_reads_is_one_that_was_made_here() -> None:
    for upid in ("", "UPID:pbs9", UPID.replace("pbs1", "?").replace(":main:", ":?:")):
        rows_ = raws(snapshot(verification={"state": "ok", "upid": upid}))
        content = parse_snapshots(rows_, home=Home("second", frozenset({"pbs2"}))).groups["vm", "100"]
        assert list(content.snapshots.flags) == [Flag.VERIFIED]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 0),
        ({"protected": True}, Flag.PROTECTED),
        ({"size": None, "files": []}, Flag.UNFINISHED),
        ({"size": None, "files": [{"filename": "drive-scsi0.img.fidx"}]}, Flag.UNFINISHED),
        # the manifest is there and cannot be read
        ({"size": None, "files": [{"filename": "a.fidx"}, {"filename": "index.json.blob"}]}, Flag.UNFINISHED),
        ({"size": None, "files": [], "protected": True}, Flag.UNFINISHED | Flag.PROTECTED),
        # a size that cannot be right is still a size
        ({"size": 2**70}, 0),
        ({"size": -5}, 0),
        ({"verification": {"state": "ok", "upid": UPID}}, Flag.VERIFIED),
        ({"verification": {"state": "failed", "upid": UPID}}, Flag.VERIFY_FAILED),
        ({"verification": {"state": "new", "upid": UPID}}, 0),
    ],
)
def test_what_is_true_of_a_snapshot(changed: dict[str, object], expected: int) -> None:
    row = msgspec.convert(snapshot(**changed), rows.SnapshotRow, strict=False)
    assert flags_of(row) == expected


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ([("a.fidx", "none"), ("index.json.blob", "none")], 0),
        ([("a.fidx", "encrypt"), ("index.json.blob", "sign-only")], Flag.ENCRYPTED),
        ([("a.fidx", "encrypt"), ("client.log.blob", None), ("index.json.blob", "sign-only")], Flag.ENCRYPTED),
        ([("a.fidx", "sign-only"), ("index.json.blob", "sign-only")], Flag.SIGNED),
        ([("a.fidx", "encrypt"), ("b.fidx", "none"), ("index.json.blob", "sign-only")], 0),
        ([("a.fidx", "encrypt"), ("b.fidx", "sign-only")], Flag.SIGNED),
        ([("index.json.blob", "sign-only")], 0),
    ],
)
def test_a_backup_is_encrypted_when_its_data_is_whatever_its_fingerprint(
    modes: Sequence[tuple[str, str | None]], expected: int
) -> None:
    files = [{"filename": name, "crypt-mode": mode, "size": 1} for name, mode in modes]
    row = msgspec.convert(snapshot(files=files, fingerprint="d5:09"), rows.SnapshotRow, strict=False)
    assert flags_of(row) == expected


def test_snapshots_are_columns_ascending_by_time_and_keep_the_newest_finished_files() -> None:
    crashed = snapshot(300, files=[], size=None)
    newest = snapshot(200, files=[{"filename": "root.pxar.didx", "crypt-mode": "none", "size": 7}])
    contents = parse_snapshots(raws(crashed, snapshot(100, verification={"state": "ok", "upid": UPID}), newest))
    content = contents.groups["vm", "100"]
    assert list(content.snapshots.times) == [100, 200, 300]
    assert list(content.snapshots.sizes) == [9000467, 9000467, -1]
    assert list(content.snapshots.verified_at) == [0x6B00FA4C, 0, 0]
    assert content.snapshots.finished() == [0, 1]
    assert [(archive.name, archive.size) for archive in content.newest_archives] == [("root.pxar.didx", 7)]


@pytest.mark.parametrize(
    ("time", "counts"), [(0, True), (2000, True), (2001, False), (2**70, False), (-5, False), (-(2**70), False)]
)
def test_a_backup_dated_before_all_time_or_in_the_future_is_none_and_is_counted_as_unread(
    time: int, counts: bool
) -> None:
    contents = parse_snapshots(raws(snapshot(time), snapshot(5)), latest=2000)
    content = contents.groups["vm", "100"]
    assert sorted(content.snapshots.times) == sorted([time, 5] if counts else [5])
    assert (contents.unread, content.unread) == (0, 0) if counts else (1, 1)


def test_keys_are_numbered_as_they_follow_in_time_whatever_the_order_of_the_rows() -> None:
    """M11: one that only signs has a key too."""
    rows_of = [
        snapshot(10),
        snapshot(20, fingerprint="b"),
        snapshot(30),
        snapshot(40, fingerprint="a"),
        snapshot(50, fingerprint="b"),
    ]
    for told in (rows_of, rows_of[::-1], rows_of[2:] + rows_of[:2]):
        (content,) = parse_snapshots(raws(*told)).groups.values()
        assert (content.snapshots.keys, content.key_fingerprints) == (bytes([0, 1, 0, 2, 1]), ("b", "a"))


def test_without_a_key_there_is_no_column_of_keys() -> None:
    (content,) = parse_snapshots(
        raws(snapshot(10), snapshot(20, fingerprint=None), snapshot(30, fingerprint=""))
    ).groups.values()
    assert (content.snapshots.keys, content.key_fingerprints) == (b"", ())


def test_more_keys_than_a_byte_can_tell_are_not_told_apart() -> None:
    (content,) = parse_snapshots(raws(*(snapshot(at, fingerprint=f"{at:03}") for at in range(1, 300)))).groups.values()
    assert len(content.key_fingerprints) == 255
    assert content.snapshots.keys == bytes([*range(1, 256), *([0] * 44)])


def test_text_that_is_no_utf8_costs_its_row_only() -> None:
    broken = [msgspec.Raw(msgspec.json.encode(row).replace(b'"100"', b'"\xff"')) for row in (snapshot(), group())]
    contents = parse_snapshots([broken[0], *raws(snapshot(5))])
    assert (contents.rows, contents.unread) == (2, 1)
    listing = parse.parse_groups([broken[1], *raws(group())])
    assert (len(listing), listing.unread) == (1, 1)


def test_a_group_with_less_than_no_backups_makes_no_sense() -> None:
    listing = parse.parse_groups(raws(group(**{"backup-count": -3}), group(**{"backup-id": "101"})))
    assert ([row.backup_id for row in listing.groups], listing.unread) == (["101"], 1)


def test_a_listing_without_a_row_that_makes_sense_is_not_a_namespace_without_groups() -> None:
    assert parse.parse_groups(raws()) == parse.GroupListing(())
    with pytest.raises(ValueError, match="none of 2 rows"):
        parse.parse_groups(raws({"backup-type": 1}, []))


def test_a_row_that_makes_no_sense_costs_itself_only() -> None:
    contents = parse_snapshots(raws(snapshot("yesterday"), {"backup-type": "vm"}, [], snapshot(5)))
    assert (contents.rows, contents.unread) == (4, 3)
    assert list(contents.groups["vm", "100"].snapshots.times) == [5]


def test_ids_that_are_no_numbers_are_ids() -> None:
    contents = parse_snapshots(raws(snapshot(**{"backup-type": "host", "backup-id": "deep.example.com"})))
    assert list(contents.groups) == [("host", "deep.example.com")]


@given(st.permutations([snapshot(time, protected=time % 2 == 0) for time in range(5)]))
def test_the_order_of_the_rows_does_not_matter(shuffled: list[dict[str, object]]) -> None:
    assert parse_snapshots(raws(*shuffled)).groups == parse_snapshots(raws(*sorted(shuffled, key=str))).groups


def test_a_group_row_is_told_apart_by_anything_it_says() -> None:
    def digest(**changed: object) -> int:
        (listed,) = parse.parse_groups(raws(group(**changed))).groups
        return listed.digest

    told = [
        digest(),
        digest(**{"backup-count": 4}),
        digest(**{"last-backup": 6}),
        digest(owner="b@pbs"),
        digest(comment="x"),
        digest(files=["index.json.blob"]),
    ]
    assert len(set(told)) == len(told)
    assert digest(files=["a", "b"]) == digest(files=["b", "a"])


def test_groups_come_sorted_and_odd_rows_are_counted() -> None:
    listing = parse.parse_groups(
        raws(group(**{"backup-id": "b"}), group(**{"backup-id": "a", "comment": "first\nsecond"}), group(owner=5), {})
    )
    assert [listed.backup_id for listed in listing.groups] == ["a", "b"]
    assert listing.groups[0].comment == "first"
    assert listing.unread == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("offline,message=disk swap", "offline"),
        ("read-only", "read-only"),
        ("type=unmount,message=x", "unmount"),
        ("message=x", "message"),
        (None, None),
        ("", None),
    ],
)
def test_maintenance_is_a_property_string(value: str | None, expected: str | None) -> None:
    (store,) = parse.parse_stores([rows.StoreRow("a", maintenance=value)])
    assert store.maintenance == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (rows.UsageRow("a", 100, 40, 50), (100, 40, 50)),
        (rows.UsageRow("a", 100, 0, 100), (100, 0, 100)),
        # no right to know, and the -1 of servers up to 3.1: neither is "full" (M10)
        (rows.UsageRow("a", 0, 0, 0), (None, None, None)),
        (rows.UsageRow("a", -1, -1, -1), (None, None, None)),
        (rows.UsageRow("a"), (None, None, None)),
        (rows.UsageRow("a", error="unable to open chunk store"), (None, None, None)),
    ],
)
def test_a_store_whose_numbers_are_hidden_is_not_full(
    row: rows.UsageRow, expected: tuple[int | None, int | None, int | None]
) -> None:
    (store,) = parse.parse_usage([row])
    assert (store.total_bytes, store.used_bytes, store.available_bytes) == expected


def test_zero_is_no_date_on_which_a_store_is_full() -> None:
    (store,) = parse.parse_usage([rows.UsageRow("a", estimated_full_date=0)])
    assert store.estimated_full_at is None


def test_a_collection_that_never_ran_has_no_figures() -> None:
    never = parse.parse_collection(rows.CollectionRow("a", index_data_bytes=0, disk_bytes=0))
    assert (never.index_data_bytes, never.disk_bytes) == (None, None)
    ran = parse.parse_collection(rows.CollectionRow(None, upid="UPID:", index_data_bytes=10, disk_bytes=0), "b")
    assert (ran.datastore, ran.index_data_bytes, ran.disk_bytes) == ("b", 10, 0)


def test_jobs_are_what_is_configured_with_how_it_ran() -> None:
    configured = parse.parse_jobs("prune", [rows.JobRow("b", "s", keep_last=3, keep_daily=0), rows.JobRow("a", "s")])
    run = parse.parse_jobs("prune", [rows.JobRow("b", "s", last_run_state="OK", next_run=5), rows.JobRow("c", "s")])
    jobs = parse.merge_jobs(configured, run)
    assert [(job.id, job.keep, job.last_run_state, job.next_run_at) for job in jobs] == [
        ("a", (), None, None),
        ("b", (("keep-last", 3),), "OK", 5),
        ("c", (), None, None),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (rows.JobRow("j", "s"), (True, None)),
        (rows.JobRow("j", "s", ignore_verified=False, outdated_after=0), (False, None)),
        (rows.JobRow("j", "s", ignore_verified=True, outdated_after=30), (True, 30)),
    ],
)
def test_a_verify_job_skips_verified_ones_unless_told_otherwise(
    row: rows.JobRow, expected: tuple[bool | None, int | None]
) -> None:
    (job,) = parse.parse_jobs("verify", [row])
    assert (job.ignore_verified, job.outdated_after_days) == expected


def test_a_sync_job_without_direction_pulls() -> None:
    push, pull = parse.parse_jobs("sync", [rows.JobRow("a", "s", sync_direction="push"), rows.JobRow("b", "s")])
    assert (push.direction, pull.direction) == ("push", "pull")


def test_a_task_is_listed_once_ended_if_any_row_says_so_with_its_id_unescaped() -> None:
    running = rows.TaskRow("UPID:x", "backup", 5, "main\\x3avm-100")
    ended = rows.TaskRow("UPID:x", "backup", 5, "main\\x3avm-100", endtime=9, status="OK", user="a@pbs!t")
    (task,) = parse.parse_tasks([running, ended, running])
    assert (task.worker_id, task.ended_at, task.status) == ("main:vm-100", 9, "OK")
    assert [task.upid for task in parse.parse_tasks([rows.TaskRow("a", "x", 1), rows.TaskRow("b", "x", 2)])] == [
        "b",
        "a",
    ]


def test_the_version_is_put_together_from_two_fields() -> None:
    assert parse.parse_version(rows.VersionRow("3.2", "4")) == "3.2.4"
    assert parse.parse_version(rows.VersionRow("2.0")) == "2.0"
