"""The web server: uvicorn in a thread of its own, on sockets bound beforehand."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from exporter.store import Store
from exporter.web.access import AccessFile
from exporter.web.auth import Passwords
from exporter.web.connections import Gate
from exporter.web.guard import Guard
from exporter.web.listen import bind_all, shown
from exporter.web.routes import build_app
from exporter.web.settings import WebSettings

# A refresh that computes gives up the interpreter this often (Python's own 5 ms would add up over the sends of one scrape).
# Measured with 10,000 guests while another thread computes: p99 of a scrape 11 ms instead of 45; the computing gets no slower.
SWITCH_SECONDS = 0.001
STEP = 0.02  # seconds between looks at whether connections have gone, while stopping


class WebServer:
    """Serves the store's bodies. Life cycle: construct (reads the web configuration file), `bind`, `start`, `stop`."""

    def __init__(self, store: Store, settings: WebSettings) -> None:
        """Given what to serve and how. Raises ConfigError if the web configuration file or its certificate cannot be used."""
        self._settings = settings
        self._access = AccessFile(settings.web_config_file)
        self._passwords = Passwords()
        self._app = Guard(build_app(store), self._access, self._passwords)
        self._listeners: list[socket.socket] = []
        self._addresses: tuple[str, ...] = ()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def bind(self) -> None:
        """Take the addresses; clients wait from now on. Raises ConfigError naming each address that cannot be used, and the remedy."""
        self._listeners = bind_all(self._settings.listen)
        self._addresses = tuple(shown(listener) for listener in self._listeners)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the bound addresses as `host:port`, in the order of the settings, with the ports that were free for `:0`."""
        return self._addresses

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses as URLs of the page."""
        scheme = "https" if self._access.tls() else "http"
        return tuple(f"{scheme}://{address}/" for address in self.addresses)

    @property
    def web_config_reloaded(self) -> bool | None:
        """Return whether the web configuration file as it is now is in force; None without such a file."""
        return self._access.reloaded

    @property
    def alive(self) -> bool:
        """Return whether the server's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Serve from a thread of its own; returns once that accepts connections. Makes all threads of the process take shorter turns."""
        sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
        ready = threading.Event()
        self._server = _Server(self._app, self._settings, self._listeners, self._access.tls, ready.set)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()
        ready.wait(timeout=10)

    def stop(self) -> None:
        """Accept nothing more, let answers under way finish for up to `stop_seconds`, end all; returns when the thread is gone."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=self._settings.stop_seconds + 1)
        for listener in self._listeners:
            listener.close()
        self._passwords.close()


class _Server(uvicorn.Server):
    """uvicorn's loop and clock with our own accepting and stopping; it leaves signals alone outside the main thread."""

    def __init__(
        self,
        app: ASGIApp,
        settings: WebSettings,
        listeners: list[socket.socket],
        tls: Callable[[], ssl.SSLContext | None],
        started: Callable[[], None],
    ) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            h11_max_incomplete_event_size=settings.max_header_bytes,
        )
        super().__init__(config)
        self._gate = Gate(settings, config, self.server_state, tls)
        self._listeners = listeners
        self._stop_seconds = settings.stop_seconds
        self._on_started = started
        self._acceptors: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept on every listener."""
        loop = asyncio.get_running_loop()
        self._acceptors = [loop.create_task(self._gate.accept(listener)) for listener in self._listeners]
        self.started = True
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more; idle connections go at once, busy ones when they are done or the time is up."""
        for acceptor in self._acceptors:
            acceptor.cancel()
        await asyncio.gather(*self._acceptors, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_until_gone(self._stop_seconds)
        self._gate.drop_all()
        await self._wait_until_gone(10 * STEP)

    async def _wait_until_gone(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while self.server_state.connections or self.server_state.tasks:
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(STEP)
