"""`vzcover history`: which guest is meant, what is shown, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.cli import main
from report.findings import Finding, FindingCode
from report.model.groups import RetentionState
from report.model.guests import Coverage, Protection
from report.timeline import states_of
from tests import builders as a
from tests.exporter.history.estate import DAY, Keeper, report_of
from tests.golden_files import assert_golden

LATE = Finding.of(FindingCode.BACKUP_LATE, newest=1, due=2, limit_seconds=3, jobs="nightly")
STRIP = states_of(bytes([0] * 24 + [4, 2, 3, 4]))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a daemon that kept three days."""
    keeper = Keeper(tmp_path / "history.db")
    for day, state in enumerate((Protection.PROTECTED, Protection.AT_RISK, Protection.PROTECTED)):
        worse = a.backed_up_guest(100, name="web-1", protection=Protection.UNPROTECTED, findings=(LATE,), days=STRIP)
        found = (LATE,) if state is Protection.AT_RISK else ()
        newest = a.NOW + day * DAY
        calm = a.backed_up_guest(
            100, name="web-1", protection=state, days=STRIP, newest_backup_at=newest, findings=found
        )
        others = (
            a.guest_report(101, name="db", coverage=Coverage.NOT_PLANNED, protection=Protection.UNPROTECTED),
            a.backed_up_guest(101, pve="edge", name="db"),
            a.backed_up_guest(200, pve="edge", name="名前"),
        )
        for hour, guest in ((0, calm if day != 1 else worse), (1, calm)):
            groups = (a.group_report(100), a.group_report(101, state=RetentionState.UNKNOWN, expected=None))
            sources = (a.source_report("lab"), a.source_report("edge"))
            keeper.keep(report_of(guest, *others, groups=groups, sources=sources, day=day, at=a.NOW + hour * 3600))
    keeper.history.close()
    path = tmp_path / "config.yaml"
    path.write_text(
        "pve:\n  - {name: lab, hosts: [127.0.0.1], token_id: a@pve!b, token_secret: 1b4d8e7c-2f3a-4c5d-8e9f-0a1b2c3d4e5f}\n"
        f"state_dir: {tmp_path}\n"
    )
    path.chmod(0o600)
    return path


def run(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = main(["history", "--config", str(config), "--now", str(a.NOW + 2 * DAY + 7200), *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_tables(language: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(config.read_text() + f"report: {{language: {language}}}\n")
    shown = [run(capsys, config, *arguments) for arguments in ((), ("lab/100",), ("lab/101", "--days", "2"))]
    assert [(code, complaint) for code, _, complaint in shown] == [(0, "")] * 3
    assert_golden(f"history.{language}.txt", "\n".join(out for _, out, _ in shown))


@pytest.mark.parametrize("guest", ["lab/100", "100", "web-1"])
def test_a_guest_is_known_by_cluster_and_number_by_number_and_by_name(
    guest: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, config, guest, "--json")
    found = json.loads(out)
    assert (code, found["pve"], found["vmid"]) == (0, "lab", 100)
    kept = [day for day in found["days"] if day["coverage"]]
    assert [day["day"] for day in kept] == ["2026-10-21", "2026-10-22", "2026-10-23"]
    assert [(day["protection"], day["worst"]) for day in kept] == [
        ("protected", "protected"),
        ("at_risk", "unprotected"),
        ("protected", "protected"),
    ]


def test_all_days_together_as_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, config, "--json", "--days", "1")
    (day,) = json.loads(out)["days"]
    assert code == 0
    assert (day["day"], day["guests"], day["protected"], day["unprotected"]) == ("2026-10-23", 4, 3, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["101"], 4, "101 may be edge/101, lab/101; name it as CLUSTER/VMID"),
        (["db"], 4, "db may be edge/101, lab/101; name it as CLUSTER/VMID"),
        (["lab/999"], 4, "no guest lab/999 in it; name it as CLUSTER/VMID, VMID or by its name"),
        (["away/100"], 4, "no guest away/100 in it; name it as CLUSTER/VMID, VMID or by its name"),
        (["--days", "0"], 2, "0 is not a number of days from 1 to 3660"),
    ],
)
def test_what_cannot_be_shown_is_said_with_what_to_do(
    arguments: list[str], code: int, complaint: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, out, told = run(capsys, config, *arguments)
    assert (got, out) == (code, "")
    assert complaint in told


def test_no_history_yet_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "history.db").unlink()
    code, _, told = run(capsys, config)
    assert code == 4
    assert "there is none yet; the daemon begins it with its first refresh" in told


def test_a_history_that_is_switched_off_is_a_question_of_the_configuration(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + "history: {enabled: false}\n")
    assert run(capsys, config)[0] == 2
