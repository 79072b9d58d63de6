"""Secrets that were read stay out of every line, whoever writes it."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import pytest

from exporter.concealed import BLOT, blotted, conceal
from exporter.logs import JsonFormatter, KeyValueFormatter
from exporter.terminal import complain, shown

SECRET = 'c0ncealed/"p+w'


@pytest.fixture(autouse=True)
def known() -> None:
    conceal(SECRET)


@pytest.mark.parametrize(
    "form",
    [SECRET, quote(SECRET, safe=""), json.dumps(SECRET)[1:-1], base64.b64encode(SECRET.encode()).decode()],
    ids=["plain", "URL", "JSON", "base64"],
)
def test_a_secret_is_blotted_out_in_every_form(form: str) -> None:
    assert blotted(f"a {form} b").startswith(f"a {BLOT}")
    assert form.rstrip("=") not in blotted(f"a {form} b")


def test_a_secret_that_holds_another_one_goes_whole() -> None:
    conceal("outer-inner-outer")
    conceal("inner-outer")
    assert blotted("outer-inner-outer inner-outer") == f"{BLOT} {BLOT}"


@pytest.mark.parametrize("short", ["", "a", "job", "secret"])
def test_what_is_too_short_to_be_a_secret_blots_out_no_words(short: str) -> None:
    conceal(short)
    assert blotted("a job without secret") == "a job without secret"


@pytest.mark.parametrize("formatter", [KeyValueFormatter(), JsonFormatter()])
def test_a_log_line_about_a_bug_has_none(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(f"bad header {SECRET}")
    except ValueError as error:
        caught = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("vzcover", logging.ERROR, __file__, 1, f"failed with {SECRET}", None, caught)
    line = formatter.format(record)

    assert "c0ncealed" not in line
    assert line.count(BLOT) == 2


def test_a_complaint_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    complain(f"{SECRET} is wrong")

    assert capsys.readouterr().err == f"vzcover: {BLOT} is wrong\n"


def test_what_steers_a_terminal_is_shown_and_typography_stays() -> None:
    assert shown("a\x1b[2Jb\x9b\u202ec\nd") == "a\\x1b[2Jb\\x9b\\u202ec\nd"
    assert shown("À faire\u00a0: «\u202foui\u202f»") == "À faire\u00a0: «\u202foui\u202f»"
