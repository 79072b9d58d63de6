"""Two clusters in one namespace (D14): found by address and by certificate, not where one of them does not write."""

from __future__ import annotations

import pytest

from exporter.storages.entries import Desired
from exporter.storages.sharing import shared_targets
from tests.exporter.storages.entry_files import FINGERPRINT, OTHER_FINGERPRINT, cluster, definition, desired

CASES: tuple[tuple[str, dict[str, object], dict[str, object], bool], ...] = (
    ("the same place", {}, {}, True),
    ("another namespace", {"namespace": "a"}, {"namespace": "b"}, False),
    ("the root said and not said", {"namespace": None}, {"namespace": ""}, True),
    ("another datastore", {}, {"datastore": "copy"}, False),
    ("one is switched off", {}, {"disabled": True}, False),
    ("one takes no backups", {}, {"content": frozenset({"none"})}, False),
    ("another name, the same certificate", {}, {"server": "192.0.2.1", "fingerprint": FINGERPRINT.lower()}, True),
    ("another name and certificate", {}, {"server": "192.0.2.1", "fingerprint": OTHER_FINGERPRINT}, False),
    ("a name in other letters", {"fingerprint": None}, {"server": "PBS.example.", "fingerprint": None}, True),
    ("another port and certificate", {}, {"port": 8008, "fingerprint": OTHER_FINGERPRINT}, False),
)


@pytest.mark.parametrize(("first", "second", "shared"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_two_clusters_share_a_place(first: dict[str, object], second: dict[str, object], shared: bool) -> None:
    wanted = [desired(**first), desired("other", "site", **second)]  # type: ignore[arg-type]

    assert bool(shared_targets(wanted, {})) is shared


def test_two_entries_of_one_cluster_share_nothing() -> None:
    assert shared_targets([desired(), desired("again")], {}) == ()


def test_what_pve_has_counts_and_what_the_file_wants_takes_its_place() -> None:
    there = {"site": cluster(definition("pbs"), name="site"), "lab": cluster(definition(namespace="own"))}

    (found,) = shared_targets([desired()], there)
    assert found.entries == (("lab", "vault"), ("site", "pbs"))
    assert found.in_file
    assert found.place == "the root namespace of datastore main on pbs.example:8007"
    assert shared_targets([desired(namespace="own")], there) == ()


def test_a_place_shared_by_entries_that_the_file_does_not_name_is_told_as_such() -> None:
    there = {"site": cluster(definition(), name="site"), "lab": cluster(definition())}

    (found,) = shared_targets([], there)
    assert not found.in_file


def test_three_clusters_are_one_finding_even_where_only_the_middle_one_links_them() -> None:
    wanted: list[Desired] = [
        desired(),
        desired("other", "site", server="192.0.2.1"),
        desired("third", "branch", server="192.0.2.1", fingerprint=None),
    ]

    (found,) = shared_targets(wanted, {})
    assert [name for name, _ in found.entries] == ["branch", "lab", "site"]
