"""What was not seen, or may be a guest's and nothing tells so, speaks neither for nor against a guest (D15, H20)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from report.backups import BackupGroup, Datastore, PbsFacts
from report.facts import GuestConfig
from report.findings import FindingCode
from report.model.groups import GroupMatch
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.policy import Expectation, Policy, StoreMark
from report.readings import Failure, Permissions, Reading
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, SAVED, Judged, dailies, group, judge, rows

LOCAL_SYNC = e.sync_job(remote_store="main", remote_namespace="lab")


# --- copies whose source is gone, or has nothing in common with them


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([e.copy()], id="the source is lost"),
        pytest.param([group(namespace="lab/sub")], id="case 38"),
        pytest.param([group(namespace="moved")], id="the entry leads to another namespace now"),
    ],
)
def test_case_8_backups_of_an_existing_guest_are_no_orphans_and_it_may_have_been_backed_up(
    held: list[BackupGroup],
) -> None:
    judged = judge(*held)
    assert [each.match for each in judged.report.groups] == [GroupMatch.AMBIGUOUS]
    assert judged.guest().protection is Protection.UNKNOWN
    assert FindingCode.NEVER_BACKED_UP not in judged.codes
    assert judged.estate == ()


def test_h15_a_sync_job_from_the_guests_own_place_proves_that_a_copy_is_its_own() -> None:
    known = a.reading((LOCAL_SYNC,))
    lost = judge(vault=e.server(e.copy(), sync_jobs=known))
    assert (lost.guest().protection, lost.guest().newest_backup_at) == (Protection.PROTECTED, SAVED)
    behind = judge(
        vault=e.server(group(rows([SAVED])), e.copy(rows(dailies(5, SAVED - DAY))), sync_jobs=known),
    )
    assert [copy.datastore for copy in behind.guest().copies] == ["main", "offsite"]


# --- groups that may be the guest's or another's


def on_files(days_ago: int) -> dict[str, Any]:
    """Return the cluster's file storage with backups of the guest, the newest so many days old."""
    old = rows(dailies(3, SAVED - days_ago * DAY), 0)
    files = replace(
        group(old), server="lab", datastore="nas", namespace="", owner=None, newest_archives=(), newest_volume=None
    )
    return {"storages": [e.entry(), a.storage_definition()], "backups": {"nas": a.reading((files,))}}


def beside_a_shop_that_shares(*held: BackupGroup, **lab: Any) -> Judged:
    return judge(*held, clusters=(e.cluster(**lab), e.cluster(name="shop")))


@pytest.mark.parametrize(
    ("lab", "alone"),
    [
        pytest.param(on_files(3), Protection.AT_RISK, id="late"),
        pytest.param(on_files(9) | {"jobs": [e.job(enabled=False)]}, Protection.UNPROTECTED, id="old, and no job"),
        pytest.param({}, Protection.UNPROTECTED, id="never"),
    ],
)
def test_d15_an_ambiguous_group_may_hold_the_newer_backup(lab: dict[str, Any], alone: Protection) -> None:
    unclear = beside_a_shop_that_shares(group(), **lab).guest()
    assert unclear.protection is Protection.UNKNOWN
    assert ReasonCode.GROUP_AMBIGUOUS in {reason.code for reason in unclear.reasons}
    assert beside_a_shop_that_shares(**lab).guest().protection is alone


def test_ambiguous_groups_are_told_in_the_order_of_their_places_whatever_the_server_lists_first() -> None:
    newer = rows([SAVED + 300])
    vault = e.server(*(e.copy(newer, datastore=store, namespace="lab") for store in ("copies", "offsite")))
    turned = replace(vault, groups=dict(reversed(list(vault.groups.items()))))
    told = [
        [
            dict(reason.params)["datastore"]
            for reason in judge(vault=listed).guest().reasons
            if "namespace" in dict(reason.params)
        ]
        for listed in (vault, turned)
    ]
    assert told == [["copies", "offsite"]] * 2


def test_an_ambiguous_group_refutes_nothing_where_all_in_it_is_older_than_what_is_known() -> None:
    older = group(rows(dailies(3, SAVED - 9 * DAY)))
    assert beside_a_shop_that_shares(older, **on_files(3)).guest().protection is Protection.AT_RISK


def test_d16_an_ambiguous_group_refutes_nothing_where_all_in_it_is_older_than_the_guest() -> None:
    born = {100: GuestConfig(e.NOW, created_at=SAVED + 60)}
    judged = judge(e.copy(), configs=born)
    assert judged.codes == {FindingCode.NEVER_BACKED_UP}
    assert judge(e.copy(incomplete=True), configs=born).guest().protection is Protection.UNKNOWN


def test_an_older_ambiguous_group_may_still_be_what_was_verified_or_a_copy() -> None:
    plain = replace(on_files(0)["backups"]["nas"].value[0], snapshots=group(rows(dailies(), 0)).snapshots)
    lab = on_files(0) | {"jobs": [e.job(storage="nas")], "backups": {"nas": a.reading((plain,))}}
    older = group(rows(dailies(3, SAVED - DAY)))
    demands: tuple[dict[str, Any], ...] = (
        {"verified_within_seconds": 7 * DAY},
        {"copies": 2, "max_age_seconds": 7 * DAY},
    )
    for demand in demands:
        policy = Policy(default=Expectation(**demand))
        verdicts = {
            judge(*held, clusters=(e.cluster(**lab), e.cluster(name="shop")), policy=policy).guest().protection
            for held in ((older,), ())
        }
        assert verdicts == {Protection.UNKNOWN, Protection.AT_RISK}


def test_a_third_cluster_is_not_touched_by_what_two_others_share() -> None:
    mill = e.cluster(name="mill", storages=[e.entry(datastore="offsite", namespace=None, username="backup@pbs!mill")])
    judged = judge(group(), clusters=(e.cluster(), e.cluster(name="shop"), mill))
    assert judged.guest(pve="mill").protection is Protection.UNPROTECTED


def test_d15_a_cluster_whose_storages_are_not_read_now_may_still_have_written_what_it_could() -> None:
    lab, shop = e.cluster(), e.cluster(name="shop")
    blind = replace(shop, storages=replace(shop.storages, fetched_at=e.NOW - DAY))
    assert judge(group(), clusters=(lab, blind)).guest().protection is Protection.UNKNOWN


# --- the off-site copy


OFFSITE = Policy(default=Expectation(offsite=True), stores=(StoreMark("vault", "offsite", offsite=True),))
REFUSED: Reading[Any] = Reading(failure=Failure("forbidden", "/x", "403"))


def without_sight_of(*places: tuple[str, str], held: tuple[BackupGroup, ...] = ()) -> PbsFacts:
    known = e.server(group(), *held)
    return replace(known, groups={**known.groups, **dict.fromkeys(places, REFUSED)})


OTHERS = e.copy(rows(dailies(3, SAVED - 40 * DAY)), owner="backup@pbs!x")
ELSEWHERE = e.entry("dc2", server="elsewhere.example", datastore="x")
HIDDEN = Permissions(
    {"/": dict.fromkeys(("VM.Audit", "Sys.Audit", "Pool.Audit"), True), "/storage/pbs": {"Datastore.Audit": True}}
)


@pytest.mark.parametrize(
    ("facts", "policy", "unclear"),
    [
        pytest.param({}, OFFSITE, False, id="all was read"),
        pytest.param({"vault": without_sight_of(("offsite", ""))}, OFFSITE, True, id="the marked store was not read"),
        pytest.param({"vault": without_sight_of(("main", "far"))}, OFFSITE, False, id="another store was not read"),
        pytest.param(
            {
                "vault": without_sight_of(("main", "far"), held=(OTHERS,)),
                "storages": [e.entry(), e.entry("off", datastore="offsite", namespace=None)],
            },
            OFFSITE,
            True,
            id="another store was not read, and the marked one has what that may prove to be its own",
        ),
        pytest.param(
            {
                "vault": e.server(group(), OTHERS),
                "storages": [e.entry(), e.entry("off", datastore="offsite", namespace=None)],
            },
            OFFSITE,
            False,
            id="the marked store has another account's",
        ),
        pytest.param({"storages": [e.entry(), ELSEWHERE]}, OFFSITE, True, id="a PBS is not configured"),
        pytest.param({"permissions": a.reading(HIDDEN)}, OFFSITE, False, id="storages are hidden, none is marked"),
        pytest.param(
            {"permissions": a.reading(HIDDEN)},
            replace(OFFSITE, stores=(StoreMark("lab", "nas", offsite=True),)),
            True,
            id="storages are hidden, and one is marked",
        ),
        pytest.param(
            {"storages": [e.entry(), a.storage_definition()], "backups": {"nas": REFUSED}},
            OFFSITE,
            False,
            id="a file storage was not read",
        ),
        pytest.param(
            {"storages": [e.entry(), a.storage_definition()], "backups": {"nas": REFUSED}},
            replace(OFFSITE, stores=(StoreMark("lab", offsite=True),)),
            True,
            id="a file storage was not read, and is marked with its cluster",
        ),
        pytest.param(
            {"vault": e.server(group(), e.copy(rows(dailies(3, SAVED - 40 * DAY))))},
            OFFSITE,
            True,
            id="the marked store has what nothing tells whose it is",
        ),
    ],
)
def test_that_there_is_no_offsite_copy_is_told_unless_one_may_lie_where_nobody_looked(
    facts: dict[str, Any], policy: Policy, unclear: bool
) -> None:
    known = dict(facts)
    vault = known.pop("vault", e.server(group()))
    judged = judge(vault=vault, policy=policy, **known)
    assert (FindingCode.NO_OFFSITE_COPY in judged.codes) is not unclear
    assert judged.guest().protection is (Protection.UNKNOWN if unclear else Protection.AT_RISK)


@pytest.mark.parametrize(("place", "unclear"), [(("offsite", "b"), True), (("main", "far"), False)])
def test_that_the_offsite_copy_is_late_is_told_unless_a_newer_one_may_lie_where_nobody_looked(
    place: tuple[str, str], unclear: bool
) -> None:
    late = replace(OFFSITE, default=Expectation(offsite=True, offsite_max_age_seconds=DAY))
    old = e.copy(rows(dailies(9, SAVED - DAY)))
    guest = judge(vault=without_sight_of(place, held=(old,)), policy=late).guest()
    assert guest.protection is (Protection.UNKNOWN if unclear else Protection.AT_RISK)


# --- how many copies there are


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({}, id="protected"),
        pytest.param({"jobs": [e.job(enabled=False)]}, id="at risk"),
        pytest.param({"policy": Policy(default=Expectation(demanded=False))}, id="waived"),
    ],
)
def test_the_number_of_copies_is_not_known_while_one_may_lie_where_nobody_looked(facts: dict[str, Any]) -> None:
    seen = judge(vault=without_sight_of(), **facts).guest()
    blind = judge(vault=without_sight_of(("offsite", "")), **facts).guest()
    assert (blind.protection, blind.findings) == (seen.protection, seen.findings)
    assert [copy.datastore for copy in seen.recent_copies or ()] == ["main"]
    assert blind.recent_copies is None


def test_the_number_of_copies_is_not_known_while_a_group_may_be_one_or_a_store_is_out_of_reach() -> None:
    assert judge(group(), e.copy(rows(dailies(3, SAVED - 40 * DAY)))).guest().recent_copies is None
    known = e.server(group())
    closed = (Datastore("main"), Datastore("offsite", maintenance="offline"))
    away = replace(known, datastores=a.reading(closed), groups={**known.groups, ("offsite", ""): REFUSED})
    assert judge(vault=away).guest().recent_copies is None
