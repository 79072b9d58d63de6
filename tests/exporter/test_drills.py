"""The drop folder: what is read of it, what is refused, and that nothing in it leads out of it or holds us up."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from exporter.collect import drills as module
from exporter.collect.drills import LARGEST_FILE, DrillFolder
from exporter.collect.gather import Gatherer
from report.facts import Drill

NOW = 1_795_227_919
AT = 1_795_168_800  # 2026-11-20T10:00:00Z
DRILL: dict[str, Any] = {"cluster": "lab", "vmid": 104, "at": "2026-11-20T10:00:00Z", "result": "ok", "by": "Ada"}


def put(folder: Path, name: str, **changed: Any) -> Path:
    """Write a drill of the documented form with some keys changed, None leaving one out."""
    file = folder / name
    file.write_text(json.dumps({key: value for key, value in (DRILL | changed).items() if value is not None}))
    return file


def problem(folder: Path) -> str:
    """Return what is said of the one file in a folder, without its name."""
    reported = DrillFolder(folder).read(NOW, {"lab"})
    assert reported.drills == ()
    (line,) = reported.problems
    name, _, said = line.partition(": ")
    assert name.startswith("a")
    return said


def test_a_drill_is_read_whole(tmp_path: Path) -> None:
    put(tmp_path, "a.json", result="failed", backup_at="2026-11-20T10:00:00+01:00", message="no\nboot\x1b[31m")
    reported = DrillFolder(tmp_path).read(NOW, {"lab"})
    assert reported.drills == (Drill("lab", 104, AT, False, "Ada", AT - 3600, "no boot [31m"),)
    assert reported.problems == ()


def test_the_documented_example_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "drills.md").read_text()
    (tmp_path / "a.json").write_text(text.partition("```json")[2].partition("```")[0])
    (drill,) = DrillFolder(tmp_path).read(NOW, {"lab"}).drills or ()
    assert (drill.vmid, drill.ok, drill.reported_by) == (104, True, "Ada Example")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"vmid": None}, "missing required field `vmid`"),
        ({"vmid": "104"}, "Expected `int`"),
        ({"vmid": 0}, "`int` >= 1"),
        ({"at": "2026-11-20T10:00:00"}, "timezone"),
        ({"at": "yesterday"}, "RFC3339"),
        ({"at": "2026-11-30T10:00:00Z"}, "in the future"),
        ({"result": "fine"}, "Invalid enum value 'fine'"),
        ({"by": ""}, "length >= 1"),
        ({"by": "x" * 201}, "length <= 200"),
        ({"cluster": "la\nb"}, "there is no cluster 'la\\nb'"),
        ({"cluster": "elsewhere"}, "there is no cluster 'elsewhere'"),
        ({"note": "?"}, "unknown field `note`"),
    ],
)
def test_a_file_that_says_nothing_is_named_with_what_is_wrong(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    put(tmp_path, "a.json", **changed)
    assert said in problem(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b'{"cluster": "\xff"}', b"[" * 20_000, b"x" * (LARGEST_FILE + 1)]
)
def test_what_is_no_drill_costs_itself_only(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    put(tmp_path, "b.json")
    reported = DrillFolder(tmp_path).read(NOW, {"lab"})
    assert len(reported.drills or ()) == 1
    assert len(reported.problems) == 1


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path, "outside.json")
    folder = tmp_path / "drills"
    folder.mkdir()
    (folder / "a.json").symlink_to(outside)
    assert "symbolic link" in problem(folder)


def test_a_folder_and_a_pipe_are_no_files_and_hold_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    assert problem(tmp_path) == "is no ordinary file"
    (tmp_path / "a.json").rmdir()
    os.mkfifo(tmp_path / "a.json")
    assert problem(tmp_path) == "is no ordinary file"


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    for name in (".a.json", "a.json.part", "a.txt", "README"):
        put(tmp_path, name)
    reported = DrillFolder(tmp_path).read(NOW, {"lab"})
    assert (reported.drills, reported.problems) == ((), ())


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    content = module._content

    def noted(folder: int, name: str) -> bytes:
        read.append(name)
        return content(folder, name)

    monkeypatch.setattr(module, "_content", noted)
    folder = DrillFolder(tmp_path)
    first = put(tmp_path, "a.json")
    put(tmp_path, "bad.json", vmid="x")
    for _ in range(3):
        folder.read(NOW, {"lab"})
    assert sorted(read) == ["a.json", "bad.json"]
    put(tmp_path, "a.json", vmid=105)
    os.utime(first, ns=(NOW, NOW))
    assert [drill.vmid for drill in folder.read(NOW, {"lab"}).drills or ()] == [105]
    assert len(read) == 3
    first.unlink()
    assert folder.read(NOW, {"lab"}).drills == ()


def test_of_many_files_the_newest_count_and_the_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES_AT_MOST", 2)
    monkeypatch.setattr(module, "PROBLEMS_AT_MOST", 2)
    for vmid in (101, 102, 103):
        os.utime(put(tmp_path, f"{vmid}.json", vmid=vmid), (vmid, vmid))
    reported = DrillFolder(tmp_path).read(NOW, {"lab"})
    assert [drill.vmid for drill in reported.drills or ()] == [102, 103]
    assert reported.problems == ("1 older files are not read: 2 count; remove old ones",)
    for vmid in (102, 103):
        os.utime(put(tmp_path, f"{vmid}.json", vmid=-vmid), (vmid, vmid))
    assert DrillFolder(tmp_path).read(NOW, {"lab"}).problems[1:] == ("and 2 more",)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_a_problem_and_not_an_empty_one(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "drills"
    if kind == "file":
        folder.write_text("")
    reported = DrillFolder(folder).read(NOW, {"lab"})
    assert reported.drills is None
    assert "correct drills_dir" in reported.problems[0]


def test_drills_are_among_the_facts_and_without_a_folder_unknown(tmp_path: Path) -> None:
    put(tmp_path, "a.json", cluster="gone")
    facts = Gatherer([], 5, drills=DrillFolder(tmp_path)).gather(NOW)
    assert facts.drills == ()
    assert facts.drill_problems == ("a.json: there is no cluster 'gone' in the configuration",)
    assert Gatherer([], 5).gather(NOW).drills is None
