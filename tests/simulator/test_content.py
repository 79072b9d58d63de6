"""What storages hold, through the cluster: against the recordings, for every token (D4-D7, M14)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from simulator.answers import failure
from simulator.model import Backup, Cluster, Shelf
from simulator.pve.routes import Api
from tests.shared_data import recorded
from tests.simulator.recorded_cluster import AUDITOR, LIMITED, ROOT, recorded_cluster

FOLDERS = {ROOT: "addenda", AUDITOR: "addenda-token-ro", LIMITED: "addenda-token-limited"}
SECRETS = {ROOT: "r", AUDITOR: "a", LIMITED: "l"}
NOW = 1_795_228_100


@dataclass(frozen=True)
class RecordedShelf:
    """The rows that root saw; `refusal` is what a dry run died of."""

    rows: Sequence[dict[str, Any]]
    refusal: str | None

    def backups(self, listing: bool) -> Sequence[Backup]:
        if not listing and self.refusal:
            raise failure(500, self.refusal)
        return [_backup(row) for row in self.rows]


def _backup(row: dict[str, Any]) -> Backup:
    name = row["volid"].partition(":backup/")[2]
    return Backup(
        name=name,
        form=row["format"],
        time=row["ctime"],
        kind=row["subtype"],
        vmid=row.get("vmid"),
        size=row["size"],
        standard=row["format"].startswith("pbs") or "-2" in name,
        protected="protected" in row,
        notes=row.get("notes"),
        beside={key: row[key] for key in ("verification", "encrypted") if key in row},
    )


def _index(folder: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((recorded("pve") / folder / "INDEX.json").read_text())
    return document


def _body(folder: str, name: str) -> Any:
    return json.loads((recorded("pve") / folder / f"{name}.json").read_text())


def _cluster() -> Cluster:
    cluster = recorded_cluster()
    shelves: dict[tuple[str, str], Shelf] = {}
    for name, row in _index("addenda").items():
        if not row["path"].endswith("/content") or row["status"] != 200:
            continue
        _, _, _, _, node, _, storage, _ = row["path"].split("/")
        pruned = _index("addenda")[name.replace("content@content=backup", "prunebackups@prune-backups=keep-all=1")]
        refusal = pruned["reason"] if pruned["reason"].startswith("error pruning") else None
        key = storage, "" if cluster.storages[storage].shared else node
        shelves[key] = RecordedShelf(_body("addenda", name)["data"], refusal)
    # whatever has no figures in the lists is reachable all the same, but for the one nobody listens for
    reachable = {name: replace(one, active=name != "pbs-offline") for name, one in cluster.storages.items()}
    return replace(cluster, backups=shelves, storages=reachable)


def _sorted(data: Any) -> Any:
    return sorted(data, key=lambda row: str(row["volid"])) if isinstance(data, list) else data


def test_content_and_dry_runs_come_out_as_recorded_for_every_token() -> None:
    api, compared = Api(_cluster()), 0
    for token, folder in FOLDERS.items():
        for name, row in _index(folder).items():
            if "content" not in row["path"] and "prunebackups" not in row["path"]:
                continue
            query = "&".join(f"{key}={value}" for key, value in row["query"].items())
            target = f"{row['path'].removeprefix('/api2/json')}?{query}"
            answer = api.answer("GET", target, f"PVEAPIToken={token}={SECRETS[token]}", NOW)
            assert (answer.status, answer.reason) == (row["status"], row["reason"]), (token, target)
            if answer.status == 200:
                assert _sorted(json.loads(answer.body)["data"]) == _sorted(_body(folder, name)["data"]), (token, target)
            compared += 1
    assert compared > 200


def test_the_own_policy_of_a_storage_marks_as_recorded() -> None:
    api = Api(_cluster())
    for node, storage in (("pve1", "backup-dir"), ("pve2", "backup-dir"), ("pve1", "nfs-backup")):
        for query, suffix in (
            ("", ""),
            ("?prune-backups=keep-last%3D2,keep-daily%3D3", "@prune-backups=keep-last=2,keep-daily=3"),
        ):
            path = f"/nodes/{node}/storage/{storage}/prunebackups"
            answer = api.answer("GET", path + query, f"PVEAPIToken={ROOT}=r", NOW)
            expected = {
                row["volid"]: row["mark"]
                for row in _body("main", f"GET_nodes__{node}__storage__{storage}__prunebackups{suffix}")["data"]
            }
            found = {row["volid"]: row["mark"] for row in json.loads(answer.body)["data"]}
            common = found.keys() & expected.keys()
            # the addenda were recorded a little later: a backup more or less
            assert len(common) >= len(expected) - 2
            if found.keys() == expected.keys():
                assert found == expected


def test_a_storage_without_a_policy_of_its_own_has_no_dry_run_without_one() -> None:
    answer = Api(_cluster()).answer("GET", "/nodes/pve1/storage/local/prunebackups", f"PVEAPIToken={ROOT}=r", NOW)
    assert (answer.status, answer.reason) == (500, "no prune-backups options configured for storage 'local'")
