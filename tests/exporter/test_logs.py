"""Log lines: one line each, whatever they hold."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.logs import FIELDS, JsonFormatter, KeyValueFormatter, event, set_up
from tests.processes import restored_logging

FORMATTERS = (KeyValueFormatter(), JsonFormatter())


def record(message: str, raised: BaseException | None = None, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord(
        "vzcover",
        logging.WARNING,
        __file__,
        1,
        message,
        (),
        (type(raised), raised, raised.__traceback__) if raised else None,
    )
    made.created = 1_795_234_733.9
    setattr(made, FIELDS, fields)
    return made


@pytest.fixture
def quiet_root() -> Iterator[None]:
    """Put the root logger back as pytest had it."""
    with restored_logging():
        yield


def test_key_values_quote_what_needs_it() -> None:
    line = KeyValueFormatter().format(record("source is down", source="lab", error='said "no"', seconds=1.5, gone=None))

    assert line == (
        'time=2026-11-21T04:18:53Z level=warning msg="source is down" source=lab error="said \\"no\\"" seconds=1.5 gone=None'
    )


def test_json_holds_the_same() -> None:
    assert json.loads(JsonFormatter().format(record("source is down", source="émilie", seconds=1.5))) == {
        "time": "2026-11-21T04:18:53Z",
        "level": "warning",
        "msg": "source is down",
        "source": "émilie",
        "seconds": 1.5,
    }


@given(st.text(), st.text())
def test_a_line_stays_one_line_and_moves_no_cursor(message: str, value: str) -> None:
    for formatter in FORMATTERS:
        line = formatter.format(record(message, value=value))

        assert line.isprintable()
        assert len(line.splitlines()) == 1


@given(st.text())
def test_json_gives_every_text_back(value: str) -> None:
    assert json.loads(JsonFormatter().format(record("m", value=value)))["value"] == value


def test_a_bug_is_one_line_that_says_what_and_where() -> None:
    def inner() -> None:
        raise KeyError("data\nmore")

    try:
        inner()
    except KeyError as error:
        line = KeyValueFormatter().format(record("the refresh failed", error))

    assert re.search(r'error="KeyError: .*data.*" at="test_logs.py:\d+ < test_logs.py:\d+"$', line)


@pytest.mark.usefixtures("quiet_root")
@pytest.mark.parametrize(("log_format", "opening"), [("keyvalue", "time="), ("json", '{"time": ')])
def test_the_log_goes_to_standard_error_from_its_level_on(
    log_format: str, opening: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(log_format, "warning")
    event(logging.getLogger("vzcover"), logging.INFO, "unimportant")
    event(logging.getLogger("vzcover"), logging.WARNING, "important", source="lab")
    logging.getLogger("urllib3").info("chatter")
    captured = capsys.readouterr()

    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith(opening)
    assert "important" in captured.err


@pytest.mark.usefixtures("quiet_root")
def test_setting_up_again_replaces_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("keyvalue", "debug")
    set_up("json", "info")
    event(logging.getLogger("vzcover"), logging.INFO, "once")

    assert json.loads(capsys.readouterr().err)["msg"] == "once"
