"""What waivers take out of a guest's findings, and that they take out nothing else."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from report.facts import Guest
from report.findings import Finding, FindingCode
from report.model.guests import WaivedFinding
from report.policy import NO_END, WAIVER_EXPIRED_SECONDS, WAIVER_NOTICE_SECONDS, Policy, Scope, Waiver
from report.waiver_notes import VOLUME_CODES, WAIVABLE, NotesFault, read_notes
from report.waivers import Applied, Candidates, apply_waivers, candidates_of, noted_waivers, waiver_findings, waivers_of
from tests.builders import NOW, guest

LATER = NOW + 30 * 86_400
GUEST = Scope.of_guest("lab", 104)
WHOLE = Waiver(GUEST, "retired", LATER, "alice")
LATE = Finding.of(FindingCode.BACKUP_LATE, newest=NOW - 9, due=NOW - 8, limit_seconds=1, jobs="nightly")
PLAIN = Finding.of(FindingCode.NOT_ENCRYPTED, subject="vault", place="vault", mode="none", rule="")
EXCLUDED = Finding.of(FindingCode.VOLUMES_EXCLUDED, volumes="scsi1, scsi2, mp0")
MISSING = Finding.of(FindingCode.VOLUMES_NOT_IN_BACKUP, volumes="scsi1", backup=NOW - 9, saved=2, present=3)


def all_waivers(
    policy: Policy, pve: str, one: Guest, notes: str | None, candidates: Candidates | None = None
) -> tuple[Waiver, ...]:
    """Return all waivers of a guest with such notes."""
    return waivers_of(policy, pve, one, noted_waivers(policy, pve, one, notes), candidates)


def excluded(volumes: str) -> Finding:
    return Finding.of(FindingCode.VOLUMES_EXCLUDED, volumes=volumes)


def test_a_waiver_of_the_guest_is_told_and_takes_no_finding_out() -> None:
    assert apply_waivers([LATE, PLAIN], [WHOLE], NOW) == Applied((LATE, PLAIN), (), WHOLE)


def test_a_waiver_of_a_finding_takes_that_one_out() -> None:
    waiver = replace(WHOLE, code="backup_late")
    assert apply_waivers([LATE, PLAIN], [waiver], NOW) == Applied((PLAIN,), (WaivedFinding(LATE, waiver),))


def test_a_waiver_of_a_volume_leaves_the_other_volumes() -> None:
    waiver = replace(WHOLE, volume="scsi1")
    assert apply_waivers([EXCLUDED, MISSING, LATE], [waiver], NOW) == Applied(
        (excluded("scsi2, mp0"), LATE),
        (WaivedFinding(excluded("scsi1"), waiver), WaivedFinding(MISSING, waiver)),
    )


def test_a_waiver_of_a_volume_in_one_finding_leaves_the_other_finding() -> None:
    waiver = replace(WHOLE, volume="scsi1", code="volumes_not_in_backup")
    assert apply_waivers([EXCLUDED, MISSING], [waiver], NOW) == Applied((EXCLUDED,), (WaivedFinding(MISSING, waiver),))


def test_several_volumes_are_waived_each_by_its_own() -> None:
    first, second, third = (replace(WHOLE, volume=volume) for volume in ("scsi1", "scsi2", "mp0"))
    applied = apply_waivers([EXCLUDED], [third, second, first], NOW)
    assert applied.kept == ()
    assert applied.waived == tuple(WaivedFinding(excluded(waiver.volume), waiver) for waiver in (first, second, third))


def test_a_volume_whose_name_only_begins_alike_is_not_waived() -> None:
    finding = excluded("scsi10, scsi11")
    assert apply_waivers([finding], [replace(WHOLE, volume="scsi1")], NOW) == Applied((finding,))


def test_a_waiver_holds_to_the_last_second_and_not_longer() -> None:
    waiver = replace(WHOLE, code="backup_late", until=NOW)
    assert apply_waivers([LATE], [waiver], NOW).kept == ()
    assert apply_waivers([LATE], [waiver], NOW + 1) == Applied((LATE,))


def test_of_several_waivers_the_one_of_the_configuration_is_shown_and_then_the_longest() -> None:
    tag = replace(WHOLE, until=NO_END, origin="tag")
    notes = replace(WHOLE, until=LATER + 9, origin="notes")
    longer = replace(WHOLE, until=LATER + 1)
    assert apply_waivers([], [tag, notes, WHOLE, longer], NOW).whole == longer
    assert apply_waivers([], [tag, notes], NOW).whole == notes
    assert apply_waivers([], [tag], NOW).whole == tag


def test_waivers_come_from_the_configuration_the_tag_and_the_notes() -> None:
    policy = Policy(waivers=(WHOLE, replace(WHOLE, scope=Scope(pools=("x",)))), waive_by_tag="nobackup")
    one = guest(104, tags=("nobackup",))
    notes = "vzcover: waive until=2027-01-31 reason=why"
    tag = Waiver(GUEST, "tag nobackup", NO_END, origin="tag")
    assert all_waivers(policy, "lab", one, notes) == (WHOLE, tag)
    noted = Waiver(GUEST, "why", int(datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp()), origin="notes")
    assert all_waivers(replace(policy, waive_in_notes=True), "lab", one, notes) == (WHOLE, tag, noted)
    assert all_waivers(policy, "lab", guest(104), None) == (WHOLE,)
    assert all_waivers(policy, "other", guest(104, tags=("nobackup2",)), notes) == ()


def test_without_a_tag_in_the_policy_no_tag_waives() -> None:
    assert all_waivers(Policy(), "lab", guest(tags=("",)), "") == ()


def test_notes_say_nothing_where_the_policy_does_not_let_them() -> None:
    assert noted_waivers(Policy(), "lab", guest(), "vzcover: waive nonsense").problems == ()
    said = noted_waivers(Policy(waive_in_notes=True), "lab", guest(), "vzcover: waive nonsense")
    assert [problem.fault for problem in said.problems] == [NotesFault.NOT_READABLE]


UNTIL = int(datetime.fromisoformat("2027-01-31T23:59:59+01:00").timestamp())


@pytest.mark.parametrize(
    ("line", "waiver"),
    [
        ("vzcover: waive until=2027-01-31 reason=migration in progress", Waiver(GUEST, "migration in progress", UNTIL)),
        ("  VZCOVER:waive  until=2027-01-31   reason= why \r", Waiver(GUEST, "why", UNTIL)),
        ('vzcover: waive until=2027-01-31 reason="in progress"', Waiver(GUEST, "in progress", UNTIL)),
        ("vzcover: waive until=2027-01-31 reason=a=b owner=x", Waiver(GUEST, "a=b owner=x", UNTIL)),
        (
            'vzcover: waive owner="Alice B" finding=backup_late until=2027-01-31 reason=x',
            Waiver(GUEST, "x", UNTIL, "Alice B", "backup_late"),
        ),
        ("vzcover: waive volume=scsi1 until=2027-01-31 reason=x", Waiver(GUEST, "x", UNTIL, volume="scsi1")),
        (
            "vzcover: waive volume=mp0 finding=volumes_excluded until=2027-01-31T23:59:59 reason=x",
            Waiver(GUEST, "x", UNTIL, code="volumes_excluded", volume="mp0"),
        ),
        ('vzcover: waive until="2027-01-31 22:59:59Z" reason=x', Waiver(GUEST, "x", UNTIL)),
    ],
)
def test_a_line_in_the_notes_waives(line: str, waiver: Waiver) -> None:
    noted = read_notes("lab", 104, f"# Web server\n\n{line}\nsee vzcover: waive", ZoneInfo("Europe/Vienna"))
    assert noted.waivers == (replace(waiver, origin="notes"),)
    assert noted.problems == ()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("vzcover:", NotesFault.NOT_A_WAIVER),
        ("vzcover: wave until=2027-01-31 reason=x", NotesFault.NOT_A_WAIVER),
        ("vzcover: waive", NotesFault.UNTIL_MISSING),
        ("vzcover: waive reason=x until=2027-01-31", NotesFault.UNTIL_MISSING),
        ("vzcover: waive until= reason=x", NotesFault.UNTIL_MISSING),
        ("vzcover: waive until=2027-01-31", NotesFault.REASON_MISSING),
        ("vzcover: waive until=2027-01-31 reason=", NotesFault.REASON_MISSING),
        ('vzcover: waive until=2027-01-31 reason=" "', NotesFault.REASON_MISSING),
        ('vzcover: waive until=2027-01-31 reason="x', NotesFault.NOT_READABLE),
        ('vzcover: waive until=2027-01-31 reason="x" y', NotesFault.NOT_READABLE),
        ("vzcover: waive 2027-01-31 reason=x", NotesFault.NOT_READABLE),
        ("vzcover: waive til=2027-01-31 reason=x", NotesFault.KEY_UNKNOWN),
        ("vzcover: waive until=2027-01-31 until=2027-01-31 reason=x", NotesFault.KEY_TWICE),
        ("vzcover: waive until=soon reason=x", NotesFault.UNTIL_NOT_READABLE),
        ("vzcover: waive until=2027-02-30 reason=x", NotesFault.UNTIL_NOT_READABLE),
        ("vzcover: waive finding=late until=2027-01-31 reason=x", NotesFault.FINDING_UNKNOWN),
        ("vzcover: waive finding=waiver_expired until=2027-01-31 reason=x", NotesFault.FINDING_UNKNOWN),
        ("vzcover: waive finding=backup_late volume=mp0 until=2027-01-31 reason=x", NotesFault.VOLUME_NOT_IN_FINDING),
    ],
)
def test_a_broken_line_is_no_waiver_and_is_told(line: str, fault: NotesFault) -> None:
    noted = read_notes("lab", 104, f"text\n {line}\n", UTC)
    assert noted.waivers == ()
    assert [(problem.pve, problem.vmid, problem.line, problem.fault) for problem in noted.problems] == [
        ("lab", 104, line, fault)
    ]


def test_a_long_broken_line_is_cut() -> None:
    (problem,) = read_notes("lab", 104, "vzcover: " + "x" * 999, UTC).problems
    assert problem.line == "vzcover: " + "x" * 110 + "…"


@given(st.text() | st.text(alphabet='until=reaso"2027-01 x').map("vzcover: waive ".__add__))
def test_any_notes_are_read(notes: str) -> None:
    lines = [line for line in notes.splitlines() if line.strip().lower().startswith("vzcover:")]
    noted = read_notes("lab", 104, notes, UTC)
    assert len(noted.waivers) + len(noted.problems) == len(lines)


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (WAIVER_NOTICE_SECONDS + 1, None),
        (WAIVER_NOTICE_SECONDS, FindingCode.WAIVER_EXPIRING),
        (0, FindingCode.WAIVER_EXPIRING),
        (-1, FindingCode.WAIVER_EXPIRED),
        (-WAIVER_EXPIRED_SECONDS, FindingCode.WAIVER_EXPIRED),
        (-WAIVER_EXPIRED_SECONDS - 1, None),
    ],
)
def test_a_waiver_that_ends_is_told_before_and_after(left: int, code: FindingCode | None) -> None:
    waiver = replace(WHOLE, until=NOW + left)
    told = (Finding.of(code, "lab/104", until=waiver.until, owner="alice"),) if code else ()
    assert waiver_findings(Policy(waivers=(waiver,)), NOW) == told
    assert waiver_findings(Policy(), NOW, [replace(waiver, origin="notes")]) == told


def test_a_waiver_that_another_one_continues_is_not_told() -> None:
    old, new = replace(WHOLE, until=NOW - 1), replace(WHOLE, origin="notes")
    assert waiver_findings(Policy(waivers=(old,)), NOW, [new]) == ()
    other = replace(old, code="backup_late")
    assert [finding.subject for finding in waiver_findings(Policy(waivers=(other, new)), NOW)] == [
        "lab/104 backup_late"
    ]


VMIDS = st.integers(100, 103)
SCOPES = st.one_of(
    VMIDS.map(lambda vmid: Scope.of_guest("lab", vmid)),
    st.builds(
        Scope,
        clusters=st.sampled_from([("lab",), ("other",), ("lab", "other")]),
        tags=st.sampled_from([(), ("db",)]),
        pools=st.sampled_from([(), ("prod",), ("prod/web",)]),
        names=st.sampled_from([(), ("guest-10?",), ("*1",)]),
        vmids=st.sampled_from([(), ((100, 101),), ((103, 103), (101, 101)), ((103, 103), (100, 102))]),
    ),
)
WAIVERS = st.builds(
    Waiver,
    scope=SCOPES,
    reason=st.sampled_from(["a", "b"]),
    until=st.integers(NOW - 2, NOW + 2),
    code=st.sampled_from(["", *(str(code) for code in WAIVABLE)]),
    volume=st.sampled_from(["", "scsi1", "mp0"]),
)
GUESTS = st.builds(
    guest, vmid=VMIDS, tags=st.sampled_from([(), ("db",)]), pool=st.sampled_from([None, "prod", "prod/web"])
)
FINDINGS = st.lists(
    st.sampled_from(
        [*(Finding.of(code) for code in WAIVABLE), LATE, PLAIN, EXCLUDED, MISSING, excluded("mp0"), excluded("scsi2")]
    ),
    max_size=6,
)
RANDOM = st.randoms(use_true_random=False)


@given(st.lists(WAIVERS, max_size=5), WAIVERS, GUESTS, FINDINGS)
def test_a_waiver_never_hides_another_guest(
    waivers: list[Waiver], further: Waiver, one: Guest, findings: list[Finding]
) -> None:
    assume(not further.scope.matches("lab", one))
    without, with_it = Policy(waivers=tuple(waivers)), Policy(waivers=(further, *waivers))
    before = apply_waivers(findings, all_waivers(without, "lab", one, None), NOW)
    assert apply_waivers(findings, all_waivers(with_it, "lab", one, None), NOW) == before


@given(st.lists(WAIVERS, max_size=6), GUESTS)
def test_waivers_that_are_sorted_by_whom_they_name_are_the_same(waivers: list[Waiver], one: Guest) -> None:
    policy = Policy(waivers=tuple(waivers))
    found = all_waivers(policy, "lab", one, None, candidates_of(waivers))
    assert Counter(found) == Counter(all_waivers(policy, "lab", one, None))


@given(st.lists(WAIVERS, max_size=6), GUESTS, FINDINGS, RANDOM)
def test_the_order_of_waivers_does_not_matter(
    waivers: list[Waiver], one: Guest, findings: list[Finding], shuffler: random.Random
) -> None:
    def applied() -> tuple[Applied, tuple[Finding, ...]]:
        policy = Policy(waivers=tuple(waivers))
        mine = all_waivers(policy, "lab", one, None)
        return apply_waivers(findings, mine, NOW), waiver_findings(policy, NOW)

    first = applied()
    shuffler.shuffle(waivers)
    assert applied() == first


@given(st.lists(WAIVERS, max_size=5), WAIVERS, FINDINGS)
def test_a_waiver_that_ran_out_changes_nothing(waivers: list[Waiver], old: Waiver, findings: list[Finding]) -> None:
    gone = replace(old, until=NOW - 1)
    assert apply_waivers(findings, [gone, *waivers], NOW) == apply_waivers(findings, waivers, NOW)


@given(st.lists(WAIVERS, max_size=5), FINDINGS)
def test_nothing_is_lost_between_what_counts_and_what_is_waived(waivers: list[Waiver], findings: list[Finding]) -> None:
    applied = apply_waivers(findings, waivers, NOW)

    def told(every: list[Finding]) -> list[tuple[str, str]]:
        parts = [(finding.code, dict(finding.params).get("volumes", "")) for finding in every]
        return sorted((code, volume) for code, volumes in parts for volume in str(volumes).split(", "))

    assert told([*applied.kept, *(each.finding for each in applied.waived)]) == told(findings)


@given(st.lists(WAIVERS, max_size=5), FINDINGS)
def test_without_a_waiver_that_names_it_a_finding_counts(waivers: list[Waiver], findings: list[Finding]) -> None:
    named = {waiver.code for waiver in waivers} | set(VOLUME_CODES)
    kept = apply_waivers(findings, waivers, NOW).kept
    assert [finding for finding in findings if finding.code not in named] == [
        finding for finding in kept if finding.code not in named
    ]
