"""Reports as files: their names, their content, and which of them stay."""

from __future__ import annotations

import hashlib
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from exporter.deliver import FORMATS, newest_pdf, remove_old, render, write_files
from exporter.errors import OutputError
from report.rows.shared import Reader
from report.words import word
from tests.builders import NOW
from tests.exporter.folders import locked_folder, small_disk
from tests.specimen import specimen, specimen_with_backups

READER = Reader("en", ZoneInfo("Europe/Paris"))
DAY = 86_400
STAMP = datetime.fromtimestamp(NOW, UTC).strftime("%Y%m%dT%H%M%SZ")
FOREIGN = (
    "notes.txt",
    "vzcover.pdf",
    "vzcover-latest.pdf",
    "vzcover-20200101T000000Z.txt",
    "my-vzcover-20200101T000000Z.pdf",
    # an audit bundle: a chain that loses its days proves nothing
    "vzcover-20200101T000000Z.zip",
    "vzcover-20200101T000000Z.by-hand.zip",
)


def name(epoch: int, suffix: str = "pdf") -> str:
    return f"vzcover-{datetime.fromtimestamp(epoch, UTC):%Y%m%dT%H%M%SZ}.{suffix}"


def put(folder: Path, *names: str) -> None:
    for each in names:
        (folder / each).write_bytes(b"x")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_each_format_is_files_named_by_the_instant_of_the_report(tmp_path: Path) -> None:
    written = write_files(tmp_path / "out", specimen(), READER, ("csv", "pdf", "json", "html", "xlsx"))
    endings = ("csv", "groups.csv", "pdf", "json", "html", "xlsx")

    assert [path.name for path in written] == [f"vzcover-{STAMP}.{ending}" for ending in endings]
    assert {path.name for path in written} == names(tmp_path / "out")
    assert all(path.stat().st_size for path in written)


def test_guests_and_backup_groups_are_a_table_each(tmp_path: Path) -> None:
    judged = specimen_with_backups()
    guests, groups = (path.read_text() for path in write_files(tmp_path, judged, READER, ("csv",)))

    assert guests.startswith("pve,vmid,guest_type,")
    assert groups.startswith("server,datastore,namespace,")
    assert len(groups.splitlines()) == len(judged.groups) + 1


def test_the_pdf_names_the_checksum_of_the_json_beside_it(tmp_path: Path) -> None:
    pdf, data = (path.read_bytes() for path in write_files(tmp_path, specimen(), READER, ("pdf", "json")))
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)

    assert hashlib.sha256(data).hexdigest() in "".join(text.split())
    assert json.loads(data)["generated_at"] == NOW


@pytest.mark.parametrize("formats", [("pdf", "html"), ("html", "csv", "xlsx", "pdf")])
def test_no_file_names_the_checksum_of_data_that_does_not_go_with_it(formats: tuple[str, ...]) -> None:
    without = render(specimen(), READER, formats)
    told = word("rule.data", "en")

    assert told in render(specimen(), READER, (*formats, "json"))["html"].decode()
    assert told not in without["html"].decode()
    assert told not in "".join(page.extract_text() for page in PdfReader(io.BytesIO(without["pdf"])).pages)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(specimen(), READER, tuple(FORMATS)) == render(specimen(), READER, tuple(FORMATS))


def test_a_full_disk_leaves_whole_files_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "32k") as folder:
        with pytest.raises(OutputError, match="no space left on device; free some space there"):
            write_files(folder, specimen(), READER, ("csv", "pdf"))

        assert names(folder) == {f"vzcover-{STAMP}.csv", f"vzcover-{STAMP}.groups.csv"}


def test_the_oldest_above_the_number_are_removed_with_all_their_formats(tmp_path: Path) -> None:
    endings = [ending for files in FORMATS.values() for ending in files]
    for days in range(5):
        put(tmp_path, *(name(NOW - days * DAY, ending) for ending in endings))
    removed = remove_old(tmp_path, NOW, 2, 3660 * DAY)

    assert len(removed) == 3 * len(endings)
    assert {path.split(".")[0] for path in names(tmp_path)} == {
        name(NOW - days * DAY).split(".")[0] for days in range(2)
    }


def test_those_above_the_age_are_removed(tmp_path: Path) -> None:
    put(tmp_path, *(name(NOW - days * DAY) for days in range(5)))
    remove_old(tmp_path, NOW, 100, 2 * DAY)

    assert names(tmp_path) == {name(NOW - days * DAY) for days in range(3)}


def test_the_newest_stays_whatever_its_age_and_whatever_the_clock_says(tmp_path: Path) -> None:
    put(tmp_path, name(NOW - 500 * DAY), name(NOW - 400 * DAY))
    remove_old(tmp_path, NOW, 1, DAY)

    assert names(tmp_path) == {name(NOW - 400 * DAY)}
    assert remove_old(tmp_path, 0, 1, DAY) == []


def test_foreign_files_and_folders_are_never_touched(tmp_path: Path) -> None:
    put(tmp_path, *FOREIGN, name(NOW))
    (tmp_path / name(NOW - 900 * DAY)).mkdir()
    before = names(tmp_path)

    assert remove_old(tmp_path, NOW, 1, DAY) == []
    assert names(tmp_path) == before


@given(st.sets(st.integers(0, 60), min_size=1, max_size=12), st.integers(1, 12), st.integers(1, 60))
def test_what_stays_is_the_newest_few_within_the_age(ages: set[int], number: int, age: int) -> None:
    with TemporaryDirectory() as made:
        folder = Path(made)
        put(folder, *(name(NOW - days * DAY) for days in ages), *FOREIGN)
        remove_old(folder, NOW, number, age * DAY)
        kept = [days for place, days in enumerate(sorted(ages)) if place == 0 or (place < number and days <= age)]

        assert names(folder) == {name(NOW - days * DAY) for days in kept} | set(FOREIGN)


def test_what_a_killed_writer_left_goes_after_an_hour_and_not_before(tmp_path: Path) -> None:
    ours, fresh, foreign = f".{name(NOW)}.abcdefgh.part", f".{name(NOW)}.12345678.part", ".other.pdf.abcdefgh.part"
    bundles = {f".{name(NOW, ending)}.abcdefgh.part" for ending in ("zip", "by-hand.zip")}
    put(tmp_path, name(NOW), ours, fresh, foreign, *bundles)
    for each, age in ((ours, 3600), (fresh, 3599), (foreign, 9000), *((each, 3600) for each in bundles)):
        os.utime(tmp_path / each, (NOW - age, NOW - age))

    assert {path.name for path in remove_old(tmp_path, NOW, 9, 90 * DAY)} == {ours, *bundles}
    assert names(tmp_path) == {name(NOW), fresh, foreign}


def test_a_file_that_cannot_be_removed_is_named() -> None:
    old = name(NOW - DAY)
    with locked_folder(name(NOW), old) as folder, pytest.raises(OutputError, match=f"{old}: cannot remove it: perm"):
        remove_old(folder, NOW, 1, DAY)


def test_the_newest_pdf_is_found_among_other_files(tmp_path: Path) -> None:
    put(tmp_path, *FOREIGN, name(NOW - DAY), name(NOW - 2 * DAY), name(NOW, "json"))

    assert newest_pdf(tmp_path) == tmp_path / name(NOW - DAY)


def test_a_folder_that_is_missing_or_unreadable_holds_no_report(tmp_path: Path) -> None:
    with locked_folder(name(NOW), name(NOW - DAY), mode=0o000) as closed:
        for folder in (tmp_path / "missing", closed):
            assert newest_pdf(folder) is None
            assert remove_old(folder, NOW, 1, DAY) == []
