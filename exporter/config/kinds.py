"""How a single setting is written: one small class a kind, which parses it, shows it and describes it.

A kind stands in a model as `Annotated[int, Duration(10, 86_400)]`. It takes text (as read from a file or a variable)
and the finished value alike, so that a Config can also be made in code. A refusal is a ValueError whose text says what
is wrong and what would be right; it never repeats a value that might hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from exporter.config.document import found

FOLDER = "folder"  # the key of the validation context that says what relative paths are relative to


class Kind:
    """Base: `word` names the kind in the documentation, `unit` is what the value is counted in."""

    word: ClassVar[str] = "text"
    unit: ClassVar[str] = ""

    def parse(self, value: object) -> Any:
        """Given text or a finished value, return the finished value; raise ValueError."""
        return text_of(value)

    def parse_in(self, value: object, folder: Path) -> Any:
        """The same for a kind that depends on the folder of the configuration file."""
        return self.parse(value)

    def shown(self, value: Any) -> str:
        """Given a finished value, return it as it is written in a file."""
        return str(value)

    def limits(self) -> str:
        """The bounds in words, or nothing."""
        return ""

    def json_schema(self) -> dict[str, Any]:
        """What an editor may check."""
        return {"type": "string"}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object, information: ValidationInfo) -> Any:
            context = information.context or {}
            return self.parse_in(value, context.get(FOLDER, Path()))

        return core_schema.with_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(self.shown, when_used="json-unless-none"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.json_schema()


def text_of(value: object) -> str:
    """Given a value as written, return it as text that is not empty; raise ValueError for anything else."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected text, found {found(value)}")
    return value.strip()


def quoted(value: str) -> str:
    """Given a value that holds no secret, return it for use in a message: cut to 40 characters, on one line."""
    text = value if len(value) <= 40 else value[:39] + "…"
    return '"' + "".join(c if c.isprintable() else "�" for c in text) + '"'


def suggestion(word: str, known: Sequence[str]) -> str:
    """Given a wrong word and the right ones, return `did you mean "x"?`, or all of them when none is close."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"possible here: {', '.join(known)}"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of single values: a YAML list, or one text with commas between; nothing twice, at least `least` of them."""

    least: int = 1

    def split(self, value: object) -> object:
        """Given one text, return its parts; anything else as it is."""
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    def check(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Given the finished values, return them; raise ValueError where one is there twice or too few are there."""
        if len(values) < self.least:
            raise ValueError(f"an empty list; write at least {self.least}")
        twice = next((value for index, value in enumerate(values) if value in values[:index]), None)
        if twice is not None:
            raise ValueError(f"{twice} is there twice; write it once")
        return values

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        checked = core_schema.no_info_after_validator_function(self.check, handler(source))
        return core_schema.no_info_before_validator_function(self.split, checked)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Mapping[str, Any]:
        listed = {**handler(schema), "minItems": self.least, "uniqueItems": True}
        return {"anyOf": [listed, {"type": "string"}]}
