"""A language in which every word of the tables stands between marks: what is outside them did not come from the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from string import Formatter
from typing import Any
from unittest.mock import patch

from report.wording.schedule_table import WORDINGS, Wording
from report.wording.table import Texts
from report.wording.texts import TABLES

LANGUAGE = "en_GB"
"""What Babel knows, and no table is for."""

OPEN, CLOSE = "⟦", "⟧"
_MARKED = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


def outside(text: str) -> str:
    """Given a text, return what of it is not between marks, a blank for each word that is."""
    return _MARKED.sub(" ", text)


@contextmanager
def marked_language() -> Iterator[str]:
    """Know, for a while, the marked language; yield its name."""
    texts = {field.name: _marked_field(field.name, getattr(TABLES["en"], field.name)) for field in fields(Texts)}
    wording = {field.name: _marked(getattr(WORDINGS["en"], field.name)) for field in fields(Wording)}
    with (
        patch.dict(TABLES, {LANGUAGE: replace(TABLES["en"], **texts)}),
        patch.dict(WORDINGS, {LANGUAGE: replace(WORDINGS["en"], **wording)}),
    ):
        yield LANGUAGE


def _marked_field(name: str, value: Any) -> Any:
    if name == "first_of_month":
        return value  # stands inside a pattern
    # what CLDR calls a pattern has its own quoting
    return f"'{OPEN}'{value}'{CLOSE}'" if name.endswith("_pattern") else _marked(value)


def _marked(value: Any) -> Any:
    """Mark every word of a template, of many, or of what a function returns."""
    if isinstance(value, str):
        return "".join(_pieces(value))
    if isinstance(value, tuple):
        return tuple(map(_marked, value))
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    return _returning_marked(value)


def _returning_marked(function: Callable[..., str]) -> Callable[..., str]:
    return lambda *given: str(_marked(function(*given)))


def _pieces(template: str) -> Iterator[str]:
    """Yield the template's text, each word of it marked, and its placeholders as they are."""
    for text, name, form, conversion in Formatter().parse(template):
        yield re.sub(r"\S+", lambda found: f"{OPEN}{found[0]}{CLOSE}", text.replace("{", "{{").replace("}", "}}"))
        if name is not None:
            yield "{" + name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}"
