"""Who is connected: a bounded number, none for ever, and the longest silent one makes room for the next.

uvicorn speaks HTTP; this adds what it lacks against idle and stuck clients: a limit that evicts instead of refusing, a time
limit for a request's head, one for a client that takes nothing of its answer, and at most one chunk of an answer in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from asyncio import sslproto
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.web.settings import WebSettings

RESET = struct.pack("ii", 1, 0)  # linger, for no time
TLS_BUFFER = (
    32 * 1024
)  # bytes; asyncio takes 256 kB for each connection, though requests are small and a TLS record has 16 kB
ACCEPT_PAUSE = 0.1  # seconds, when the process has no file descriptor left


class Client:
    """One accepted connection, from before its TLS handshake until it is gone."""

    __slots__ = ("socket", "transport")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.transport: asyncio.Transport | None = None

    def drop(self) -> None:
        """End the connection at once, whatever it is doing; what the kernel still holds for it is thrown away."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if self.transport is not None:
            self.transport.abort()
            return
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # the handshake's own transport then closes it


class Gate:
    """Accepts connections and keeps them in the order of their last sign of life."""

    def __init__(
        self, settings: WebSettings, config: Config, state: ServerState, tls: Callable[[], ssl.SSLContext | None]
    ):
        """Given the limits, uvicorn's configuration and state, and how to get the TLS context in force (None: plain HTTP)."""
        self._settings = settings
        self._config = config
        self._state = state
        self._tls = tls
        self._clients: dict[Client, None] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        sslproto.SSLProtocol.max_size = TLS_BUFFER

    async def accept(self, listener: socket.socket) -> None:
        """Given a listening socket, welcome whoever comes, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            self._admit(accepted)
            await asyncio.sleep(0)  # sock_accept does not yield while more are waiting

    def touch(self, client: Client) -> None:
        """Given a client that gave a sign of life, make it the last in the row of those that might have to go."""
        if client in self._clients:
            del self._clients[client]
            self._clients[client] = None

    def forget(self, client: Client) -> None:
        """Given a client that is gone, free its place."""
        self._clients.pop(client, None)

    def drop_all(self) -> None:
        """End every connection at once."""
        for client in list(self._clients):
            client.drop()

    def _admit(self, accepted: socket.socket) -> None:
        while len(self._clients) >= self._settings.max_connections:
            silent = next(iter(self._clients))
            self.forget(silent)
            silent.drop()
        client = Client(accepted)
        self._clients[client] = None
        task = asyncio.get_running_loop().create_task(self._welcome(client))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _welcome(self, client: Client) -> None:
        tls = self._tls()
        limit = self._settings.header_seconds if tls else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self, client, self._settings, self._config, self._state),
                client.socket,
                ssl=tls,
                ssl_handshake_timeout=limit,
            )
        except OSError:  # ssl.SSLError is one: a failed handshake is the client's affair
            self.forget(client)
            client.socket.close()


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection with time limits."""

    def __init__(self, gate: Gate, client: Client, settings: WebSettings, config: Config, state: ServerState) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._gate = gate
        self._client = client
        self._settings = settings
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock for the first request; let no more than one chunk of an answer wait in memory."""
        super().connection_made(transport)
        self._client.transport = transport
        transport.set_write_buffer_limits(high=1)  # not 0: asyncio's TLS would then pause for ever
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks and free the place."""
        self._gate.forget(self._client)
        self._request_came()
        self._answer_moves()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a request that stays incomplete does not get more time by dripping."""
        self._gate.touch(self._client)
        # h11 looks at its limit once a call, and not at what is whole by then: a quarter is how much more may come in
        part = self._settings.max_header_bytes // 4
        for start in range(0, len(data), part):
            if not self.transport.is_closing():
                super().data_received(data[start : start + part])
        if self.cycle is not None and not self.cycle.response_complete:
            self._request_came()
        else:
            self._expect_request()

    def pause_writing(self) -> None:
        """The client takes nothing at the moment: it has `stalled_seconds`."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self._settings.stalled_seconds, self._client.drop)

    def resume_writing(self) -> None:
        """The client took all that was waiting."""
        self._gate.touch(self._client)
        self._answer_moves()
        super().resume_writing()

    def _expect_request(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self._settings.header_seconds, self.transport.abort)

    def _request_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _answer_moves(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
