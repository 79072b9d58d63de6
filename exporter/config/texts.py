"""Settings that are text of a certain form: words, token ids, fingerprints, times, zones, paths, secrets."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import SecretStr

from exporter.config.document import found
from exporter.config.files import UnreadableError, read_small
from exporter.config.kinds import Kind, quoted, text_of


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]
    word: ClassVar[str] = "word"

    def parse(self, value: object) -> str:
        text = text_of(value)
        if text not in self.words:
            right = " or ".join(self.words) if len(self.words) < 3 else f"one of {', '.join(self.words)}"
            raise ValueError(f"{quoted(text)} is not known; write {right}")
        return text

    def limits(self) -> str:
        return ", ".join(self.words)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Pattern(Kind):
    """Text of a certain form; `shape` says which, `example` shows one. The value is not repeated in a refusal."""

    pattern: str
    shape: str
    example: str
    word: ClassVar[str] = "text"

    def parse(self, value: object) -> str:
        text = text_of(value)
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"expected {self.shape}, such as {self.example}")
        return text

    def limits(self) -> str:
        return self.shape

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$", "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class AnyText(Kind):
    """Free text on one line."""

    def parse(self, value: object) -> str:
        return " ".join(text_of(value).split())


USER_REALM_NAME = r"[^\s:/!=]+@[A-Za-z0-9_][A-Za-z0-9._-]*![A-Za-z0-9_][A-Za-z0-9._-]*"


@dataclass(frozen=True, slots=True)
class TokenId(Kind):
    """The name of an API token of PVE or PBS, without its secret."""

    word: ClassVar[str] = "token id"

    def parse(self, value: object) -> str:
        text = text_of(value)
        if re.fullmatch(USER_REALM_NAME, text):
            return text
        tail = text.rsplit("!", 1)[-1]
        if "!" in text and ("=" in tail or ":" in tail):
            raise ValueError(
                "holds more than the token's name; write USER@REALM!TOKEN here and the rest to token_secret"
            )
        raise ValueError("expected USER@REALM!TOKEN, such as vzcover@pve!readonly")

    def limits(self) -> str:
        return "USER@REALM!TOKEN"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{USER_REALM_NAME}$", "examples": ["vzcover@pve!readonly"]}


@dataclass(frozen=True, slots=True)
class Fingerprint(Kind):
    """The SHA-256 of a certificate: 32 pairs of hexadecimal digits, with or without colons; value AA:BB:…"""

    word: ClassVar[str] = "SHA-256 fingerprint"

    def parse(self, value: object) -> str:
        digits = re.sub(r"^(sha256|sha-256)[:= ]|[: ]", "", text_of(value).lower())
        if len(digits) == 40 and re.fullmatch("[0-9a-f]+", digits):
            raise ValueError("this is a SHA-1 fingerprint (20 pairs); write the SHA-256 one (32 pairs)")
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError("expected 32 pairs of hexadecimal digits, such as pvenode cert info shows as fingerprint")
        return ":".join(digits[start : start + 2] for start in range(0, 64, 2)).upper()

    def limits(self) -> str:
        return "32 pairs of hexadecimal digits, colons or not"


@dataclass(frozen=True, slots=True)
class TimeOfDay(Kind):
    """Hours and minutes from 00:00 to 23:59."""

    word: ClassVar[str] = "time of day"
    unit: ClassVar[str] = "HH:MM"

    def parse(self, value: object) -> time:
        if isinstance(value, time):
            return value
        text = text_of(value)
        parts = re.fullmatch("([0-9]{1,2}):([0-9]{2})", text)
        if parts is None or int(parts[1]) > 23 or int(parts[2]) > 59:
            raise ValueError(f"{quoted(text)} is not a time of day; write HH:MM from 00:00 to 23:59, such as 06:00")
        return time(int(parts[1]), int(parts[2]))

    def shown(self, value: time) -> str:
        return f"{value:%H:%M}"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}


@dataclass(frozen=True, slots=True)
class Zone(Kind):
    """The IANA name of a time zone; a text, because a ZoneInfo is looked up where it is used."""

    word: ClassVar[str] = "time zone"
    unit: ClassVar[str] = "IANA name"

    def parse(self, value: object) -> str:
        text = text_of(value)
        try:
            ZoneInfo(text)
        except (OSError, ValueError, LookupError):  # a folder's name is an IsADirectoryError, ../ a ValueError
            close = get_close_matches(text, sorted(available_timezones()), n=1, cutoff=0.6)
            right = f"did you mean {close[0]}?" if close else "write an IANA name such as Europe/Vienna or UTC"
            raise ValueError(f"{quoted(text)} is not a time zone; {right}") from None
        return text


@dataclass(frozen=True, slots=True)
class FilePath(Kind):
    """A path; a relative one is relative to the configuration file's folder (to the current one without a file)."""

    word: ClassVar[str] = "path"

    def parse_in(self, value: object, folder: Path) -> Path:
        path = value if isinstance(value, Path) else Path(text_of(value))
        try:
            usable = b"\0" not in os.fsencode(path)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("no usable path; write one without NUL and other impossible characters")
        return folder / path


@dataclass(frozen=True, slots=True)
class ReadableFile(FilePath):
    """A file that must be there and readable; with `certificates`, a PEM file that holds at least one."""

    certificates: bool = False
    word: ClassVar[str] = "path of a file"

    def parse_in(self, value: object, folder: Path) -> Path:
        path = FilePath.parse_in(self, value, folder)
        try:
            content, _ = read_small(path, 4 * 1024 * 1024)
        except UnreadableError as error:
            raise ValueError(f"{path} {error}") from None
        if self.certificates:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii"))
            except (ssl.SSLError, ValueError):
                raise ValueError(f"{path} holds no PEM certificate; name a file with BEGIN CERTIFICATE in it") from None
        return path


@dataclass(frozen=True, slots=True)
class Secret(Kind):
    """A secret: shown as stars wherever it is printed; one word of printable ASCII, because it becomes an HTTP header."""

    word: ClassVar[str] = "secret"

    def parse(self, value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str):
            raise ValueError(f"expected text, found {found(value)}")
        if not text:
            raise ValueError("the secret is empty; write the secret that was shown when the token was made")
        if "!" in text and re.match(r"(PVEAPIToken=|PBSAPIToken=)?[^\s=]+![^\s=:]+[=:]", text):
            raise ValueError("holds the whole token; only the part behind USER@REALM!TOKEN= is the secret")
        if not re.fullmatch("[!-~]+", text):
            raise ValueError("a secret is one word of printable ASCII characters; found blanks, line ends or others")
        return SecretStr(text)

    def shown(self, value: SecretStr) -> str:
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}
