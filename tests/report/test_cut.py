"""A Report cut to some guests: what stays, what goes, and that nothing of the others is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from report.cut import cut_to
from report.findings import FindingCode
from report.model.groups import GroupMatch
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import EVERY_GUEST, Scope
from report.rows.paper import build_paper
from report.rows.scope import scope_in_words
from report.rows.shared import Reader
from report.summary import summarise
from report.tables.json_report import report_document
from report.tables.schema import report_schema
from tests.crowd import PROD, crowd
from tests.specimen import specimen, specimen_with_backups
from tests.strategies import reports

VALIDATOR = Draft202012Validator(report_schema())


def vmids(cut: Report) -> list[int]:
    return [guest.guest.vmid for guest in cut.guests]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (EVERY_GUEST, [7101, 7102, 7903, 7904, 7905]),
        (PROD, [7101, 7102]),
        (Scope(pools=("prod/web",)), [7102]),
        (Scope(tags=("db",), names=("*-one",)), [7101]),
        (Scope(vmids=((7100, 7199),)), [7101, 7102]),
        (Scope(clusters=("lab",)), [7101, 7102, 7903, 7904]),
        (Scope(clusters=("paris",), pools=("prod",)), []),
    ],
)
def test_the_guests_that_match_are_counted_and_no_others(scope: Scope, expected: list[int]) -> None:
    cut = cut_to(crowd(), scope)

    assert vmids(cut) == expected
    assert cut.summary == summarise(cut.guests, backups_read=True)
    assert (cut.scope, cut.is_cut) == (scope, scope != EVERY_GUEST)


def test_without_a_scope_it_is_the_same_report() -> None:
    judged = crowd()
    assert cut_to(judged, EVERY_GUEST) is judged


def test_jobs_are_those_that_select_one_of_them_or_may_do_so() -> None:
    cut = cut_to(crowd(), PROD)

    assert [(job.job.id, job.guests, job.unknown_ids, job.reasons) for job in cut.jobs] == [
        ("hidden-pool", (), (), ()),
        ("nightly", (7101, 7102), (), ()),
    ]
    run = cut.jobs[1].last_run
    assert run is not None
    assert run.status == "VM … failed"


def test_groups_are_theirs_and_a_datastore_counts_these() -> None:
    cut = cut_to(crowd(), PROD)

    assert [(group.match, group.vmid) for group in cut.groups] == [(GroupMatch.GUEST, 7101), (GroupMatch.GUEST, 7102)]
    (store,) = cut.datastores
    assert (store.groups, store.snapshots, store.orphans) == (2, 11, ())
    assert "orphans" not in [section.key for section in build_paper(cut, "en", UTC).sections]


def test_what_may_hide_a_guest_of_the_scope_stays_and_what_is_about_others_alone_goes() -> None:
    cut = cut_to(crowd(), PROD)

    assert [(each.source, each.code, each.guests) for each in cut.issues] == [
        ("lab", IssueCode.COVERAGE_DISAGREEMENT, (7101,)),
        ("lab", IssueCode.CONFLICTING_POLICIES, (7102,)),
        ("lab", IssueCode.NODE_OFFLINE, ()),
        ("lab", IssueCode.COLLECTOR_FAILED, ()),
        ("paris", IssueCode.SOURCE_DOWN, ()),
        ("", IssueCode.DRILLS_UNREADABLE, ()),
    ]
    assert dict(cut.issues[0].params) == {"job": "nightly", "ours": "7101", "theirs": ""}
    assert dict(cut.issues[1].params)["count"] == 1
    assert [(source.name, source.coverage_disagreements) for source in cut.sources] == [
        ("lab", 1),
        ("paris", 0),
        ("pbs1", None),
    ]
    assert "1 source" in build_paper(cut, "en", UTC).front.sentence


def test_a_cluster_that_the_scope_does_not_name_hides_nothing_of_it() -> None:
    cut = cut_to(crowd(), Scope(clusters=("lab",), pools=("prod",)))

    assert [source.name for source in cut.sources] == ["lab", "pbs1"]
    assert "paris" not in {each.source for each in cut.issues}
    assert {storage.pve for storage in cut.storages} == {"lab"}


def test_findings_are_about_their_jobs_waivers_and_stores() -> None:
    cut = cut_to(crowd(), PROD)

    assert [(each.source, each.finding.code, each.finding.subject) for each in cut.findings] == [
        ("lab", FindingCode.JOB_NEVER_RUNS, "nightly"),
        ("pbs1", FindingCode.NAMESPACE_SHARED, "main"),
        ("", FindingCode.WAIVER_EXPIRING, "name:inside-one vmid:7101"),
        ("", FindingCode.WAIVER_EXPIRING, "lab/7102"),
    ]


def test_rules_and_waivers_are_those_that_hold_for_them_and_name_no_other() -> None:
    policy = cut_to(crowd(), PROD).policy

    assert [(rule.name, rule.scope) for rule in policy.rules] == [
        ("some", Scope(names=("inside-*",), vmids=((7101, 7101),)))
    ]
    assert [waiver.scope for waiver in policy.waivers] == [Scope(names=("inside-one",), vmids=((7101, 7101),))]


def test_changes_are_theirs_and_a_guest_that_is_gone_belongs_by_cluster_name_and_vmid_alone() -> None:
    def changed(scope: Scope) -> list[int]:
        return [change.vmid for change in cut_to(crowd(), scope).changes]

    assert changed(PROD) == [7102]
    assert changed(Scope(clusters=("lab",))) == [7102, 7903, 7777]
    assert changed(Scope(names=("*-gone",))) == [7777]
    assert changed(Scope(names=("*-gone",), tags=("db",))) == []


def test_the_trend_counts_all_guests_and_is_left_out() -> None:
    assert cut_to(crowd(), PROD).trend == ()


def test_a_scope_of_clusters_alone_keeps_all_that_is_said_of_these() -> None:
    judged = crowd()
    cut = cut_to(judged, Scope(clusters=("lab",)))

    assert list(cut.guests) == [guest for guest in judged.guests if guest.pve == "lab"]
    assert list(cut.jobs) == [job for job in judged.jobs if job.pve == "lab"]
    assert [each for each in cut.issues if each.source == "lab"] == [
        each for each in judged.issues if each.source == "lab"
    ]
    assert (7999,) in [job.unknown_ids for job in cut.jobs]


@pytest.mark.parametrize("made", [crowd, specimen, specimen_with_backups])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PROD, Scope(clusters=("lab",))),
        (Scope(clusters=("lab", "paris")), Scope(clusters=("paris",))),
        (Scope(clusters=("lab",)), Scope(clusters=("paris",))),
    ],
)
def test_cut_twice_both_scopes_hold(made: Callable[[], Report], first: Scope, second: Scope) -> None:
    cut = cut_to(cut_to(made(), first), second)

    assert [guest for guest in cut.guests if not second.matches(guest.pve, guest.guest)] == []
    assert [guest for guest in cut.guests if not first.matches(guest.pve, guest.guest)] == []
    assert cut.scope == Scope(clusters=second.clusters, pools=first.pools)


@pytest.mark.parametrize(
    ("scope", "english", "french"),
    [
        (EVERY_GUEST, "", ""),
        (
            PROD,
            "Only guests in the pool prod or below it; all counts and lists are about these.",
            "Seulement les invités du pool prod ou de ses sous-pools ; tous les comptes et toutes les listes portent sur eux.",
        ),
        (
            Scope(("lab",), (), ("db", "web"), ("a*",), ((100, 199),)),
            "Only guests of the cluster lab, with one of the tags db, web, named a*, with one of the VMIDs 100–199; all counts and "
            "lists are about these.",
            "Seulement les invités de la grappe lab, avec une des étiquettes db, web, nommés a*, d’un des VMID 100–199 ; tous les "
            "comptes et toutes les listes portent sur eux.",
        ),
    ],
)
def test_page_one_and_the_method_name_the_scope(scope: Scope, english: str, french: str) -> None:
    for language, sentence in (("en", english), ("fr", french)):
        cut = cut_to(crowd(), scope)
        paper = build_paper(cut, language, UTC)
        rules = next(section for section in paper.sections if section.key == "method_rules")
        expected = sentence.replace(" ;", "\N{NO-BREAK SPACE};")

        assert scope_in_words(scope, Reader(language, UTC)) == expected
        assert paper.front.subtitle.endswith(expected or paper.front.subtitle)
        assert (rules.rows[0].cells[1] == expected) is bool(expected)


def test_the_document_holds_the_scope() -> None:
    assert report_document(crowd(), "en")["scope"] is None
    assert report_document(cut_to(crowd(), PROD), "en")["scope"] == {
        "clusters": [],
        "pools": ["prod"],
        "tags": [],
        "names": [],
        "vmids": [],
    }


def test_a_report_on_nobody_does_not_say_that_the_estate_is_empty() -> None:
    sentence = build_paper(cut_to(crowd(), Scope(tags=("none",))), "en", UTC).front.sentence
    assert sentence.startswith("No guest of this report is visible")


scopes = st.builds(
    Scope,
    clusters=st.sampled_from([(), ("lab",), ("lab", "paris")]),
    pools=st.sampled_from([(), ("prod",)]),
    tags=st.sampled_from([(), ("dev",)]),
    names=st.sampled_from([(), ("*",), ("a*",)]),
    vmids=st.sampled_from([(), ((100, 500),), ((1, 10**9),)]),
)


# making whole reports takes its time where other tests run beside
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(reports(), scopes)
def test_whatever_is_cut_is_a_whole_report_again_and_cutting_it_again_changes_nothing(
    judged: Report, scope: Scope
) -> None:
    cut = cut_to(judged, scope)

    assert set(vmids(cut)) <= set(vmids(judged))
    assert cut_to(cut, scope) == cut
    VALIDATOR.validate(report_document(cut, "fr"))
    build_paper(cut, "fr", UTC)
