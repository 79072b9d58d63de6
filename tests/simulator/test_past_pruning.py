"""The simulator's own pruning against the tables of both systems: it bears witness only if it is right itself (E12-E23)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from simulator.past.pruning import Entry, cluster_marks, marks, positive, survivors
from tests.shared_data import recorded

Case = tuple[str, list[Entry], dict[str, int], str, list[str]]


@cache
def _table(name: str) -> Any:
    return json.loads((recorded("cases") / name).read_text())


def _instant(path: str) -> int:
    return int(datetime.fromisoformat(path.rpartition("/")[2].replace("Z", "+00:00")).timestamp())


def _pbs_genuine() -> Iterator[Case]:
    for case in _table("pbs-prune-genuine.json")["cases"]:
        entries = [Entry(_instant(path), protected, not partial) for path, partial, protected in case["snapshots"]]
        yield f"{case['id']}", entries, case["keep"], case["tz"], case["marks"]


def test_every_genuine_mark_of_the_backup_server_comes_out() -> None:
    for name, entries, keep, zone, expected in _pbs_genuine():
        assert marks(entries, keep, ZoneInfo(zone)) == expected, name


def test_every_mark_of_the_backup_servers_own_table_comes_out() -> None:
    for case in _table("pbs-prune-upstream.json")["cases"]:
        entries = [Entry(_instant(row["path"]), row["protected"], not row["partial"]) for row in case["snapshots"]]
        expected = [case["genuine_marks_utc"][row["path"]] for row in case["snapshots"]]
        assert marks(entries, case["keep"], UTC) == expected, (case["test"], case["index"])


def test_a_policy_without_a_positive_count_keeps_all_whatever_the_marks_say() -> None:
    entries = [Entry(1), Entry(2, finished=False)]
    assert positive({"keep-last": 0, "keep-daily": "0"}) == {}
    assert survivors(entries, {"keep-last": 0}, UTC) == entries


def _standard(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Renamed files are left out before anything is judged (E12)."""
    return [row for row in rows if "-renamed" not in row["volid"] and row.get("mark") != "renamed"]


def test_every_genuine_mark_of_the_cluster_comes_out() -> None:
    for number, case in enumerate(_table("pve-prune-corpus.json")["cases"]):
        rows = _standard(case["group"])
        entries = [Entry(row["ctime"], row.get("mark") == "protected") for row in rows]
        found = dict(
            zip([row["volid"] for row in rows], cluster_marks(entries, case["keep"], ZoneInfo(case["tz"])), strict=True)
        )
        assert {volume: case["marks"][volume] for volume in found} == found, number


def test_every_mark_of_the_clusters_own_table_comes_out() -> None:
    for case in _table("pve-prune-backups.json")["cases"]:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in case["genuine_result"]:
            if row["mark"] != "renamed":
                groups.setdefault((row["type"], str(row["vmid"])), []).append(row)
        assert groups or case["list"] == "novmid"
        for rows in groups.values():
            entries = [Entry(row["ctime"], row["mark"] == "protected") for row in rows]
            assert cluster_marks(entries, case["keep"], UTC) == [row["mark"] for row in rows], case["description"]
