"""Scrubbing, piece by piece: names that stay consistent, values made of names, messages, and the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.client.answered import Answered
from exporter.errors import OutputError
from exporter.record import values as to
from exporter.record.folder import EPOCH_FILE, check_folder, write_recording
from exporter.record.names import Names
from exporter.record.scrub import Recorded, scrub
from exporter.record.values import Rename


def renamed(rename: Rename, *values: str) -> list[str | None]:
    """What becomes of these values, all collected before any is renamed."""
    names = Names()
    for value in values:
        rename(names, value)
    names.freeze()
    return [rename(names, value) for value in values]


def answered(path: str, data: Any, status: int = 200, reason: str = "OK", **query: str) -> Answered:
    body = data if isinstance(data, bytes) else json.dumps({"data": data}).encode()
    return Answered("GET", path, query, status, reason, "application/json", body)


def scrubbed(*answers: Answered) -> list[Recorded]:
    return scrub(answers, Names())


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30))
def test_names_keep_their_order_and_their_number(originals: list[str]) -> None:
    given_names = renamed(to.named(to.NODE), *originals)

    by_original = dict(zip(originals, given_names, strict=True))
    assert len(set(by_original.values())) == len(by_original)
    assert [by_original[name] for name in sorted(by_original)] == sorted(str(name) for name in by_original.values())


@pytest.mark.parametrize(
    ("rename", "value", "expected"),
    [
        (to.auth_id, "root@pam", "root@pam"),
        (to.auth_id, "backup@pbs!pve", "user-1@pbs!token-1"),
        (to.auth_id, "jane.doe@corp", "user-1@realm-1"),
        (to.path_of(to.POOL), "prod/db/prod", "pool-2/pool-1/pool-2"),
        (to.resource_id, "qemu/100", "qemu/100"),
        (to.resource_id, "storage/pve1/local", "storage/node-1/storage-1"),
        (to.resource_id, "/pool/prod", "/pool/pool-1"),
        (to.volume, "local-lvm:vm-100-disk-0", "storage-1:vm-100-disk-0"),
        (to.volume, "local-lvm:vm-100-state-before-merger", "storage-1:volume-1"),
        (to.volume, "nas:backup/vzdump-qemu-100-2026_11_01-02_00_00.vma.zst",
         "storage-1:backup/vzdump-qemu-100-2026_11_01-02_00_00.vma.zst"),
        (to.volume, "nas:backup/payroll.vma.zst", "storage-1:backup/volume-1.vma.zst"),
        (to.volume, "/dev/disk/by-id/ata-SERIAL", "/folder-1"),
        (to.volume, "none", "none"),
        (to.disk, "nas:vm-1-disk-0,backup=0,serial=SECRET,size=8G", "storage-1:vm-1-disk-0,backup=0,size=8G"),
        (to.disk, "/mnt/payroll,mp=/srv/payroll,backup=1", "/folder-1,backup=1,mp=/folder-2"),
        (to.creation, "creation-qemu=9.0.2,ctime=1791700270,by=jane", "creation-qemu=9.0.2,ctime=1791700270"),
        (to.note, "Keep\n", "note-1\n"),
        (to.maintenance, "offline,message=call Jane", "offline"),
        (to.backup_file, "drive-scsi0.img.fidx", "drive-scsi0.img.fidx"),
        (to.backup_file, "payroll.pxar.didx", "file-1.pxar.didx"),
        (to.group_filter, "group:host/elsa", "group:host/host-1"),
        (to.group_filter, "regex:elsa", None),
        (to.upid, "UPID:pve1:00001655:0000927B:6AFFD3D0:vzdump:111:root@pam:",
         "UPID:node-1:00001655:0000927B:6AFFD3D0:vzdump:111:root@pam:"),
        (to.upid, r"UPID:pbs1:00001C97:0003BBDF:0000001E:6ADACDB0:verificationjob:main\x3av\x2dmain:a@pbs!t:",
         r"UPID:node-1:00001C97:0003BBDF:0000001E:6ADACDB0:verificationjob:datastore\x2d1\x3ajob\x2d1:user-1@pbs!token-1:"),
        (to.upid, r"UPID:pbs1:00001C97:0003BBDF:0000001E:6ADACDB0:backup:main\x3ahost-elsa:a@pbs:",
         r"UPID:node-1:00001C97:0003BBDF:0000001E:6ADACDB0:backup:datastore\x2d1\x3ahost-host\x2d1:user-1@pbs:"),
        (to.access_path, "/datastore/main/prod/eu", "/datastore/datastore-1/namespace-2/namespace-1"),
        (to.access_path, "/system/tasks", "/system/tasks"),
        (to.digits, "hunter2", None),
        (to.listed(to.TAG), "gdpr;payroll", "tag-1;tag-2"),
    ],
)  # fmt: skip
def test_values_are_renamed_part_by_part(rename: Rename, value: str, expected: str | None) -> None:
    assert renamed(rename, value) == [expected]


def test_a_name_is_the_same_one_wherever_it_stands() -> None:
    jobs, resources, refused = scrubbed(
        answered("/cluster/backup", [{"id": "nightly", "storage": "nas", "pool": "prod", "node": "alpha"}]),
        answered(
            "/cluster/resources", [{"id": "storage/alpha/nas", "type": "storage", "storage": "nas", "node": "alpha"}]
        ),
        answered("/cluster/backup/nightly", b'{"data":null,"message":"pool \'prod\' does not exist\\n"}', 500, "pool"),
    )

    assert jobs.body["data"] == [{"id": "job-1", "storage": "storage-1", "pool": "pool-1", "node": "node-1"}]
    assert resources.body["data"][0]["id"] == "storage/node-1/storage-1"
    assert refused.path == "/cluster/backup/job-1"
    assert refused.body["message"] == "pool 'pool-1' does not exist\n"


def test_what_has_no_rule_goes_and_numbers_stay() -> None:
    (config,) = scrubbed(
        answered(
            "/nodes/alpha/qemu/100/config",
            {
                "cipassword": "hunter2",
                "sshkeys": "ssh-rsa AAAA",
                "net0": "virtio=BC:24:11:00:00:00",
                "cores": 4,
                "memory": "2048",
            },
        )
    )

    assert config.path == "/nodes/node-1/qemu/100/config"
    assert config.body == {"data": {"cores": 4, "memory": "2048"}}


def test_a_name_that_perl_wrote_as_a_number_is_a_name() -> None:
    (row,) = scrubbed(answered("/cluster/resources", [{"id": "qemu/100", "type": "qemu", "name": 4711, "vmid": 100}]))

    assert row.body["data"] == [{"id": "qemu/100", "type": "qemu", "name": "guest-1", "vmid": 100}]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Permission check failed (/vms/310, VM.Audit)", "Permission check failed (/vms/310, VM.Audit)"),
        ("permission check failed - missing Datastore.Audit|Datastore.Backup on /datastore/nas",
         "permission check failed - missing Datastore.Audit|Datastore.Backup on /…"),
        ("storage 'nas' is not available on node 'alpha'", "storage 'storage-1' is not available on node 'node-1'"),
        ("WARNINGS: 2", "WARNINGS: 2"),
        ("command '/root/payroll.sh' failed: exit code 255", "command '/…' failed: exit code 255"),
        ("Can't connect to 198.51.100.7:8007 (Connection refused)", "…'… connect to …:8007 (Connection refused)"),
        ("jane@corp says hello", "… … …"),
    ],
)  # fmt: skip
def test_messages_keep_the_words_of_proxmox_only(message: str, shown: str) -> None:
    known = answered("/cluster/resources", [{"id": "storage/alpha/nas", "storage": "nas", "node": "alpha"}])
    *_, refused = scrubbed(known, answered("/cluster/tasks", [{"status": message, "type": "vzdump"}]))

    assert refused.body["data"][0]["status"] == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("INFO: Starting Backup of VM 100 (qemu)", "INFO: Starting Backup of VM 100 (qemu)"),
        ("INFO: Finished Backup of VM 100 (00:01:05)", "INFO: Finished Backup of VM 100 (00:01:05)"),
        ("INFO: starting new backup job: vzdump 100 101 --storage nas --mailto jane@corp --pool payroll",
         "INFO: starting new backup job: vzdump 100 101 --storage storage-1"),
        ("INFO: creating vzdump archive '/mnt/payroll/dump/vzdump-qemu-100-2026_11_01-02_00_00.vma.zst'",
         "INFO: creating vzdump archive '/vzdump-qemu-100-2026_11_01-02_00_00.vma.zst'"),
        ("INFO: creating Proxmox Backup Server archive 'ct/100/2026-11-01T02:00:00Z'",
         "INFO: creating Proxmox Backup Server archive 'ct/100/2026-11-01T02:00:00Z'"),
        ("ERROR: Backup of VM 100 failed - VM is locked (backup)", "ERROR: Backup of VM 100 failed - VM is locked (backup)"),
        ("ERROR: Backup of VM 100 failed - hook payroll.pl", "ERROR: Backup of VM 100 failed - … …"),
        ("TASK ERROR: job errors", "TASK ERROR: job errors"),
        ("INFO: VM Name: payroll", "…"),
        ("restore vma archive: zstd -q -d -c /mnt/payroll/vzdump-qemu-1-2026_11_01-02_00_00.vma.zst | vma extract",
         "restore vma archive: vzdump-qemu-1-2026_11_01-02_00_00.vma.zst"),
        ("recovering backed-up configuration from 'nas:backup/ct/1/2026-11-01T02:00:00Z'",
         "recovering backed-up configuration from 'storage-1:backup/ct/1/2026-11-01T02:00:00Z'"),
    ],
)  # fmt: skip
def test_of_a_log_the_lines_that_we_read_stay(line: str, shown: str) -> None:
    (log,) = scrubbed(answered("/nodes/alpha/tasks/UPID%3Aalpha/log", [{"n": 1, "t": line}]))

    assert log.body["data"] == [{"n": 1, "t": shown}]


def test_a_fingerprint_is_written_as_it_was() -> None:
    names = Names()
    upper, plain = ":".join(["AB"] * 32), "ab" * 32
    names.fingerprint(upper)
    names.freeze()

    assert names.fingerprint(plain) == "0" * 63 + "1"
    assert names.fingerprint(upper) == ":".join(["00"] * 31 + ["01"])


ANSWER = Recorded("GET", "/version", {}, 200, "OK", "application/json", {"data": {"version": "9.1.9"}})


def test_a_recording_replaces_an_older_one_only_when_told_to(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    write_recording(folder, 1, {"pve-1": [ANSWER]}, "a: 1\n")

    with pytest.raises(OutputError, match="--force"):
        write_recording(folder, 2, {"pve-1": [ANSWER]}, "a: 2\n")
    assert (folder / EPOCH_FILE).read_text() == "1\n"

    write_recording(folder, 3, {"pve-2": [ANSWER]}, "a: 3\n", force=True)
    assert (folder / EPOCH_FILE).read_text() == "3\n"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert not (folder / "pve-1").exists()
    assert (folder / "config.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(OutputError):
        check_folder(tmp_path, force)
    with pytest.raises(OutputError):
        write_recording(tmp_path, 1, {"pve-1": [ANSWER]}, "", force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_recording_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    unprintable = Recorded("GET", "/version", {}, 200, "OK", None, {"data": "\ud800"})

    with pytest.raises(UnicodeEncodeError):
        write_recording(tmp_path / "made", 1, {"pve-1": [unprintable]}, "")

    assert list(tmp_path.iterdir()) == []
