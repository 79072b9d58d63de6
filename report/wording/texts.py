"""The language tables and how a text is taken out of them: templates filled, plurals picked, foreign characters made visible."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

from report.wording.english.texts import ENGLISH
from report.wording.french.texts import FRENCH
from report.wording.table import Texts

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# what of a table holds no templates by key
_NOT_TEMPLATES = frozenset(
    {
        "plurals",
        "byte_units",
        "second",
        "minute",
        "hour",
        "day",
        "first_of_month",
        "date_pattern",
        "instant_pattern",
        "long_date_pattern",
    }
)
# parameters that are counts; other numbers, such as a VMID, are names
_COUNTS = frozenset({"count", "shown", "demanded", "judged", "lost", "other"})
_LARGEST = 10**15
_NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# invisible characters that a name may rightly hold: they join emoji and the letters of Indic and Arabic scripts
JOINERS = frozenset({"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}", "\N{SOFT HYPHEN}"})
_FRENCH_SPACE = re.compile("(?<=«) | (?=[:;»?!])")


def _map_templates(texts: Texts, change: Callable[[str], str]) -> Texts:
    """Given a table, return it with every template changed."""
    single = tuple(field.name for field in fields(texts) if field.name not in _NOT_TEMPLATES)
    changed: dict[str, Any] = {
        name: {key: change(text) for key, text in getattr(texts, name).items()} for name in single
    }
    plurals = {key: (change(one), change(other)) for key, (one, other) in texts.plurals.items()}
    return replace(texts, **changed, plurals=plurals)


TABLES: Mapping[str, Texts] = {
    "en": ENGLISH,
    "fr": _map_templates(FRENCH, lambda text: _FRENCH_SPACE.sub(NO_BREAK_SPACE, text)),
}
LANGUAGES = tuple(TABLES)


def texts_of(language: str) -> Texts:
    """Given a language, return its table; raise ValueError naming the known ones."""
    try:
        return TABLES[language]
    except KeyError:
        raise ValueError(f"language {language!r} is not known; known are {', '.join(LANGUAGES)}") from None


def printable(text: str) -> str:
    """Given a text from outside, return it with what does not print (controls, direction marks, lone surrogates) as visible escapes."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() or character in JOINERS or unicodedata.category(character) in ("Zs", "Co", "Cn"):
        return character
    code = ord(character)
    if character in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class _Lenient(dict[str, str]):
    """Parameters for `format_map`: a missing one shows as a question mark instead of raising."""

    def __missing__(self, key: str) -> str:
        return "?"


def fill(template: str, params: Mapping[str, object]) -> str:
    """Given a template and parameters, return the text; missing parameters show as "?", extra ones are ignored, none raises."""
    if "{" not in template:
        return template
    return template.format_map(_Lenient({name: printable(str(value)) for name, value in params.items()}))


def word(key: str, language: str, **params: object) -> str:
    """Given a key of the words table, a language and parameters, return the text; raise KeyError for a key that no table has."""
    return fill(texts_of(language).words[key], _with_counts(params, language))


def word_or(key: str, fallback: str, language: str) -> str:
    """Given a key that the table may lack, return its word, or the fallback made printable."""
    return texts_of(language).words.get(key) or printable(fallback)


def plural(key: str, count: int, language: str, **params: object) -> str:
    """Given a key of the plurals table and a count, return the form that the language uses for it, `{count}` filled in."""
    one, other = texts_of(language).plurals[key]
    return fill(one if _is_one(count, language) else other, _with_counts({"count": count, **params}, language))


def _with_counts(params: Mapping[str, object], language: str) -> Mapping[str, object]:
    counts = [(name, params[name]) for name in _COUNTS & params.keys()]
    return {**params, **{name: format_number(count, language) for name, count in counts if isinstance(count, int)}}


@lru_cache(maxsize=1024)
def _is_one(count: int, language: str) -> bool:
    return str(Locale.parse(language).plural_form(count)) == "one"


@lru_cache(maxsize=8192)
def format_number(number: float, language: str) -> str:
    """Given a number, return it with the language's separators."""
    return plain_spaces(format_decimal(number, locale=language))


def counted(value: object, language: str) -> object:
    """Given a parameter, return a whole number as the language writes it, anything else as it is."""
    return format_number(value, language) if isinstance(value, int) and abs(value) < _LARGEST else value


def plain_spaces(text: str) -> str:
    """Given a text of Babel's, return it with ordinary no-break spaces for the narrow ones, which many fonts lack."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", NO_BREAK_SPACE)


def join_phrases(phrases: Iterable[str], language: str) -> str:
    """Given phrases, return them as one text, a semicolon between them, each told once."""
    return word("separator", language).join(dict.fromkeys(phrases))


def capitalise(text: str) -> str:
    """Given a phrase, return it with a capital first letter."""
    return text[:1].upper() + text[1:]
