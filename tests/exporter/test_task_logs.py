"""Task logs: what became of each guest, and where a restore came from (G6–G9); genuine lines, recordings, and hostile ones."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.task_logs import LONGEST_MESSAGE, log_gone, parse_vzdump_log, restore_source
from report.facts import GuestOutcome, GuestResult, TaskOutcome
from tests.shared_data import recorded

VIENNA = ZoneInfo("Europe/Vienna")
STARTED = 1_795_224_386  # 2026-11-21 02:26:26 in Vienna
COMMAND = "INFO: starting new backup job: vzdump"
OK, FAILED, ABORTED = GuestResult.OK, GuestResult.FAILED, GuestResult.ABORTED


def guest(vmid: int, *lines: str, at: str = "2026-11-21 02:26:26", kind: str = "qemu") -> list[str]:
    return [f"INFO: Starting Backup of VM {vmid} ({kind})", f"INFO: Backup started at {at}", *lines]


def outcome(*lines: str, zone: Any = VIENNA) -> TaskOutcome:
    return parse_vzdump_log(lines, zone, STARTED)


def results(found: TaskOutcome) -> dict[int, GuestResult]:
    return {one.vmid: one.result for one in found.guests}


def test_a_guest_that_finished_is_told_with_start_duration_and_archive() -> None:
    found = outcome(
        f"{COMMAND} 101 102 --storage vault --mode snapshot",
        *guest(101, "INFO: creating Proxmox Backup Server archive 'vm/101/2026-11-21T01:26:26Z'"),
        "INFO: Finished Backup of VM 101 (26:01:05)",
        "INFO: Backup finished at 2026-11-22 04:27:31",
        *guest(
            102,
            "INFO: creating vzdump archive '/mnt/pve/nas/dump/vzdump-lxc-102-2026_11_21-02_26_26.tar.zst'",
            kind="lxc",
        ),
        "INFO: archive file size: 1.23GB",
        "INFO: Finished Backup of VM 102 (00:00:23)",
        "INFO: Backup job finished successfully",
        "TASK WARNINGS: 2",
    )
    assert found == TaskOutcome(
        (
            GuestOutcome(101, OK, STARTED, 26 * 3600 + 65, "", "vm/101/2026-11-21T01:26:26Z"),
            GuestOutcome(102, OK, STARTED, 23, "", "/mnt/pve/nas/dump/vzdump-lxc-102-2026_11_21-02_26_26.tar.zst"),
        ),
        "",
        "vault",
        (101, 102),
    ), "edge case 68"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ERROR: Backup of VM 9999 failed - unable to find VM '9999'"], {9999: (FAILED, "unable to find VM '9999'")}),
        (
            [*guest(100), "ERROR: Backup of VM 100 failed - VM is locked (backup)"],
            {100: (FAILED, "VM is locked (backup)")},
        ),
        (
            [
                *guest(100),
                "ERROR: Backup of VM 100 failed - interrupted by signal",
                "INFO: Failed at 2026-11-21 02:27:00",
            ],
            {100: (FAILED, "interrupted by signal")},
        ),
        # started, then the next one began or the log ends: aborted (G8)
        ([*guest(100), *guest(101), "INFO: Finished Backup of VM 101 (00:00:01)"], {100: (ABORTED, ""), 101: (OK, "")}),
        (guest(100), {100: (ABORTED, "")}),
        # the reason stands in the lines before (E9)
        (
            [
                *guest(100),
                "INFO: prune older backups with retention: keep-daily=7",
                "ERROR: prune 'vm/100': proxmox-backup-client failed: Error: missing privileges",
                "ERROR: Backup of VM 100 failed - error pruning backups - check log",
            ],
            {
                100: (
                    FAILED,
                    "error pruning backups - check log: "
                    "prune 'vm/100': proxmox-backup-client failed: Error: missing privileges",
                )
            },
        ),
        # a reason of an earlier guest is not this one's
        (
            [
                *guest(100, "ERROR: job failed with err -5 - Input/output error"),
                "ERROR: Backup of VM 100 failed - job failed with err -5 - Input/output error",
                *guest(101),
                "ERROR: Backup of VM 101 failed - error pruning backups - check log",
            ],
            {
                100: (FAILED, "job failed with err -5 - Input/output error"),
                101: (FAILED, "error pruning backups - check log"),
            },
        ),
        (["ERROR: Backup of VM 100 failed - "], {100: (FAILED, "")}),
        (["ERROR: Backup of VM 100 failed - a\x1b[31m\tb"], {100: (FAILED, "a [31m b")}),
        (["ERROR: Backup of VM 12345678901 failed - no vmid"], {}),
        (["a guest prints: ERROR: Backup of VM 100 failed - no"], {}),
    ],
)
def test_a_guest_that_did_not_finish_is_told_with_its_message(
    lines: list[str], expected: dict[int, tuple[GuestResult, str]]
) -> None:
    assert {one.vmid: (one.result, one.message) for one in outcome(COMMAND, *lines).guests} == expected


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["TASK OK"], ""),
        (["INFO: Backup job finished with errors", "TASK ERROR: job errors"], ""),
        (["TASK WARNINGS: 12"], ""),
        # edge case 70
        (
            ["TASK ERROR: could not activate storage 'x': storage 'x' is disabled"],
            "could not activate storage 'x': storage 'x' is disabled",
        ),
        (
            ["ERROR: Backup job failed - interrupted by signal", "TASK ERROR: interrupted by signal"],
            "interrupted by signal",
        ),
        (
            ["ERROR: can't acquire lock '/var/run/vzdump.lock' (wait = 0)"],
            "can't acquire lock '/var/run/vzdump.lock' (wait = 0)",
        ),
        ([*guest(100), "ERROR: job failed with err -5"], ""),
        ([], ""),
    ],
)
def test_what_ended_the_whole_task(lines: list[str], error: str) -> None:
    assert outcome(*lines).error == error


@pytest.mark.parametrize(
    ("arguments", "storage", "selected"),
    [
        ("115 100 130 --node pve1 --mode stop --remove 0 --storage nas", "nas", (115, 100, 130)),
        ("100,101 --storage 'my store'", "my store", (100, 101)),
        ("--all 1 --node pve3 --exclude 303,311 --storage nas --mode snapshot", "nas", ()),
        ("--pool prod --prune-backups 'keep-last=2'", None, ()),
        ("100 --notes-template '{{guestname}} isn''t", None, (100,)),
        ("", None, ()),
        ("100 --storage", None, (100,)),
    ],
)
def test_the_command_line_names_storage_and_guests(
    arguments: str, storage: str | None, selected: tuple[int, ...]
) -> None:
    found = outcome(f"{COMMAND} {arguments}")
    assert (found.storage, found.selected) == (storage, selected)


def test_guests_of_other_nodes_were_not_selected_here() -> None:
    assert outcome(f"{COMMAND} 100 101 102", "INFO: skip external VMs: 102, 100").selected == (101,)


def test_of_the_hour_that_comes_twice_the_one_after_the_start_is_meant() -> None:
    """2026-10-25: 03:00 CEST is 02:00 CET."""
    second = int(datetime(2026, 10, 25, 2, 30, tzinfo=VIENNA, fold=1).timestamp())
    lines = guest(100, at="2026-10-25 02:30:00")
    for started, expected in ((second - 600, second), (second - 3900, second - 3600)):
        (found,) = parse_vzdump_log(lines, VIENNA, started).guests
        assert found.started_at == expected


@pytest.mark.parametrize("at", ["2026-13-40 99:99:99", "0000-00-00 00:00:00"])
def test_a_time_that_is_none_and_a_zone_that_is_not_known_leave_the_start_open(at: str) -> None:
    assert outcome(*guest(100, at=at)).guests[0].started_at is None
    assert outcome(*guest(100), zone=None).guests[0].started_at is None


def test_messages_are_cut() -> None:
    (found,) = outcome(f"ERROR: Backup of VM 100 failed - {'x' * 9000}").guests
    assert len(found.message) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (
            "restore proxmox backup image: /usr/bin/pbs-restore --repository backup@pbs!pve@pbs1.example.com:main --ns prod"
            " vm/101/2026-09-15T13:54:03Z drive-scsi0.img.fidx /dev/pve/vm-901-disk-0 --verbose --format raw --skip-zero",
            "vm/101/2026-09-15T13:54:03Z",
        ),
        ("starting to restore snapshot 'vm/101/2026-09-15T13:54:03Z'", "vm/101/2026-09-15T13:54:03Z"),
        ("repository: 'root@pam@pbs:main', snapshot: 'vm/101/2026-09-15T13:54:03Z'", "vm/101/2026-09-15T13:54:03Z"),
        (
            "restore vma archive: zstd -q -d -c /mnt/pve/nas/dump/vzdump-qemu-500-2026_09_05-15_29_11.vma.zst"
            " | vma extract -v -r /var/tmp/vzdumptmp177197.fifo - /var/tmp/vzdumptmp177197",
            "vzdump-qemu-500-2026_09_05-15_29_11.vma.zst",
        ),
        (
            "restore vma archive: vma extract -v -r /var/tmp/vzdumptmp24252.fifo"
            " /var/lib/vz/dump/vzdump-qemu-102-2026_07_26-01_23_50.vma /var/tmp/vzdumptmp24252",
            "vzdump-qemu-102-2026_07_26-01_23_50.vma",
        ),
        ("restore vma archive: vma extract -v -r /var/tmp/vzdumptmp2.fifo - /var/tmp/vzdumptmp2", None),
        (
            "recovering backed-up configuration from 'vault:backup/ct/101/2026-05-09T15:43:57Z'",
            "vault:backup/ct/101/2026-05-09T15:43:57Z",
        ),
        (
            "restoring 'local:backup/vzdump-lxc-210-2026_09_02-13_40_11.tar.zst' now..",
            "local:backup/vzdump-lxc-210-2026_09_02-13_40_11.tar.zst",
        ),
        (
            "recovering backed-up configuration from '/root/vzdump-lxc-210-2026_09_02-13_40_11.tar.zst'",
            "vzdump-lxc-210-2026_09_02-13_40_11.tar.zst",
        ),
        ("restoring '-' now..", None),
        ("new volume ID is 'local-lvm:vm-901-disk-0'", None),
        ("progress 1% (read 1 bytes, duration 1 sec) vm/101/2026-09-15T13:54:03Z", None),
    ],
)
def test_a_restore_names_the_backup_it_came_from(line: str, source: str | None) -> None:
    assert restore_source(["rate limit for storage nas: 40960 KiB/s", line, "TASK OK"]) == source


def test_a_log_whose_file_is_gone_says_only_that() -> None:
    gone = "unable to open file - No such file or directory"
    assert log_gone([gone])
    assert not log_gone([])
    assert not log_gone([COMMAND, gone])


RECORDED = {
    "UPID:pve1:00002AD2:00008076:6AFA6AA8:vzdump::root@pam:": ({100: OK, 102: FAILED}, ""),
    "UPID:pve1:00003769:0006AF7D:6B010152:vzdump::root@pam!full:": (
        {100: FAILED, 115: FAILED, 130: OK, 9999: FAILED},
        "",
    ),
    "UPID:pve1:000037DA:0006B6A8:6B010165:vzdump:112:root@pam!full:": (
        {},
        "can't acquire lock '/var/run/vzdump.lock' (wait = 0)",
    ),
    "UPID:pve1:000037D9:0006B66F:6B010164:vzdump:130:root@pam!full:": (
        {},
        "could not activate storage 'old-disk': storage 'old-disk' is disabled",
    ),
    "UPID:pve2:00002D47:000087D5:6B010930:vzdump:201:root@pam:": ({201: OK}, ""),
}


@pytest.mark.parametrize("upid", RECORDED)
def test_recorded_logs(upid: str) -> None:
    name = f"GET_nodes__{upid.split(':')[1]}__tasks__{upid}__log.json"
    answer = json.loads(recorded("pve", "token-ro", name).read_text())
    found = parse_vzdump_log([str(row["t"]) for row in answer["data"]], VIENNA, 0)
    assert (results(found), found.error) == RECORDED[upid]


PARTS = st.sampled_from(
    [
        f"{COMMAND} 100 --storage nas",
        *guest(100),
        *guest(101, kind="lxc"),
        "INFO: Finished Backup of VM 100 (00:00:01)",
        "ERROR: Backup of VM 101 failed - no",
        "INFO: creating vzdump archive 'x'",
        "ERROR: something",
        "TASK ERROR: job errors",
        "TASK ERROR: interrupted by signal",
        "INFO: skip external VMs: 100",
    ]
)


@given(st.lists(PARTS | st.text(max_size=30), max_size=20))
def test_whatever_a_log_says_each_guest_is_told_once_and_printable(lines: list[str]) -> None:
    found = parse_vzdump_log(lines, VIENNA, STARTED)
    assert len({one.vmid for one in found.guests}) == len(found.guests)
    assert all(one.message.isprintable() and (one.result is FAILED or not one.message) for one in found.guests)
    assert found.error.isprintable()
    restore_source(lines)


@given(st.lists(PARTS, max_size=12), st.integers(0, 12))
def test_lines_about_nothing_change_nothing(lines: list[str], place: int) -> None:
    more = [*lines[:place], "INFO:  12% (1.2 GiB of 10.0 GiB) in 3s, read: 400 MiB/s", *lines[place:]]
    assert parse_vzdump_log(more, VIENNA, STARTED) == parse_vzdump_log(lines, VIENNA, STARTED)
