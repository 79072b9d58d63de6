"""proxmoxer's session and serializer with what they lack: the deadline, a bound on size, and a check of every answer."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

from proxmoxer import ProxmoxAPI
from proxmoxer.backends.https import JsonSerializer, ProxmoxHttpSession
from requests.exceptions import RequestException
from requests.models import Response
from urllib3.exceptions import HTTPError

from exporter.client.answered import Answered, Observer
from exporter.client.answers import check_content_type, envelope
from exporter.client.calls import Call, CallFailed, Failure, current_call
from exporter.client.failures import deadline_failure, malformed
from exporter.client.handshakes import tls_failure
from exporter.client.settings import ClientSettings
from exporter.client.statuses import refused
from exporter.client.tls import SourceContext
from exporter.client.transport import SourceAdapter
from exporter.client.unanswered import no_answer
from exporter.errors import FailureReason, Unreachable

_CHUNK = 256 * 1024
_LONGEST_ERROR = 64 * 1024


class CheckedSerializer(JsonSerializer):  # type: ignore[misc]  # proxmoxer has no types
    """proxmoxer's own takes everything for data that has status 200."""

    def loads(self, response: Response) -> Any:
        """Given an answer of status 200, return its `data`; raises CallFailed."""
        return envelope(current_call(), response.content)


class SourceSession(ProxmoxHttpSession):  # type: ignore[misc]  # proxmoxer has no types
    """Keep-alive to one host; several threads may use it at once. Whatever fails comes out as CallFailed."""

    # who is told of every answer
    observe: Observer | None = None

    def __init__(
        self,
        settings: ClientSettings,
        address: tuple[str, int],
        base_url: str,
        context: SourceContext,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self._address = address
        self._base_url = base_url
        self._context = context
        self._clock = clock
        # no proxy, no CA bundle and no .netrc of the environment
        self.trust_env = False
        self.stream = True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "vzcover"})
        self.adapters.clear()
        self.mount("https://", SourceAdapter(context, settings.max_requests))

    def url_of(self, path: str) -> str:
        """Given a path below /api2/json, return its URL at this host."""
        return f"{self._base_url}{path}"

    def get_redirect_target(self, resp: Response) -> None:
        """A redirect is an answer like any other: the token goes nowhere else."""
        return

    def request(self, method: str, url: str, params: Any = None, data: Any = None, **options: Any) -> Response:
        """What proxmoxer calls: the answer with its whole body, status 200 for sure; raises CallFailed."""
        response, body = self.exchange(url, params)
        response.raw = io.BytesIO(body)
        return response

    def exchange(self, url: str, params: Mapping[str, str] | None) -> tuple[Response, bytearray]:
        """GET `url`; return the answer (status 200, JSON by its own word) and its body; raises CallFailed."""
        return self._exchange("GET", url, params=params)

    def _exchange(self, method: str, url: str, **content: Any) -> tuple[Response, bytearray]:
        call = current_call()
        failure: Failure | None = None
        try:
            left = call.deadline.remaining()
            timeouts = (
                min(call.settings.connect_timeout, left) or 0.001,
                min(call.settings.read_timeout, left) or 0.001,
            )
            response = super().request(method, url, timeout=timeouts, **content)
            body = _read(call, response)
            if self.observe is not None:
                self.observe(_answered(call, method, content.get("params"), response, body))
        except (RequestException, HTTPError, OSError) as error:
            failure = self._explained(call, error)
        if failure is not None:
            # outside of the handler, so that no exception of requests hangs on to ours
            raise CallFailed(failure)
        if response.status_code != 200:
            raise CallFailed(refused(call, response, body, self._clock()))
        check_content_type(call, response.headers.get("Content-Type"))
        return response, body

    def _explained(self, call: Call, error: Exception) -> Failure:
        if self._context.closed:
            return Failure(Unreachable(call.settings.label, call.path, "interrupted: the client was closed"))
        if call.deadline.passed:
            return deadline_failure(call, "no whole answer in time")
        return tls_failure(call, error, self._context, self._address) or no_answer(call, error)


def _read(call: Call, response: Response) -> bytearray:
    """Given an answer whose head has come, return its body, unpacked, no longer than allowed."""
    good = response.status_code == 200
    limit = call.settings.max_answer_bytes if good else _LONGEST_ERROR
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > limit:
            response.close()
            if good:
                raise malformed(call, f"the answer is longer than {limit} bytes", reason=FailureReason.TOO_LARGE)
            break
        if call.deadline.passed:
            response.close()
            raise CallFailed(deadline_failure(call, "the answer did not end in time"))
    return body


def _answered(
    call: Call, method: str, query: Mapping[str, str] | None, response: Response, body: bytearray
) -> Answered:
    content_type = response.headers.get("Content-Type")
    return Answered(
        method, call.path, dict(query or {}), response.status_code, response.reason or "", content_type, bytes(body)
    )


def source_api(
    settings: ClientSettings,
    address: tuple[str, int],
    context: SourceContext,
    clock: Callable[[], float] = time.time,
    kind: type[SourceSession] = SourceSession,
) -> tuple[ProxmoxAPI, SourceSession]:
    """Given one host of a source, return proxmoxer's API object and the session under it.

    proxmoxer makes the token's header and the URLs; its session and serializer give way to ours.
    """
    host, port = address
    api = ProxmoxAPI(
        f"[{host}]" if ":" in host else host,
        port=port,
        service=settings.kind.upper(),
        user=settings.user,
        token_name=settings.token_name,
        token_value=settings.token_secret,
        verify_ssl=True,
        timeout=settings.read_timeout,
    )
    session = kind(settings, address, api._backend.get_base_url(), context, clock)
    session.auth = api._backend.auth
    api._store.update(session=session, serializer=CheckedSerializer())
    return api, session
