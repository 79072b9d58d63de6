"""What the policy expects of which guest, and until when a waiver holds."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.expectations import expectation_of, is_demanded
from report.facts import Guest
from report.policy import NO_END, Expectation, Policy, Rule, Scope, StoreMark, Waiver, end_of, read_end
from tests.builders import guest

NOWHERE: dict[str, Any] = {"pool": None, "name": None, "tags": ()}


@pytest.mark.parametrize(
    ("scope", "fields", "meant"),
    [
        (Scope(), {}, True),
        (Scope(clusters=("lab",)), {}, True),
        (Scope(clusters=("other",)), {}, False),
        (Scope(clusters=("other", "lab")), {}, True),
        (Scope(pools=("prod",)), {"pool": "prod"}, True),
        (Scope(pools=("prod",)), {"pool": "prod/web/front"}, True),
        (Scope(pools=("prod/web",)), {"pool": "prod"}, False),
        (Scope(pools=("prod",)), {"pool": "production"}, False),
        (Scope(tags=("db", "web")), {"tags": ("web", "x")}, True),
        (Scope(tags=("db",)), {"tags": ("database",)}, False),
        (Scope(names=("db*", "web-?")), {"name": "web-1"}, True),
        (Scope(names=("db*",)), {"name": "DB1"}, False),
        (Scope(names=("db",)), {"name": "db1"}, False),
        (Scope(vmids=((100, 199), (300, 300))), {"vmid": 199}, True),
        (Scope(vmids=((100, 199), (300, 300))), {"vmid": 300}, True),
        (Scope(vmids=((100, 199), (300, 300))), {"vmid": 200}, False),
        (Scope(clusters=("lab",), pools=("prod",)), {"pool": "test"}, False),
        (Scope(clusters=("lab",), pools=("prod",)), {"pool": "prod"}, True),
    ],
)
def test_a_scope_means_the_guests_that_match_each_part(scope: Scope, fields: dict[str, Any], meant: bool) -> None:
    assert scope.matches("lab", guest(**fields)) is meant


@pytest.mark.parametrize("scope", [Scope(names=("*",)), Scope(pools=("prod",)), Scope(tags=("x",))])
def test_what_is_not_known_of_a_guest_never_matches(scope: Scope) -> None:
    assert not scope.matches("lab", guest(**NOWHERE))


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (Scope.of_guest("lab", 104), "lab/104"),
        (Scope(pools=("prod", "test")), "pool:prod,test"),
        (Scope(("lab",), tags=("dev",), vmids=((100, 199), (300, 300))), "cluster:lab tag:dev vmid:100-199,300"),
        (Scope(("lab", "b"), vmids=((104, 104),)), "cluster:lab,b vmid:104"),
        (Scope(names=("db*",)), "name:db*"),
        (Scope(), ""),
    ],
)
def test_a_scope_has_a_short_name(scope: Scope, text: str) -> None:
    assert str(scope) == text


def test_a_waiver_s_subject_tells_what_it_waives() -> None:
    waiver = Waiver(Scope.of_guest("lab", 104), "why", 1, code="volumes_excluded", volume="scsi1")
    assert waiver.subject == "lab/104 volumes_excluded scsi1"


STRICT, LOOSE = Expectation(max_age_seconds=3600), Expectation(demanded=False)


def test_the_first_rule_that_matches_says_what_is_expected() -> None:
    rules = (
        Rule("production", Scope(pools=("prod",)), STRICT),
        Rule("the rest of the lab", Scope(clusters=("lab",)), LOOSE),
    )
    policy = Policy(rules=rules)
    assert expectation_of(policy, "lab", guest(pool="prod/web")) == ("production", STRICT)
    assert expectation_of(policy, "lab", guest()) == ("the rest of the lab", LOOSE)
    assert expectation_of(policy, "other", guest()) == ("", Expectation())


@given(st.lists(st.integers(100, 120), unique=True), st.integers(100, 120), st.randoms(use_true_random=False))
def test_the_order_of_rules_that_share_no_guest_does_not_matter(
    vmids: list[int], vmid: int, shuffler: random.Random
) -> None:
    rules = [Rule(str(one), Scope.of_guest("lab", one), Expectation(copies=one)) for one in vmids]
    first = expectation_of(Policy(rules=tuple(rules)), "lab", guest(vmid))
    shuffler.shuffle(rules)
    assert expectation_of(Policy(rules=tuple(rules)), "lab", guest(vmid)) == first
    assert first == ((str(vmid), Expectation(copies=vmid)) if vmid in vmids else ("", Expectation()))


@pytest.mark.parametrize(
    ("expectation", "fields", "demanded"),
    [
        (Expectation(), {}, True),
        (Expectation(), {"template": True}, False),
        (Expectation(), {"template": None, "status": "unknown"}, True),
        (Expectation(templates=True), {"template": True}, True),
        (Expectation(), {"status": "stopped"}, True),
        (Expectation(stopped=False), {"status": "stopped"}, False),
        (Expectation(stopped=False), {"status": "paused"}, True),
        (Expectation(stopped=False), {"status": None}, True),
        (Expectation(stopped=False), {"status": "unknown"}, True),
        (Expectation(templates=True, stopped=False), {"template": True, "status": "stopped"}, True),
        (Expectation(demanded=False, templates=True), {}, False),
        (Expectation(demanded=False, templates=True), {"template": True}, False),
    ],
)
def test_which_guests_must_have_backups(expectation: Expectation, fields: dict[str, Any], demanded: bool) -> None:
    assert is_demanded(expectation, guest(**fields)) is demanded


@given(st.sampled_from([True, False]), st.sampled_from([True, False]), st.sampled_from(["running", "stopped"]))
def test_what_is_not_known_never_lets_a_guest_off(templates: bool, stopped: bool, status: str) -> None:
    expectation = Expectation(templates=templates, stopped=stopped)
    known: Guest = guest(template=False, status=status)
    assert is_demanded(expectation, guest(template=None, status=None)) >= is_demanded(expectation, known)


def test_a_store_is_marked_by_itself_and_else_by_its_server() -> None:
    whole, tapes = StoreMark("vault", offsite=True), StoreMark("vault", "tapes", media="tape")
    policy = Policy(stores=(whole, tapes))
    assert policy.of_store("vault", "tapes") == tapes
    assert policy.of_store("vault", "main") == whole
    assert policy.of_store("other", "main") == StoreMark("other", "main")


def test_volumes_may_be_allowed_to_be_left_out() -> None:
    expectation = Expectation(allowed_volumes=("scsi9", "mp*"))
    assert [volume for volume in ("scsi1", "scsi9", "mp0", "mp12") if expectation.allows_without(volume)] == [
        *("scsi9", "mp0", "mp12")
    ]


@pytest.mark.parametrize(
    ("text", "zone", "last"),
    [
        ("2027-01-31", "UTC", "2027-01-31T23:59:59+00:00"),
        ("2027-01-31", "Europe/Vienna", "2027-01-31T23:59:59+01:00"),
        ("2027-03-28", "Europe/Vienna", "2027-03-28T23:59:59+02:00"),  # the day has 23 hours
        ("2026-10-25", "Europe/Vienna", "2026-10-25T23:59:59+01:00"),  # and 25
        ("2026-04-23", "Africa/Cairo", "2026-04-23T23:59:59+02:00"),  # the clock goes on at midnight
        ("2027-01-31T18:00", "Europe/Vienna", "2027-01-31T18:00:00+01:00"),
        ("2027-01-31 18:00:30", "UTC", "2027-01-31T18:00:30+00:00"),
        ("2027-01-31T18:00Z", "Europe/Vienna", "2027-01-31T18:00:00+00:00"),
        ("2027-01-31T18:00:00-05:00", "Europe/Vienna", "2027-01-31T23:00:00+00:00"),
    ],
)
def test_a_day_is_over_at_its_end_in_the_zone(text: str, zone: str, last: str) -> None:
    assert end_of(read_end(text), ZoneInfo(zone)) == int(datetime.fromisoformat(last).timestamp())


@pytest.mark.parametrize(
    "text",
    ["", "2027", "2027-1-31", "2027-02-30", "31.01.2027", "20270131", "2027-W05-1", "2027-01-31T25:00", "1999-12-31"],
)
def test_what_is_no_end(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day|month|hour|out of range"):
        read_end(text)


@given(st.text(alphabet="0123456789-T :+Z", max_size=26) | st.text(max_size=20))
def test_any_text_is_an_end_in_every_zone_or_a_value_error(text: str) -> None:
    try:
        end = read_end(text)
    except ValueError:
        return
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert 0 < end_of(end, ZoneInfo(zone)) < NO_END


def test_no_end_is_a_date_in_every_zone() -> None:
    for hours in (-12, 0, 14):
        assert datetime.fromtimestamp(NO_END, UTC) + timedelta(hours=hours)
