"""Audit bundles: what is in them, that they are written whole, and that nothing in a chain can be changed unnoticed."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.bundle.command import verify_bundle
from exporter.bundle.content import ABOUT, PREVIOUS, SUMS, Chain, Made, file_name
from exporter.bundle.reading import read_bundle
from exporter.bundle.write import check_target, named, write_bundle
from exporter.errors import BundleError, OutputError
from report.rows.shared import Reader
from report.version import VERSION
from tests.builders import NOW
from tests.exporter.folders import small_disk
from tests.specimen import specimen

READER = Reader("en", ZoneInfo("Europe/Paris"))
CHAIN = Chain("daily", by_hand=True)
MADE = Made(CHAIN, None, "ab" * 32, "3.11.2")
DAY = 86_400
DAYS = 4
FILES = ("report.pdf", "report.html", "report.json", "guests.csv", "groups.csv", ABOUT, PREVIOUS, SUMS)
NAMES = [file_name(CHAIN, NOW + day * DAY) for day in range(DAYS)]

Verify = Callable[..., tuple[int, str, str]]


def unheard(error: BundleError) -> None:
    """Every bundle can be read."""
    raise AssertionError(str(error))


def write(path: Path, at: int = NOW) -> Path:
    write_bundle(path, replace(specimen(), created_at=at), READER, MADE, tell=unheard)
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    for day, name in enumerate(NAMES):
        write(folder / name, NOW + day * DAY)
    return folder


@pytest.fixture
def chain(written: Path, tmp_path: Path) -> list[Path]:
    """Four days as zips, to be tampered with."""
    return [Path(shutil.copy(written / name, tmp_path / name)) for name in NAMES]


@pytest.fixture
def unpacked(chain: list[Path], tmp_path: Path) -> Path:
    """The second day as a folder."""
    with zipfile.ZipFile(chain[1]) as archive:
        archive.extractall(tmp_path / "day")
    return tmp_path / "day"


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    def call(*paths: Path, part: bool = False) -> tuple[int, str, str]:
        code = verify_bundle(argparse.Namespace(paths=list(paths), part=part))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def rezip(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Change the files of a zip."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def resum(files: dict[str, bytes]) -> None:
    """Make SHA256SUMS fit again, as somebody who covers up would."""
    listed = (name for name in files if name != SUMS)
    files[SUMS] = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in listed).encode()


# --- what is in it ---


def test_a_bundle_holds_the_report_with_what_it_was_made_with(chain: list[Path]) -> None:
    with zipfile.ZipFile(chain[0]) as archive:
        assert tuple(archive.namelist()) == FILES
        about = json.loads(archive.read(ABOUT))
        data = archive.read("report.json")
        page = archive.read("report.html").decode()
        assert archive.read(PREVIOUS) == b"none\n"

    assert about["configuration_sha256"] == MADE.config_sha256
    assert about["generated_at"] == NOW
    assert about["versions"]["vzcover"] == VERSION
    assert about["versions"]["python"] == "3.11.2"
    assert about["versions"]["sources"] == [
        {"name": each.name, "kind": each.kind, "version": each.version} for each in specimen().sources
    ]
    assert hashlib.sha256(data).hexdigest() in page


def test_the_checksums_are_those_of_sha256sum(unpacked: Path) -> None:
    checked = subprocess.run(["sha256sum", "--check", SUMS], cwd=unpacked, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == len(FILES) - 1


def test_each_day_names_the_hash_of_the_day_before(chain: list[Path]) -> None:
    bundles = [read_bundle(path) for path in chain]

    assert bundles[0].previous is None
    for before, bundle in pairwise(bundles):
        assert bundle.previous
        assert (bundle.previous.sha256, bundle.previous.name) == (before.sha256, before.path.name)


def test_the_same_report_gives_the_same_zip(chain: list[Path], tmp_path: Path) -> None:
    again = write(tmp_path / "again" / NAMES[0])

    assert again.read_bytes() == chain[0].read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert len({info.date_time for info in archive.infolist()}) == 1


def test_a_folder_has_the_files_and_the_hash_of_the_zip(chain: list[Path], tmp_path: Path) -> None:
    folder = write(tmp_path / "new" / "day")

    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert read_bundle(folder).sha256 == read_bundle(chain[0]).sha256
    assert [path.name for path in folder.parent.iterdir()] == ["day"]


# --- where it goes, and what it names ---


def test_the_bundle_before_is_the_last_one_of_the_chain_beside_it(
    chain: list[Path], tmp_path: Path, verify: Verify
) -> None:
    (tmp_path / "other.zip").write_bytes(b"PK")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".half.abcdefgh.part").mkdir()
    (tmp_path / ".half.abcdefgh.part" / SUMS).write_text("half\n")
    assert read_bundle(write(tmp_path / "next.zip", NOW + 9 * DAY)).previous == named(chain[3])
    assert read_bundle(write(tmp_path / "missing" / "next.zip")).previous is None

    # one that tells of an earlier day was made after them all the same
    assert read_bundle(write(tmp_path / "late.zip", NOW + 1)).previous == named(tmp_path / "next.zip")
    (tmp_path / "other.zip").unlink()
    code, out, _ = verify(tmp_path)
    assert code == 0
    assert "remark: late.zip was made after next.zip, but tells of an earlier instant" in out
    assert out.count("remark") == 1


def test_a_bundle_before_that_cannot_be_read_is_told_and_passed_over(chain: list[Path], tmp_path: Path) -> None:
    chain[3].write_bytes(b"not a zip")
    # of another chain: nobody needs to hear of it here
    (tmp_path / NAMES[3].replace(".by-hand", "")).write_bytes(b"not a zip")
    told: list[BundleError] = []
    write_bundle(tmp_path / "next.zip", specimen(), READER, MADE, tell=told.append)

    assert read_bundle(tmp_path / "next.zip").previous == named(chain[2])
    assert [str(error) for error in told] == [
        f"cannot read the bundle {chain[3]}: not a zip file, or only a part of one"
    ]


def test_what_is_no_bundle_cannot_be_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, message in ((tmp_path / "folder", "it has no SHA256SUMS"), (tmp_path / "none.zip", "no such file")):
        with pytest.raises(BundleError, match=message):
            named(path)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = write(tmp_path / "full.zip").read_bytes()
    for path, message in (
        (tmp_path / "full", r"the folder is not empty; give a new folder, or a new file that ends in \.zip"),
        (tmp_path / "full.zip", "it is there already, and a bundle is never written over; give a new folder"),
    ):
        for attempt in (check_target, write):
            with pytest.raises(OutputError, match=message):
                attempt(path)

    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
    assert {path.name for path in tmp_path.iterdir()} == {"full", "full.zip"}
    assert (tmp_path / "full.zip").read_bytes() == before


@pytest.mark.parametrize("name", ["day", "day.zip"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, name: str) -> None:
    with small_disk(tmp_path / "disk", "32k") as folder:
        with pytest.raises(OutputError, match=f"/{name}: no space left on device"):
            write(folder / name)

        assert list(folder.iterdir()) == []


# --- that nothing can be changed unnoticed ---


def test_a_chain_that_is_whole_is_fine(chain: list[Path], tmp_path: Path, verify: Verify) -> None:
    code, out, err = verify(*chain)

    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading == "chain of daily, by hand: 4 bundles"
    assert lines[0].startswith(f"{NAMES[0]}: fine; the first of its chain; SHA-256 ")
    assert lines[3].startswith(f"{NAMES[3]}: fine; follows {NAMES[2]}; SHA-256 ")
    assert verify(tmp_path) == (code, out, err)


def test_a_chain_whose_oldest_days_are_gone_says_so(chain: list[Path], tmp_path: Path, verify: Verify) -> None:
    chain[0].unlink()
    for paths in (chain[1:3], [tmp_path]):
        code, out, _ = verify(*paths)
        assert code == 1
        assert f"the chain begins after {NAMES[0]} (" in out
        assert "broken" not in out
        # where that is meant, it is told all the same
        assert verify(*paths, part=True)[:2] == (0, out)
    for path in chain[1:3]:
        path.unlink()
    assert verify(tmp_path)[0] == 1
    # one bundle is no chain
    assert verify(chain[3])[0] == 0


def test_a_bundle_is_the_same_link_as_a_folder(chain: list[Path], unpacked: Path, verify: Verify) -> None:
    assert verify(chain[0], unpacked, chain[2])[0] == 0


@pytest.mark.parametrize("names", [("b.zip", "c.zip", "a.zip"), ("c.zip", "b.zip", "a.zip")])
def test_bundles_of_one_instant_are_a_chain(names: tuple[str, ...], tmp_path: Path, verify: Verify) -> None:
    write(tmp_path / "z.zip", NOW - 1)
    for name in names:
        write(tmp_path / name)
    write(tmp_path / "0.zip", NOW + 1)
    code, out, _ = verify(tmp_path)
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()[1:]] == ["z.zip", *names, "0.zip"]


@pytest.mark.parametrize("name", [name for name in FILES if name != SUMS])
def test_a_file_that_was_changed_is_named(name: str, chain: list[Path], unpacked: Path, verify: Verify) -> None:
    content = bytearray((unpacked / name).read_bytes())
    content[len(content) // 2] ^= 1
    (unpacked / name).write_bytes(content)
    rezip(chain[2], lambda files: files.update({name: files[name] + b" "}))

    for path in (unpacked, chain[2]):
        code, out, _ = verify(path)
        assert code == 1
        assert f"{path.name}: broken: {name} was changed" in out


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(name: str, chain: list[Path], unpacked: Path, verify: Verify) -> None:
    (unpacked / name).unlink()
    rezip(chain[2], lambda files: files.pop(name))

    for path in (unpacked, chain[2]):
        code, out, _ = verify(path)
        assert code == 1
        assert f"{path.name}: broken: {name} is missing" in out


def test_a_file_that_was_added_is_named(chain: list[Path], unpacked: Path, verify: Verify) -> None:
    (unpacked / "extra.txt").write_text("x")
    (unpacked / "link").symlink_to("/etc/hostname")
    rezip(chain[2], lambda files: files.update({"../evil\x1b[2J": b"x"}))

    assert "extra.txt does not belong to it; link does not belong to it" in verify(unpacked)[1]
    code, out, _ = verify(chain[2])
    assert code == 1
    assert "../evil\\x1b[2J does not belong to it" in out


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_place_of_which_there_is_a_link_or_a_folder_is_named(
    name: str, unpacked: Path, verify: Verify
) -> None:
    (unpacked / name).unlink()
    (unpacked / name).mkdir()

    code, out, _ = verify(unpacked)
    assert code == 1
    assert f"{name} can" in out


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_in_a_zip_twice_is_named(chain: list[Path], verify: Verify) -> None:
    with zipfile.ZipFile(chain[0]) as archive:
        content = archive.read("report.json")
    with zipfile.ZipFile(chain[0], "a") as archive:
        archive.writestr("report.json", content)

    code, out, _ = verify(chain[0])
    assert code == 1
    assert "report.json is in it 2 times" in out


def test_checksums_made_to_fit_break_the_link_to_the_next_day(chain: list[Path], verify: Verify) -> None:
    def cover_up(files: dict[str, bytes]) -> None:
        files["guests.csv"] = files["guests.csv"].replace(b"running", b"stopped")
        resum(files)

    rezip(chain[1], cover_up)

    assert verify(chain[1])[0] == 0
    code, out, _ = verify(*chain)
    assert code == 1
    assert f"broken link: {NAMES[2]} follows {NAMES[1]} (" in out
    assert out.count("broken link") == 1


def test_a_link_made_to_fit_breaks_the_next_one(chain: list[Path], verify: Verify) -> None:
    def point_elsewhere(files: dict[str, bytes]) -> None:
        files[PREVIOUS] = b"none\n"
        resum(files)

    rezip(chain[1], point_elsewhere)
    code, out, _ = verify(*chain)

    assert code == 1
    assert f"broken link: {NAMES[1]} names no bundle before it, but {NAMES[0]} stands there" in out
    assert f"broken link: {NAMES[2]} follows {NAMES[1]}" in out


def test_a_hole_in_a_chain_is_named(chain: list[Path], tmp_path: Path, verify: Verify) -> None:
    chain[1].unlink()

    for paths in ([chain[0], chain[2], chain[3]], [tmp_path]):
        code, out, _ = verify(*paths)
        assert code == 1
        assert f"broken link: {NAMES[2]} follows {NAMES[1]} (" in out
        assert f"not this {NAMES[0]}" in out


def test_days_in_another_order_are_no_chain(chain: list[Path], verify: Verify) -> None:
    code, out, _ = verify(chain[0], chain[2], chain[1], chain[3])

    assert code == 1
    assert out.count("broken link") == 3


def test_renaming_the_zips_does_not_put_a_folder_out_of_order(
    chain: list[Path], tmp_path: Path, verify: Verify
) -> None:
    for number, path in enumerate(chain):
        path.rename(tmp_path / f"{9 - number}.zip")

    assert verify(tmp_path)[0] == 0


@pytest.mark.parametrize(
    "content", [b"", b"none", b"x" * 64, b"\xff", b"0" * 64 + b"  a\n" + b"0" * 64 + b"  b\n"], ids=repr
)
def test_a_previous_that_tells_nothing_is_told(content: bytes, chain: list[Path], verify: Verify) -> None:
    def spoil(files: dict[str, bytes]) -> None:
        files[PREVIOUS] = content
        resum(files)

    rezip(chain[1], spoil)
    code, out, _ = verify(chain[1])
    assert code == 1
    assert "PREVIOUS cannot be used" in out


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"\xff\xfe", b"0" * 63 + b"  report.pdf\n"])
def test_checksums_that_are_none_are_told(content: bytes, chain: list[Path], verify: Verify) -> None:
    rezip(chain[1], lambda files: files.update({SUMS: content}))
    code, out, _ = verify(chain[1])

    assert code == 1
    assert "SHA256SUMS cannot be used" in out


def test_checksums_that_leave_a_file_of_ours_out_are_told(chain: list[Path], verify: Verify) -> None:
    rezip(chain[1], lambda files: files.update({SUMS: files[SUMS][: files[SUMS].rindex(b"\n", 0, -1) + 1]}))

    assert "PREVIOUS is not listed in SHA256SUMS" in verify(chain[1])[1]


@pytest.mark.parametrize("report", [None, 7, "", "daily: 9 bundles\nx.zip: fine", "UPPER"])
def test_a_report_s_name_that_is_none_is_not_repeated(report: object, chain: list[Path], verify: Verify) -> None:
    def spoil(files: dict[str, bytes]) -> None:
        files[ABOUT] = json.dumps(json.loads(files[ABOUT]) | {"report": report}).encode()
        resum(files)

    rezip(chain[1], spoil)
    assert verify(chain[1])[1].splitlines()[0] == "chain of daily, by hand: 1 bundle"


@pytest.mark.parametrize("length", [0, 10, 5000])
def test_a_zip_that_is_cut_off_cannot_be_read(length: int, chain: list[Path], verify: Verify) -> None:
    chain[1].write_bytes(chain[1].read_bytes()[:length])
    code, out, err = verify(*chain)

    assert code == 2
    assert f"vzcover: cannot read the bundle {chain[1]}: not a zip file, or only a part of one" in err
    # the others are checked all the same, and the hole shows
    assert out.count(": fine;") == DAYS - 1
    assert "broken link" in out


def test_what_is_not_there_or_holds_no_bundle_cannot_be_read(tmp_path: Path, verify: Verify) -> None:
    (tmp_path / "empty").mkdir()

    assert verify(tmp_path / "none.zip") == (
        2,
        "",
        f"vzcover: cannot read the bundle {tmp_path / 'none.zip'}: no such file or directory\n",
    )
    assert verify(tmp_path / "empty")[0] == 2


def test_a_member_that_is_damaged_is_named(chain: list[Path], verify: Verify) -> None:
    with zipfile.ZipFile(chain[1]) as archive:
        entry = archive.getinfo("report.pdf")
    content = bytearray(chain[1].read_bytes())
    content[entry.header_offset + 30 + len("report.pdf") + entry.compress_size // 2] ^= 255
    chain[1].write_bytes(content)

    code, out, _ = verify(chain[1])
    assert code == 1
    assert "report.pdf cannot be read" in out
