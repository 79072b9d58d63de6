"""What the client makes of answers: typed values, or an error that says what came instead."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.client.answers import convert, decode, envelope
from exporter.client.calls import Call
from exporter.client.endpoints import normalised, path_of
from exporter.errors import (
    AuthenticationFailed,
    Denied,
    FailureReason,
    Malformed,
    NotFound,
    ServerFailed,
    SourceError,
)
from tests.exporter.clients import SECRET, TOKEN, counted, error_of, settings, soon, source_client
from tests.exporter.raw_server import always, answer, raw_server
from tests.shared_data import recorded

BOTH_PATHS = pytest.mark.parametrize("large", [False, True], ids=["small", "large"])


class Row(msgspec.Struct):
    """Enough of a resource to see PVE's habits."""

    id: str
    type: str
    vmid: int | None = None
    template: bool = False
    name: str | None = None
    maxcpu: float | None = None


@BOTH_PATHS
def test_numbers_and_booleans_are_read_in_all_forms_pve_writes(tmp_path: Path, large: bool) -> None:
    rows = [
        {"id": "qemu/100", "type": "qemu", "vmid": "100", "template": "1"},
        {"id": "a", "type": "node", "template": 0},
    ]
    with raw_server(always(answer({"data": rows}))) as server, source_client(tmp_path, server.port) as client:
        first, second = client.get("/cluster/resources", list[Row], soon(), large=large)
    assert (first.vmid, first.template) == (100, True)
    assert (second.vmid, second.template) == (None, False)


@BOTH_PATHS
def test_the_query_and_both_forms_of_token_reach_the_server(tmp_path: Path, large: bool) -> None:
    with raw_server(always(answer({"data": 1}))) as server:
        with source_client(tmp_path, server.port) as client:
            client.get(
                "/nodes/n1/tasks", int, soon(), large=large, typefilter="vzdump", **{"prune-backups": "keep-all=1"}
            )
        with source_client(tmp_path, server.port, kind="pbs") as client:
            client.get(path_of("/admin/datastore/{store}/groups", store="a b"), int, soon(), large=large, path="/x")
    pve, pbs = server.exchanges
    assert pve.target == "/api2/json/nodes/n1/tasks?typefilter=vzdump&prune-backups=keep-all%3D1"
    assert pve.header("Authorization") == f"PVEAPIToken={TOKEN}={SECRET}"
    assert pbs.target == "/api2/json/admin/datastore/a%20b/groups?path=%2Fx"
    assert pbs.header("Authorization") == f"PBSAPIToken={TOKEN}:{SECRET}"


@BOTH_PATHS
def test_compressed_answers_are_unpacked(tmp_path: Path, large: bool) -> None:
    body = gzip.compress(json.dumps({"data": ["x" * 1000] * 5000}).encode())
    script = always(answer(body, Content_Encoding="gzip"))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        assert len(client.get("/x", list[str], soon(), large=large)) == 5000
    assert server.exchanges[0].header("Accept-Encoding") == "gzip"


# --- status 200, and yet nothing ---------------------------------------------------------------------------------------

UNUSABLE = {
    "html": (b"<!DOCTYPE html><title>Login</title>", "text/html", "text/html"),
    "html that claims to be json": (b"<html>", "application/json", "not JSON"),
    "cut off": (b'{"data": [1, 2', "application/json;charset=UTF-8", "not JSON"),
    "empty": (b"", "application/json", "not JSON"),
    "no data": (b'{"success": 1}', "application/json", "missing required field `data`"),
    "no envelope": (b"[1, 2]", "application/json", "unexpected values"),
    "null": (b'{"data": null}', "application/json", "unexpected values"),
    "wrong type": (b'{"data": {"a": 1}}', "application/json", "unexpected values"),
    "wrong type inside": (b'{"data": [1, "many"]}', "application/json", "unexpected values"),
    "not utf-8": (b'{"data": ["\xff"]}', "application/json", ""),
    "nested without end": (b'{"data":' + b"[" * 200_000, "application/json", ""),
}


@BOTH_PATHS
@pytest.mark.parametrize(("body", "content_type", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_is_not_what_was_promised_is_an_error(
    tmp_path: Path, body: bytes, content_type: str, words: str, large: bool
) -> None:
    script = always(answer(body, content_type=content_type))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client, into=list[int], large=large)
        assert isinstance(error, Malformed)
        assert words in error.detail
        assert error.reason is FailureReason.MALFORMED
        assert server.requests == 1, "asking again does not help"


@BOTH_PATHS
def test_an_answer_without_end_is_given_up_at_the_bound(tmp_path: Path, large: bool) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = bomb.compress(b'{"data": "' + b" " * 50_000_000) + bomb.flush()
    script = always(answer(packed, Content_Encoding="gzip"))
    with (
        raw_server(script) as server,
        source_client(tmp_path, server.port, max_answer_bytes=1_000_000) as client,
    ):
        error = error_of(client, large=large)
    assert isinstance(error, Malformed)
    assert error.reason is FailureReason.TOO_LARGE
    assert "longer than 1000000 bytes" in error.detail


def test_garbage_that_claims_to_be_compressed_is_an_error(tmp_path: Path) -> None:
    script = always(answer(b"no gzip at all", Content_Encoding="gzip"))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client)
    assert isinstance(error, Malformed)


def test_an_answer_that_is_not_http_is_an_error(tmp_path: Path) -> None:
    with (
        raw_server(always(b"220 mail.example.org ESMTP\r\n\r\n")) as server,
        source_client(tmp_path, server.port) as client,
    ):
        assert isinstance(error_of(client), Malformed)
        assert server.requests == 1


# --- other statuses ------------------------------------------------------------------------------------------------------

JSON = "application/json;charset=UTF-8"
GRANT = f"pveum acl modify / --tokens '{TOKEN}' --roles PVEAuditor"
REFUSALS: dict[str, tuple[int, str, bytes, str, type[SourceError], FailureReason, str]] = {
    "unauthenticated": (
        401, "No ticket", b"", "/version", AuthenticationFailed, FailureReason.UNAUTHORIZED, "token secret",
    ),
    "denied, and says what": (
        403, "Permission check failed (/vms/310, VM.Audit)", b'{"data":null}', "/nodes/n/lxc/310/config",
        Denied, FailureReason.FORBIDDEN, f"lacks VM.Audit on /vms/310; run: {GRANT}",
    ),
    "denied either of two": (
        403, "Permission check failed (/storage/a, Datastore.Audit|Datastore.AllocateSpace)", b"{}",
        "/nodes/n/vzdump/defaults", Denied, FailureReason.FORBIDDEN, "lacks Datastore.Audit or Datastore.AllocateSpace on /storage/a",
    ),
    "denied without a word": (
        403, "Forbidden", b"permission check failed", "/cluster/backup",
        Denied, FailureReason.FORBIDDEN, f"lacks Sys.Audit on /; run: {GRANT}",
    ),
    "denied to all but root": (
        403, "Permission check failed (user != root@pam)", b"{}", "/cluster/backup-info",
        Denied, FailureReason.FORBIDDEN, "user != root@pam",
    ),
    "bad parameter": (
        400, "Parameter verification failed.", b'{"data":null,"errors":{"id":"no such job"}}', "/cluster/backup/x",
        ServerFailed, FailureReason.BAD_REQUEST, "Parameter verification failed. id: no such job",
    ),
    "bad parameter as 500": (
        500, "400 Parameter verification failed.", b'{"data":null}', "/x",
        ServerFailed, FailureReason.BAD_REQUEST, "400 Parameter verification failed.",
    ),
    "missing pool": (
        500, "pool 'nosuchpool' does not exist", b'{"data":null}', "/pools",
        ServerFailed, FailureReason.SERVER_ERROR, "pool 'nosuchpool' does not exist",
    ),
    "unknown path": (
        501, "Method 'GET /no/such/path' not implemented", b'{"data":null}', "/no/such/path",
        NotFound, FailureReason.NOT_FOUND, "not implemented",
    ),
    "dead node": (595, "Connection refused", b"", "/nodes/n3/tasks", ServerFailed, FailureReason.NODE_UNREACHABLE, "is it up?"),
    "umlauts in the reason": (500, "Gerät fehlt", b"", "/x", ServerFailed, FailureReason.SERVER_ERROR, "Gerät fehlt"),
    "a page of a proxy": (
        418, "", b"<html>", "/x", ServerFailed, FailureReason.OTHER, "418 on /x",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "body", "path", "error_class", "label", "words"), REFUSALS.values(), ids=REFUSALS
)
@BOTH_PATHS
def test_a_refusal_says_what_pve_said_and_is_not_repeated(
    tmp_path: Path,
    status: int,
    reason: str,
    body: bytes,
    path: str,
    error_class: type[SourceError],
    label: FailureReason,
    words: str,
    large: bool,
) -> None:
    script = always(answer(body, status, reason, JSON))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client, path, large=large)
        assert type(error) is error_class
        assert (error.status, error.reason, error.source, error.endpoint) == (status, label, "pve lab", path)
        assert words in str(error)
        assert server.requests == 1


def test_pbs_errors_are_plain_text(tmp_path: Path) -> None:
    body = b"permission check failed - missing Datastore.Audit|Datastore.Backup on /datastore/second"
    with (
        raw_server(always(answer(body, 403, "Forbidden", JSON))) as server,
        source_client(tmp_path, server.port, kind="pbs", token_id="monitor@pbs!ro") as client,
    ):
        error = error_of(client, "/admin/datastore/second/groups")
    assert "token monitor@pbs!ro lacks Datastore.Audit or Datastore.Backup on /datastore/second" in error.detail
    assert error.remedy == "run: proxmox-backup-manager acl update / Audit --auth-id 'monitor@pbs!ro'"
    with (
        raw_server(always(answer(b"no such datastore 'nope'", 400, "Bad Request", JSON))) as server,
        source_client(tmp_path, server.port, kind="pbs") as client,
    ):
        assert error_of(client).detail == "no such datastore 'nope'"


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    with raw_server(always(answer({"data": 1}))) as other:
        location = f"https://127.0.0.1:{other.port}/"
        script = always(answer(b"", 302, "Found", None, Location=location))
        with raw_server(script) as server, source_client(tmp_path, server.port) as client:
            error = error_of(client)
        assert other.requests == 0
    assert error.status == 302
    assert location in error.detail


def test_cookies_of_the_server_are_not_kept(tmp_path: Path) -> None:
    script = always(answer({"data": 1}, Set_Cookie="PVEAuthCookie=x"))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        client.get("/version", int, soon())
        client.get("/version", int, soon())
        assert server.exchanges[1].header("Cookie") is None


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/version", "/version"),
        ("/nodes/pve1/storage", "/nodes/{node}/storage"),
        ("/nodes/pve1/storage/nas/prunebackups", "/nodes/{node}/storage/{storage}/prunebackups"),
        ("/nodes/pve1/qemu/100/config", "/nodes/{node}/qemu/{vmid}/config"),
        ("/nodes/pve1/tasks", "/nodes/{node}/tasks"),
        ("/nodes/pve1/tasks/UPID%3Apve1%3A1/log", "/nodes/{node}/tasks/{upid}/log"),
        ("/cluster/backup", "/cluster/backup"),
        ("/cluster/backup/backup-3a/included_volumes", "/cluster/backup/{id}/included_volumes"),
        ("/cluster/backup-info/not-backed-up", "/cluster/backup-info/not-backed-up"),
        ("/admin/datastore/main/groups", "/admin/datastore/{store}/groups"),
        ("/config/prune/daily", "/config/prune/{id}"),
    ],
)
def test_labels_of_endpoints_hold_no_ids(path: str, label: str) -> None:
    assert normalised(path) == label


def test_requests_and_failures_are_counted_by_normalised_endpoint(tmp_path: Path) -> None:
    script = always(answer(b"", 403, "Permission check failed (/vms/7, VM.Audit)"))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        error_of(client, "/nodes/n1/qemu/7/config")
        error_of(client, "/nodes/n2/qemu/8/config", endpoint="/mine")
        counts = counted(client)
    assert counts['vzcover_api_requests_total{endpoint="/nodes/{node}/qemu/{vmid}/config",source="lab"}'] == 1
    assert counts['vzcover_api_request_failures_total{endpoint="/mine",reason="forbidden",source="lab"}'] == 1


# --- genuine answers -----------------------------------------------------------------------------------------------------


def test_both_ways_give_the_same_value_for_every_recorded_answer(tmp_path: Path) -> None:
    call = Call(settings(tmp_path, 1), "pve1:8006", "/x", soon())
    files = [path for path in recorded("pve", "main").iterdir() if path.name.startswith("GET_")]
    usable = 0
    for path in files:
        body = path.read_bytes()
        if b'"data"' not in body or b'"data":null' in body:
            continue
        usable += 1
        assert decode(call, body, Any) == convert(call, envelope(call, body), Any)
    assert usable > 100


def test_the_genuine_resource_list_is_read_alike_both_ways(tmp_path: Path) -> None:
    body = recorded("pve", "main", "GET_cluster__resources.json").read_bytes()
    with raw_server(always(answer(body))) as server, source_client(tmp_path, server.port) as client:
        small = client.get("/cluster/resources", list[Row], soon())
        large = client.get("/cluster/resources", list[Row], soon(), large=True)
    assert small == large
    assert sum(row.vmid is not None for row in small) == 41
