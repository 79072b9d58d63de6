"""The connection that PVE makes to a backup server before it stores an entry (J3, J10): over the network, really."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import quote, urlencode

from simulator.model import Properties
from simulator.past.shelves import account_of
from simulator.reach import UNTRUSTED, address_of

SECONDS = 7
FETCHING = "error fetching datastores - "


class RefusalError(Exception):
    """The server could not be asked, or refused."""


def refusal(config: Properties, password: str | None) -> str | None:
    """Given an entry and its secret, ask its server for the datastores; return why it cannot be used, None if it can."""
    try:
        rows = datastores(config, password)
    except RefusalError as error:
        return str(error)
    name = config["datastore"]
    if any(row.get("store") == name for row in rows):
        return None
    return f"Cannot find datastore '{name}', check permissions and existence!"


def datastores(config: Properties, password: str | None) -> list[dict[str, Any]]:
    """Given server, account and maybe port and fingerprint, return the datastores that it shows; raises RefusalError."""
    host, port = address_of(config)
    try:
        return _datastores(config, password or "")
    except ssl.SSLCertVerificationError:
        raise RefusalError(UNTRUSTED.format(_presented(host, port))) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RefusalError(f"{FETCHING}500 Can't connect to {host}:{port} ({_words(error)})") from None


def _datastores(config: Properties, password: str) -> list[dict[str, Any]]:
    host, port = address_of(config)
    context = ssl.create_default_context()
    if "fingerprint" in config:
        # a fingerprint alone decides: neither the chain nor the name is looked at
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=SECONDS)
    try:
        connection.connect()
        _trust(connection.sock, config)
        headers = _credentials(connection, account_of(config), password)
        rows: list[dict[str, Any]] = _asked(connection, "GET", "/admin/datastore", headers)
        return rows
    finally:
        connection.close()


def _trust(secured: ssl.SSLSocket, config: Properties) -> None:
    presented = _shown(secured.getpeercert(binary_form=True) or b"")
    if "fingerprint" in config and str(config["fingerprint"]).upper() != presented:
        raise RefusalError(UNTRUSTED.format(presented))


def _presented(host: str, port: int) -> str:
    """The fingerprint that a server shows to everybody."""
    try:
        return _shown(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, port), timeout=SECONDS)))
    except OSError:
        return "unknown"


def _shown(certificate: bytes) -> str:
    return hashlib.sha256(certificate).digest().hex(":").upper()


def _credentials(connection: http.client.HTTPSConnection, account: str, password: str) -> dict[str, str]:
    if "!" in account:
        return {"Authorization": f"PBSAPIToken={account}:{password}"}
    form = urlencode({"username": account, "password": password})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    ticket = _asked(connection, "POST", "/access/ticket", kind, form)["ticket"]
    return {"Cookie": f"PBSAuthCookie={quote(ticket, safe='')}"}


def _asked(
    connection: http.client.HTTPSConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> Any:
    connection.request(method, f"/api2/json{path}", body=body, headers=headers)
    with connection.getresponse() as answer:
        text = answer.read()
    if answer.status != 200:
        raise RefusalError(f"{FETCHING}{answer.status} {answer.reason}")
    return json.loads(text)["data"]


def _words(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "Name or service not known"
    if isinstance(error, TimeoutError):
        return "Connection timed out"
    if isinstance(error, ssl.SSLError):
        return "SSL connect attempt failed"
    return (error.strerror if isinstance(error, OSError) else None) or "unexpected answer"
