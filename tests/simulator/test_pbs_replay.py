"""Recordings of a genuine backup server, several folders laid over each other and served again."""

from __future__ import annotations

import http.client
import json

from tests.simulator.recorded_pbs import folder, recording
from tests.simulator_process import SimulatorHandle, running_simulator

FOLDERS = ("05-full", "13-addenda", "02-parameters-and-errors", "01-after-backups-before-jobs")
RECORDED_TIME = 1_795_230_625


def _get(server: SimulatorHandle, target: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPSConnection(server.host, server.port, context=server.context(), timeout=10)
    connection.request("GET", f"/api2/json{target}", headers={"Authorization": "PBSAPIToken=any@pbs!one:x"})
    with connection.getresponse() as answer:
        found = answer.status, answer.reason, answer.read()
    connection.close()
    return found


def test_the_topmost_folder_that_knows_an_answer_gives_it() -> None:
    with running_simulator("replay", *(folder(name) for name in FOLDERS)) as server:
        for name, target in (
            ("05-full", "/admin/datastore/main/groups"),
            ("13-addenda", "/nodes/localhost/time"),
            ("02-parameters-and-errors", "/admin/datastore/main/snapshots?backup-type=host"),
        ):
            status, _, body = _get(server, target)
            assert status == 200
            file = {"05-full": "ds_main_groups_root", "13-addenda": "nodes_time"}.get(name, "snapshots_type")
            assert json.loads(body) == recording(name, file)["body"]
        status, reason, body = _get(server, "/admin/datastore/gone/groups")
        assert (status, reason) == (400, "Bad Request")
        assert body.startswith(b"unable to open chunk store 'gone'")
        assert _get(server, "/admin/sync?sync-direction=all")[0] == 400
        assert server.clock == {"now": RECORDED_TIME, "source": "the recorded /nodes/localhost/time"}


def test_the_clock_is_that_of_the_newest_thing_recorded_unless_it_is_given() -> None:
    with running_simulator("replay", folder("05-full")) as server:
        assert server.clock["source"] == "the newest task or backup recorded"
        assert server.clock["now"] == 1_795_226_372
    with running_simulator("replay", folder("05-full"), folder("13-addenda"), "--now", 1_795_300_000) as server:
        assert server.clock == {"now": 1_795_300_000, "source": "--now"}
