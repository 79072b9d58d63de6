"""Privileges against the simulator's permission model (A8, D4, H1): what docs/permissions.md grants is enough, and all of it is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.app import refresh_once
from exporter.doctor.documentation import TOKENS, document
from exporter.doctor.examine import examine
from exporter.doctor.findings import Check, Finding, State
from report.model.guests import Protection
from report.model.report import Report
from report.model.sources import IssueCode
from report.privileges import PBS, PVE, NeededPrivilege, needed_by, set_up_commands
from tests.exporter.config_files import load
from tests.exporter.granted import (
    AUDITOR,
    ROLES,
    Grant,
    World,
    carried_out,
    granted_rows,
    single_privilege_roles,
    world,
)
from tests.golden_files import assert_file

KINDS = (PVE, PBS)
ALL = {kind: f"all@{kind}!rows" for kind in KINDS}
ROWS = [(kind, number) for kind in KINDS for number in range(len(needed_by(kind)))]
WRITER = {PVE: "writer@pve!x", PBS: "writer@pbs!x"}
DOCS = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"


def without(kind: str, number: int) -> str:
    return f"without{number}@{kind}!rows"


def rows_but(kind: str, number: int) -> tuple[NeededPrivilege, ...]:
    rows = needed_by(kind)
    return rows[:number] + rows[number + 1 :]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    grants: dict[str, list[Grant]] = {}
    needed = {kind: [row.privilege for row in needed_by(kind)] for kind in KINDS}
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS:
            grants[kind] = list(granted_rows(needed_by(kind), ALL[kind]))
            for number in range(len(needed_by(kind))):
                grants[kind] += granted_rows(rows_but(kind, number), without(kind, number))
            roles, granted = carried_out(set_up_commands(kind, TOKENS[kind]))
            grants[kind] += granted
            for role, held in roles.items():
                patch.setitem(ROLES[kind], role, held)
            administrator = "Administrator" if kind == PVE else "Admin"
            grants[kind] += [Grant("/", subject, administrator) for subject in (f"writer@{kind}", WRITER[kind])]
        with single_privilege_roles(needed), world(tmp_path_factory.mktemp("world"), grants) as made:
            yield made


def examined(running: World, kind: str, token: str) -> list[Finding]:
    """What is not fine about a token."""
    (found,) = examine([running.settings(kind, token)], time.time, 30)
    assert found.usable
    return [finding for finding in found.findings if finding.state is not State.FINE]


def judged(running: World, folder: Path, tokens: dict[str, str]) -> Report:
    folder.mkdir()
    return refresh_once(load(folder, running.configuration(tokens)), int(time.time()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_privileges_of_the_table_are_enough(running: World, kind: str) -> None:
    assert examined(running, kind, ALL[kind]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_the_documentation_make_a_token_that_misses_nothing_and_can_do_no_more(
    running: World, kind: str
) -> None:
    assert examined(running, kind, TOKENS[kind]) == []


@pytest.mark.parametrize("tokens", [ALL, TOKENS], ids=["the table", "the commands"])
def test_with_them_the_verdicts_are_those_of_an_auditor(running: World, tokens: dict[str, str], tmp_path: Path) -> None:
    report = judged(running, tmp_path / "least", tokens)
    auditor = judged(running, tmp_path / "auditor", AUDITOR)

    assert [(g.guest.vmid, g.coverage, g.protection) for g in report.guests] == [
        (g.guest.vmid, g.coverage, g.protection) for g in auditor.guests
    ]
    assert [(issue.code, issue.subject) for issue in report.issues] == [
        (issue.code, issue.subject) for issue in auditor.issues
    ]
    assert {guest.protection for guest in report.guests} >= {Protection.PROTECTED}
    assert not any(source.missing_privileges for source in report.sources)


@pytest.mark.parametrize(("kind", "number"), ROWS)
def test_without_one_of_them_exactly_that_one_is_missing(running: World, kind: str, number: int) -> None:
    row = needed_by(kind)[number]

    found = examined(running, kind, without(kind, number))

    missing = [finding for finding in found if finding.check is Check.PRIVILEGE]
    assert [(finding.subject, finding.state) for finding in missing] == [
        (f"{row.privilege} on {row.path}", State.FAILED)
    ]
    assert len(missing[0].to_copy) == 2
    # who may not see the nodes may not see their clocks either
    assert {finding.check for finding in found} <= {Check.PRIVILEGE, Check.CLOCK}


@pytest.mark.parametrize(("kind", "number"), ROWS)
def test_what_is_missing_stands_in_the_report_too(running: World, kind: str, number: int, tmp_path: Path) -> None:
    row = needed_by(kind)[number]

    report = judged(running, tmp_path / "without", ALL | {kind: without(kind, number)})

    (source,) = (source for source in report.sources if source.missing_privileges)
    assert [(missing.privilege, missing.path) for missing in source.missing_privileges] == [(row.privilege, row.path)]
    told = [issue for issue in report.issues if dict(issue.params).get("privilege") == row.privilege]
    assert [(issue.code, issue.subject) for issue in told] in (
        [(IssueCode.PERMISSION_MISSING, row.path)],
        [(IssueCode.PARTIAL_VIEW, row.path)],
    )


def test_on_a_backup_server_that_shows_nothing_the_guests_it_leaves_unknown_are_named(
    running: World, tmp_path: Path
) -> None:
    """H.5: all that is unknown for want of a privilege stands at that privilege, and it is said once."""
    report = judged(running, tmp_path / "hidden", ALL | {PBS: without(PBS, 0)})

    unknown = tuple(sorted(guest.guest.vmid for guest in report.guests if guest.protection is Protection.UNKNOWN))
    (issue,) = (issue for issue in report.issues if issue.subject == "/datastore")
    assert issue.guests == unknown != ()
    assert [each.code for each in report.issues if each.source == "vault"] == [IssueCode.PERMISSION_MISSING]


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_can_write_is_warned_of_with_the_commands_that_make_another(running: World, kind: str) -> None:
    (finding,) = examined(running, kind, WRITER[kind])

    assert (finding.check, finding.state) == (Check.RIGHTS, State.WARNING)
    assert "it can do more than read: Datastore.Allocate on /" in finding.detail
    assert finding.to_copy == tuple(set_up_commands(kind, TOKENS[kind]))


def test_the_documentation_is_made_from_the_table() -> None:
    assert_file(DOCS, document())
