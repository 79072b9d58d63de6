"""The one door through which anything is ever written to PVE: storage entries, with a token of its own (rulebook J3, J4).

Only `exporter.storages.apply` may import this module; an import contract keeps it out of the daemon's reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from requests.models import Response

from exporter.client.answers import decode
from exporter.client.calls import Call, CallFailed, in_progress
from exporter.client.deadline import Deadline
from exporter.client.endpoints import path_of
from exporter.client.handshakes import ca_file_failure
from exporter.client.session import SourceSession, source_api
from exporter.client.settings import ClientSettings
from exporter.client.source import shown_address
from exporter.client.tls import SourceContext
from exporter.errors import FailureReason, ServerFailed, SourceError

# reasons for which nothing was sent, so that the next host may be asked
NOT_SENT = (FailureReason.CONNECT, FailureReason.TLS)
# in PVE's refusal when storage.cfg is not what the digest says (J4)
MODIFIED = "detected modified configuration"


class ModifiedMeanwhile(ServerFailed):
    """storage.cfg is another one than the digest says: nothing was written."""


class _WritingSession(SourceSession):
    """A session that can do more than GET."""

    def write(self, method: str, url: str, fields: Mapping[str, str]) -> tuple[Response, bytearray]:
        """Send a form; return the answer (status 200, JSON) and its body; raises CallFailed."""
        return self._exchange(method, url, data=dict(fields))


class _Written(msgspec.Struct):
    """What PVE answers; its `config` may hold a new key and is not read."""

    storage: str


class StorageWriter:
    """Creates and changes storage entries of one cluster. Nothing is tried twice: whether a lost answer meant success is for a fresh read
    to tell. Not thread-safe."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._context: SourceContext | None = None
        self._sessions: list[tuple[str, _WritingSession]] = []

    def create(self, name: str, options: Mapping[str, str], secret: str | None, deadline: Deadline) -> None:
        """Given a name, its options, and the password on the PBS, create an entry of type pbs; raise SourceError (without the secret)."""
        fields = {"storage": name, "type": "pbs", **options}
        if secret is not None:
            fields["password"] = secret
        self._send("POST", "/storage", fields, secret, deadline)

    def update(
        self, name: str, options: Mapping[str, str], deleted: Sequence[str], digest: str, deadline: Deadline
    ) -> None:
        """Given a name, the options to set and to delete, and storage.cfg's digest, change the entry; raise SourceError, ModifiedMeanwhile
        where the digest does not fit any more."""
        fields = {**options, "digest": digest}
        if deleted:
            fields["delete"] = ",".join(deleted)
        self._send("PUT", path_of("/storage/{storage}", storage=name), fields, None, deadline)

    def close(self) -> None:
        """End all connections; for good."""
        if self._context is not None:
            self._context.close()
        for _, session in self._sessions:
            session.close()

    def _send(self, method: str, path: str, fields: Mapping[str, str], secret: str | None, deadline: Deadline) -> None:
        self._make_sessions(path, deadline)
        error: SourceError | None = None
        for shown, session in self._sessions:
            call = Call(self.settings, shown, path, deadline)
            with in_progress(call):
                try:
                    _, body = session.write(method, session.url_of(path), fields)
                    decode(call, body, _Written)
                except CallFailed as failed:
                    error = _without(failed.failure.error, secret)
                else:
                    return
            if error.reason not in NOT_SENT:
                break
        if error is not None:
            raise error

    def _make_sessions(self, path: str, deadline: Deadline) -> None:
        if self._sessions:
            return
        try:
            self._context = context = SourceContext(self.settings)
        except OSError as error:
            raise ca_file_failure(Call(self.settings, self.settings.label, path, deadline), error).error from None
        for address in self.settings.hosts:
            _, session = source_api(self.settings, address, context, kind=_WritingSession)
            self._sessions.append((shown_address(address), cast(_WritingSession, session)))


def _without(error: SourceError, secret: str | None) -> SourceError:
    """Given an error and the secret that was sent, return the error without it (a server may echo what it refuses)."""
    detail = error.detail.replace(secret, "***") if secret else error.detail
    kind = ModifiedMeanwhile if MODIFIED in detail else type(error)
    return kind(error.source, error.endpoint, detail, error.remedy, reason=error.reason, status=error.status)
