"""What a backup holds against what the guest has now: section C, and the archives of the newest usable backup."""

from __future__ import annotations

from typing import Any

import pytest

from report.backups import Archive
from report.facts import ConfigVolume, GuestConfig
from report.findings import FindingCode
from report.model.guests import Protection
from report.policy import Expectation, Policy, Scope, Waiver
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, DISK, NOW, Judged, group, judge

MISSING = FindingCode.VOLUMES_NOT_IN_BACKUP
LAB_100 = Scope.of_guest("lab", 100)
BY_HAND = Policy(
    default=Expectation(max_age_seconds=40 * DAY),
    waivers=(Waiver(LAB_100, "saved by hand", NOW + 90 * DAY, code="not_scheduled"),),
)


def by_hand(*volumes: ConfigVolume, policy: Policy = BY_HAND, **fields: Any) -> Judged:
    """Judge the guest with these volumes in its configuration while no active job saves it."""
    configs = {100: GuestConfig(NOW, volumes=volumes)}
    return judge(group(**fields), jobs=[e.job(enabled=False)], configs=configs, policy=policy)


def disk(key: str, *, saved: bool = True) -> ConfigVolume:
    return ConfigVolume(key, f"local-lvm:{key}", DISK, saved)


@pytest.mark.parametrize(
    ("volumes", "missing"),
    [
        pytest.param((disk("scsi0"),), None, id="all of it"),
        pytest.param((disk("scsi0"), disk("scsi1")), "scsi1", id="a disk was added"),
        pytest.param((disk("scsi0"), disk("scsi1", saved=False)), None, id="C3: a disk that is marked"),
        pytest.param((), None, id="no configuration was read"),
    ],
)
def test_without_an_active_job_the_configuration_says_what_a_backup_should_hold(
    volumes: tuple[ConfigVolume, ...], missing: str | None
) -> None:
    judged = by_hand(*volumes)
    assert judged.guest().protection is (Protection.AT_RISK if missing else Protection.PROTECTED)
    assert [dict(each.params)["volumes"] for each in judged.findings if each.code is MISSING] == [missing][
        : bool(missing)
    ]


def test_a_volume_that_may_be_left_out_is_not_missed_in_the_newest_backup() -> None:
    allowing = Policy(default=Expectation(allowed_volumes=("scsi[1-9]",)))
    both = e.included(e.volume(), e.volume("scsi1"))
    assert MISSING in judge(group(), included=both).codes
    assert MISSING not in judge(group(), included=both, policy=allowing).codes


def test_a_guest_of_which_no_volume_is_saved_is_waived_volume_by_volume() -> None:
    left_out = e.included(*(e.volume(key, included=False, reason="backup=no") for key in ("scsi0", "scsi1")))
    waivers = tuple(Waiver(LAB_100, "scratch", NOW + DAY, volume=key) for key in ("scsi0", "scsi1"))
    one, both = (judge(group(), included=left_out, policy=Policy(waivers=given)) for given in (waivers[:1], waivers))
    assert dict(one.finding(FindingCode.NO_VOLUME_SAVED).params) == {"volumes": "scsi1"}
    assert (one.guest().protection, both.guest().protection) == (Protection.AT_RISK, Protection.PROTECTED)


ROOTFS = e.included(e.volume("rootfs", reason="rootfs"), e.volume("mp0", reason="enabled"))


@pytest.mark.parametrize(
    ("archives", "missing"),
    [
        pytest.param(("root.pxar.didx", "pct.conf.blob"), False, id="one archive for rootfs and mount points"),
        pytest.param(("root.mpxar.didx", "root.ppxar.didx"), False, id="in two parts"),
        pytest.param(("pct.conf.blob",), True, id="no archive at all"),
        pytest.param((), False, id="nothing tells which"),
    ],
)
def test_a_container_is_missing_in_a_backup_without_its_archive(archives: tuple[str, ...], missing: bool) -> None:
    held = group(backup_type="ct", newest_archives=tuple(Archive(name, DISK, "none") for name in archives))
    judged = judge(held, guests=[a.guest(100, guest_type="lxc")], included=ROOTFS)
    assert [dict(each.params)["volumes"] for each in judged.findings if each.code is MISSING] == [
        "mp0, rootfs"
    ] * missing
