"""A node's vzdump.conf is read behind the retention and the refusal of one storage (E1, E2, B29)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from exporter.collect.pve_calls import PveCalls
from exporter.collect.pve_defaults import read_defaults
from exporter.errors import FailureReason, ServerFailed
from report.facts import StorageDefinition, VzdumpDefaults
from report.readings import Keep
from tests import builders as a
from tests.exporter.collecting import collector_of, judge, other_issues, refresh
from tests.simulator_process import running_simulator

NOW = a.NOW
OWN: Keep = (("keep-last", 3),)
CONF: Keep = (("keep-daily", 7),)
WRONG_TYPE = "can't use storage 'local' for backups - wrong content type\n"


@dataclass(slots=True)
class Calls:
    """Answers by the storage that is asked about, None for the default one; a text is PVE's refusal."""

    answers: dict[str | None, VzdumpDefaults | str]
    asked: list[str | None] = field(default_factory=list)

    def vzdump_defaults(self, node: str, storage: str | None = None) -> VzdumpDefaults:
        self.asked.append(storage)
        answer = self.answers[storage]
        if isinstance(answer, str):
            raise ServerFailed("pve lab", "/x", answer, status=500, reason=FailureReason.SERVER_ERROR)
        return answer


def storage(name: str, keep: Keep | None = None, **fields: Any) -> StorageDefinition:
    return a.storage_definition(name, keep=keep, **fields)


def read(calls: Calls, *storages: StorageDefinition) -> VzdumpDefaults:
    return read_defaults(cast(PveCalls, calls), "pve1", storages)


def test_where_the_default_storage_has_no_retention_one_call_tells() -> None:
    calls = Calls({None: VzdumpDefaults(storage="local", keep=CONF)})
    assert read(calls, storage("local"), storage("nas", OWN)).keep == CONF
    assert calls.asked == [None]


def test_the_retention_of_the_default_storage_is_not_taken_for_that_of_vzdump_conf() -> None:
    calls = Calls({None: VzdumpDefaults("local", keep=OWN), "nas": VzdumpDefaults("nas", "/nas/dump", keep=CONF)})
    assert read(calls, storage("local", OWN), storage("nas")) == VzdumpDefaults("local", keep=CONF)


@pytest.mark.parametrize("refusal", [WRONG_TYPE, "storage 'local' does not exist\n"])
def test_a_default_storage_that_takes_no_backups_hides_nothing_else(refusal: str) -> None:
    calls = Calls({None: refusal, "nas": VzdumpDefaults("nas", "/nas/dump", "snapshot", CONF, remove=False)})
    others = (storage("away", nodes=frozenset({"pve2"})), storage("nas"), storage("own", OWN))
    assert read(calls, *others) == VzdumpDefaults("local", None, "snapshot", CONF, remove=False)
    assert calls.asked == [None, "nas"]


def test_where_every_storage_has_a_retention_that_of_vzdump_conf_is_nothing() -> None:
    calls = Calls({None: WRONG_TYPE, "nas": VzdumpDefaults("nas", keep=OWN, remove=False)})
    assert read(calls, storage("nas", OWN)) == VzdumpDefaults("local", remove=False)
    assert read(Calls({None: WRONG_TYPE})) == VzdumpDefaults("local")


@pytest.mark.parametrize(
    ("answers", "storages"),
    [
        ({None: "hostname lookup 'pve1' failed\n"}, (storage("nas"),)),
        ({None: WRONG_TYPE}, None),
        ({None: WRONG_TYPE, "nas": "no quorum\n"}, (storage("nas"),)),
    ],
    ids=["another refusal", "storages not known", "the second call fails"],
)
def test_what_cannot_be_told_is_a_failed_call(
    answers: dict[str | None, VzdumpDefaults | str], storages: tuple[StorageDefinition, ...] | None
) -> None:
    with pytest.raises(ServerFailed):
        read_defaults(cast(PveCalls, Calls(answers)), "pve1", storages)


def test_a_cluster_whose_local_storage_takes_no_backups_is_read_whole() -> None:
    with running_simulator("serve", "--guests", 12, "--nodes", 2, "--now", NOW) as simulator:
        simulator.set_storage("local", {"content": "iso,vztmpl"})
        with collector_of(simulator) as collector:
            report = judge(refresh(collector, None, NOW), NOW)
    assert other_issues(report) == []
