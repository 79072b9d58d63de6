"""Chains: of each report one, over days with restarts, kills, missing days and changes of the guests, in a folder that reports share."""

from __future__ import annotations

import argparse
import json
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.bundle.chains import broken_links, by_chain, in_order, last_link, missing_before
from exporter.bundle.command import verify_bundle
from exporter.bundle.content import Chain, Made, chain_of, file_name
from exporter.bundle.reading import Bundle, bundles_in, read_bundle
from exporter.bundle.write import write_bundle, write_report
from exporter.errors import OutputError
from exporter.files import alone_in
from exporter.parts import Parts
from exporter.reports import PlannedReport, Written
from report.cut import cut_to
from report.model.report import Report
from report.rows.shared import Reader
from tests.builders import NOW, report
from tests.crowd import PROD, crowd
from tests.exporter.bundle.test_bundle import unheard
from tests.exporter.test_reporting import BERLIN, DAY, HOUR, House
from tests.exporter.test_scoped_reports import OTHERS, OWN, plain

READER = Reader("en", BERLIN)
ALL, SOME = "{name: all, formats: bundle, output: shared}", "{name: some, formats: [json, bundle], output: shared"


class Killed(BaseException):
    """The end of a process between writing a report and remembering it."""


class Archive(House):
    """Daemons one after the other that write real bundles of two reports into one folder."""

    killed = False
    full = False
    judged = report()

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    def parts(self) -> Parts:
        parts = super().parts()

        def write(planned: PlannedReport, of: Report, due: int | None) -> Written:
            if planned.is_daily:
                return Written()
            if self.full:
                raise OutputError("shared", "no space left on device", "free some space there")
            told = cut_to(replace(self.judged, created_at=self.now), planned.scope)
            made = Made(Chain(planned.name), due, parts.config_hash, "3.13")
            written = write_report(planned, told, made, unheard)
            if self.killed:
                raise Killed
            return written

        return replace(parts, write_report=write)

    def chains(self) -> dict[str, list[Bundle]]:
        found = by_chain(read_bundle(path) for path in bundles_in(self.shared))
        return {str(chain): in_order(bundles) for chain, bundles in found.items()}


def every_day(home: Archive) -> None:
    home.pass_time(3 * DAY, step=HOUR)


def restarts(home: Archive) -> None:
    for _ in range(12):
        home.pass_time(6 * HOUR, step=HOUR)
        home.start()


def days_missed(home: Archive) -> None:
    home.pass_time(DAY, step=HOUR)
    home.now += 5 * DAY
    home.start()
    home.pass_time(DAY, step=HOUR)


def killed_after_writing(home: Archive) -> None:
    home.pass_time(DAY, step=HOUR)
    home.killed = True
    for _ in range(3):
        with pytest.raises(Killed):
            home.pass_time(DAY, step=HOUR)
        home.start()
    home.killed = False
    home.pass_time(DAY, step=HOUR)


def disk_full(home: Archive) -> None:
    home.pass_time(DAY, step=HOUR)
    home.full = True
    home.pass_time(DAY, step=HOUR)
    home.full = False
    home.pass_time(DAY, step=HOUR)


def other_guests(home: Archive) -> None:
    home.pass_time(DAY, step=HOUR)
    home.reload(f"[{ALL}, {SOME}, match: {{pools: prod}}, language: fr}}]")
    home.pass_time(DAY, step=HOUR)
    home.start()
    home.pass_time(DAY, step=HOUR)


def clock_set_back(home: Archive) -> None:
    home.pass_time(2 * DAY, step=HOUR)
    home.now -= 20 * DAY
    home.start()
    home.pass_time(DAY, step=HOUR)


def by_hand_between(home: Archive) -> None:
    for _ in range(3):
        home.pass_time(DAY, step=HOUR)
        for name in ("all", "some"):
            chain = Chain(name, by_hand=True)
            told = replace(home.judged, created_at=home.now)
            path = home.shared / file_name(chain, home.now)
            write_bundle(path, told, READER, Made(chain, None, "ab" * 32, "3.13"), tell=unheard)


@pytest.mark.parametrize(
    ("course", "days"),
    [
        (every_day, ["02", "03", "04"]),
        (restarts, ["02", "03", "04"]),
        (days_missed, ["02", "07", "08"]),
        (killed_after_writing, ["02", "03", "04"]),
        (disk_full, ["02", "03", "04"]),
        (other_guests, ["02", "03", "04"]),
        (clock_set_back, ["02", "03", "15"]),
        (by_hand_between, ["02", "03", "04"]),
    ],
)
def test_each_report_has_one_whole_chain_with_one_bundle_for_each_due_time(
    course: Callable[[Archive], None], days: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Archive(tmp_path, "2026-06-01 12:00", reports=f"[{ALL}, {SOME}}}]")
    course(home)
    chains = home.chains()

    for name in ("all", "some"):
        due = [datetime.fromtimestamp(bundle.due_at or 0, BERLIN).strftime("%d %H") for bundle in chains[name]]
        assert due == [f"{day} 06" for day in days]
        assert chains[name][0].previous is None
    assert verify_bundle(argparse.Namespace(paths=[home.shared], part=False)) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("chain of")] == [
        f"chain of {name}: {len(days)} bundles" for name in sorted(chains)
    ]
    assert len(chains) == (4 if course is by_hand_between else 2)


def test_a_chain_goes_on_when_its_guests_change_and_each_bundle_holds_the_report_as_it_was(tmp_path: Path) -> None:
    home = Archive(tmp_path, "2026-06-01 12:00", reports=f"[{ALL}, {SOME}}}]")
    home.judged = crowd()
    other_guests(home)
    scopes = []
    for bundle in home.chains()["some"]:
        with zipfile.ZipFile(bundle.path) as archive:
            scopes.append(json.loads(archive.read("report.json"))["scope"])

    assert [scope and scope["pools"] for scope in scopes] == [None, ["prod"], ["prod"]]


def test_a_bundle_of_some_guests_names_no_other(tmp_path: Path) -> None:
    for scope, name in ((PROD, "cut.zip"), (replace(PROD, pools=()), "whole.zip")):
        made = Made(Chain(name[:-4]), None, "ab" * 32, "3.13")
        write_bundle(tmp_path / name, cut_to(crowd(), scope), READER, made, tell=unheard)
    cut, whole = (
        {each: plain(each.rpartition(".")[2], archive.read(each)) for each in archive.namelist()}
        for archive in map(zipfile.ZipFile, (tmp_path / "cut.zip", tmp_path / "whole.zip"))
    )

    assert {each for each, text in cut.items() if OTHERS.search(text)} == set()
    assert {each for each, text in cut.items() if OWN.search(text)} >= {"report.pdf", "report.html", "report.json"}
    assert {each for each, text in whole.items() if OTHERS.search(text)} >= {"report.pdf", "report.html", "report.json"}


@pytest.mark.parametrize(
    ("chain", "name"),
    [
        (Chain("daily"), "vzcover-20261120T235959Z.zip"),
        (Chain("daily", by_hand=True), "vzcover-20261120T235959Z.by-hand.zip"),
        (Chain("weekly-prod"), "vzcover-weekly-prod-20261120T235959Z.zip"),
        (Chain("weekly-prod", by_hand=True), "vzcover-weekly-prod-20261120T235959Z.by-hand.zip"),
        (Chain("by-hand"), "vzcover-by-hand-20261120T235959Z.zip"),
    ],
)
def test_a_file_name_tells_the_chain(chain: Chain, name: str) -> None:
    assert file_name(chain, 1_795_219_199) == name
    assert chain_of(name) == chain
    assert chain_of(name.replace("vzcover", "other")) is None


def bundle(number: int, instant: int, previous: Bundle | None) -> Bundle:
    link = last_link([previous]) if previous else None
    return Bundle(Path(f"{number}.zip"), f"{number:064x}", link, Chain("daily"), instant, None)


@given(st.lists(st.integers(NOW, NOW + 9), min_size=1, max_size=9), st.randoms(use_true_random=False), st.data())
def test_a_chain_is_in_the_order_of_its_links_whatever_the_clock_said(
    instants: list[int], random: object, data: st.DataObject
) -> None:
    made: list[Bundle] = []
    for number, instant in enumerate(instants):
        made.append(bundle(number, instant, made[-1] if made else None))
    mixed = data.draw(st.permutations(made))

    assert in_order(mixed) == made
    assert broken_links(in_order(mixed)) == []
    assert last_link(mixed) == last_link(made[-1:])
    gone = data.draw(st.sampled_from(made))
    left = in_order(each for each in mixed if each is not gone)
    hashes = {each.sha256 for each in left}
    # the last one is missed by nobody; the first one by the one after it; any other is a hole, wherever the rest then stands
    assert len(broken_links(left)) == (gone not in (made[0], made[-1]))
    if left and gone is made[0]:
        assert missing_before(left, hashes)


def test_bundles_that_name_each_other_are_all_told() -> None:
    first, second = bundle(1, NOW, None), bundle(2, NOW, None)
    names_itself = replace(first, previous=last_link([first]))
    ring = [replace(first, previous=last_link([second])), replace(second, previous=last_link([first]))]

    assert in_order([names_itself]) == [names_itself]
    assert in_order(ring) == ring


def test_two_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    made = Made(Chain("daily"), None, "ab" * 32, "3.13")
    writers = [
        threading.Thread(
            target=write_bundle, args=(tmp_path / f"{n}.zip", report(), READER, made), kwargs={"tell": unheard}
        )
        for n in range(4)
    ]
    with alone_in(tmp_path):
        for writer in writers:
            writer.start()
        assert bundles_in(tmp_path) == []
    for writer in writers:
        writer.join(60)
    (links,) = by_chain(read_bundle(path) for path in bundles_in(tmp_path)).values()

    assert len(links) == 4
    assert broken_links(in_order(links)) == []


def test_a_folder_that_another_holds_for_too_long_is_an_error(tmp_path: Path) -> None:
    with (
        alone_in(tmp_path),
        pytest.raises(OutputError, match="another vzcover is writing a bundle there; let that one end first"),
        alone_in(tmp_path, patience=0),
    ):
        pass
    with alone_in(tmp_path, patience=0):
        pass
