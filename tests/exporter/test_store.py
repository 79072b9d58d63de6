"""The one mutable cell."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from exporter.store import Snapshot, Store
from tests.builders import report
from tests.exporter.web_fixtures import exposition, snapshot


def test_a_reader_keeps_the_snapshot_it_took_while_the_next_one_is_shown_to_others() -> None:
    first, second = snapshot(), snapshot(report())
    store = Store(first)
    taken = store.current
    store.replace(second)

    assert taken is first
    assert store.current is second


def test_a_snapshot_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Snapshot(exposition()).page = None  # type: ignore[misc]


def test_before_the_first_refresh_there_is_an_exposition_and_nothing_else() -> None:
    current = Store(snapshot()).current

    assert current.exposition.text.plain
    assert (current.report, current.json, current.page) == (None, None, None)


def test_there_is_no_pdf_until_one_is_published() -> None:
    store = Store(snapshot())
    assert store.latest_pdf is None
    store.publish_pdf(Path("a.pdf"))
    assert store.latest_pdf == Path("a.pdf")
