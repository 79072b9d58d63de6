"""Paths → answers. Every answer comes out of the store; nothing is computed for a request."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from exporter.bodies import Body
from exporter.store import Store
from exporter.web.answers import Answer, encoded_answer, text_answer
from exporter.web.negotiation import wants_openmetrics
from exporter.web.page import FIRST_PAGE

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
NOT_READY = "the first refresh is not done yet\n"
FIRST_BODY = Body.of(FIRST_PAGE.encode())


class Pages:
    """The endpoints over one store."""

    def __init__(self, store: Store) -> None:
        """Given the store, answer out of it."""
        self._store = store

    async def metrics(self, request: Request) -> Answer:
        """Answer 200 whatever the sources do; before the first refresh with the metrics about vzcover alone."""
        exposition = self._store.current.exposition
        if wants_openmetrics(request.headers.get("accept", "")):
            return encoded_answer(exposition.openmetrics, OPENMETRICS, request.headers, b"Accept, Accept-Encoding")
        return encoded_answer(exposition.text, TEXT, request.headers, b"Accept, Accept-Encoding")

    async def healthy(self, request: Request) -> Answer:
        """Answer 200 as long as the process serves."""
        return text_answer("vzcover is healthy\n")

    async def ready(self, request: Request) -> Answer:
        """Answer 200 once the first refresh is done, 503 before."""
        if self._store.current.report is None:
            return text_answer(NOT_READY, 503)
        return text_answer("vzcover is ready\n")

    async def page(self, request: Request) -> Answer:
        """Answer with the landing page; before the first refresh with one that says so."""
        page = self._store.current.page
        body = await run_in_threadpool(page.get) if page else FIRST_BODY
        return encoded_answer(body, HTML, request.headers)

    async def report(self, request: Request) -> Answer:
        """Answer with the JSON report; 503 before the first refresh."""
        document = self._store.current.json
        if document is None:
            return text_answer(NOT_READY, 503)
        return encoded_answer(await run_in_threadpool(document.get), JSON, request.headers)

    async def pdf(self, request: Request) -> ASGIApp:
        """Answer with the newest PDF; 404 while there is none."""
        path = self._store.latest_pdf
        if path is None or not Path(path).is_file():
            return text_answer("no PDF has been written yet\n", 404)
        return FileResponse(path, media_type="application/pdf", filename=path.name, content_disposition_type="inline")


def build_app(store: Store) -> Starlette:
    """Given the store, return the ASGI application; GET and HEAD, anything else is 405."""
    pages = Pages(store)
    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/metrics", pages.metrics),
            Route("/-/healthy", pages.healthy),
            Route("/-/ready", pages.ready),
            Route("/api/v1/report", pages.report),
            Route("/report.pdf", pages.pdf),
        ]
    )
