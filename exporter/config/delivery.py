"""The channels that reports and news are delivered to: docs/delivery.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr

from exporter.config.document import Document, Tree, found
from exporter.config.kinds import Kind, ListOf, suggestion
from exporter.config.numbers import Whole
from exporter.config.reports import FILE_FORMATS, words_of
from exporter.config.section import Section, SourceName
from exporter.config.texts import Choice, FilePath, Pattern, ReadableFile
from exporter.errors import ConfigProblem

CREDENTIAL = Pattern(r"(?!\.)[^/\s]{1,255}", "the name of a credential, without a path", "vzcover-mail")
MAIL_ADDRESS = Pattern(r"[!-;=?A-~]+@[A-Za-z0-9.-]+", "one address without a name", "backups@example.com")
HOST = Pattern(r"[A-Za-z0-9._:-]+", "a host's name or address", "mail.example.com")
PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, "none": 25}
NO_PASSWORD = "security: none would send the password for all to read; write starttls or tls, or remove it"  # noqa: S105


class Password(Kind):
    """A password: printable ASCII on one line, because SMTP servers agree on nothing else."""

    word: ClassVar[str] = "secret"

    def parse(self, value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str):
            raise ValueError(f"expected text, found {found(value)}")
        if not re.fullmatch("[ -~]+", text):
            raise ValueError("a password is one line of printable ASCII characters")
        return SecretStr(text)

    def shown(self, value: SecretStr) -> str:
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}


class NotifyUrls(Password):
    """Addresses of apprise, with blanks or line ends between; as a whole a secret, because most hold one."""

    def parse(self, value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str):
            raise ValueError(f"expected text, found {found(value)}")
        if not text.split() or not all(re.fullmatch(r"[a-z0-9+.-]+://[!-~]+", url) for url in text.split()):
            raise ValueError("expected addresses of apprise, such as slack://… or jsons://…, blanks between them")
        return SecretStr(" ".join(text.split()))


class MailServer(Section):
    """Mail through an SMTP server."""

    host: Annotated[str, HOST] = Field(description="The SMTP server.")
    security: Annotated[str, Choice(("starttls", "tls", "none"))] = Field(
        default="starttls",
        description="How the connection is encrypted; a server that offers no STARTTLS is not sent to without it.",
    )
    port: Annotated[int | None, Whole(1, 65535)] = Field(
        default=None, description="Its port; by default 587 for starttls, 465 for tls, 25 for none."
    )
    ca_file: Annotated[Path | None, ReadableFile(certificates=True)] = Field(
        default=None, description="PEM file of the authorities to trust instead of the public ones."
    )
    username: Annotated[str | None, Pattern("[ -~]+", "printable ASCII characters", "vzcover")] = Field(
        default=None, description="Account at the server; none: no login."
    )
    password: Annotated[SecretStr | None, Password()] = Field(
        default=None,
        description="Its password: ${NAME} reads it from the environment; at most one of password, password_file, "
        "password_credential.",
    )
    password_file: Annotated[Path | None, FilePath()] = Field(
        default=None, description="File that holds only the password."
    )
    password_credential: Annotated[str | None, CREDENTIAL] = Field(
        default=None, description="Name of the systemd credential that holds the password."
    )
    sender: Annotated[str, MAIL_ADDRESS] = Field(description="The address in From.")
    to: Annotated[tuple[Annotated[str, MAIL_ADDRESS], ...], ListOf()] = Field(description="The addresses in To.")
    attach: Annotated[tuple[Annotated[str, Choice(FILE_FORMATS)], ...], ListOf(0)] = Field(
        default=("pdf",), description="Files of a report to attach; [] for none."
    )

    @property
    def port_number(self) -> int:
        """The port that is used."""
        return self.port or PORTS[self.security]


class Notify(Section):
    """Chat services and webhooks through apprise (the extra vzcover[notify])."""

    url: Annotated[SecretStr, NotifyUrls()] = Field(
        description="Where to, as apprise writes it; several with blanks between. ${NAME} reads it from the environment. "
        "Give exactly one of url, url_file, url_credential."
    )
    url_file: Annotated[Path | None, FilePath()] = Field(
        default=None, description="File that holds only these addresses."
    )
    url_credential: Annotated[str | None, CREDENTIAL] = Field(
        default=None, description="Name of the systemd credential that holds them."
    )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses one by one."""
        return tuple(self.url.get_secret_value().split())


class Channel(Section):
    """One way to people: mail, or apprise."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["mail"]}, {"required": ["apprise"]}]})

    name: SourceName = Field(
        description="Name in metrics, logs, `vzcover notify` and `reports`; unique among channels."
    )
    when: Annotated[tuple[Annotated[str, Choice(("daily", "findings", "change"))], ...], ListOf(0)] = Field(
        default=("daily",),
        description="daily: each daily report; findings: when findings that lower a verdict, or warnings about jobs, stores and "
        "waivers, were not told yet, or a source has not answered for 15 minutes; change: when a guest's protection became "
        "worse or unknown, or a new guest is unprotected; []: only the `reports` that name it.",
    )
    clusters: Annotated[tuple[SourceName, ...], ListOf()] = Field(
        default=(), description="Only these clusters, in messages and attached files; none given: all."
    )
    severities: Annotated[tuple[Annotated[str, Choice(("critical", "warning"))], ...], ListOf()] = Field(
        default=("critical", "warning"),
        description="How grave news must be for `findings` and `change`; a guest that became unprotected is critical.",
    )
    language: Annotated[str | None, Choice(("en", "fr"))] = Field(
        default=None, description="Language of message and files; by default that of the report."
    )
    mail: MailServer | None = Field(default=None, description="The channel is mail.")
    apprise: Notify | None = Field(default=None, description="The channel is what apprise reaches.")


def delivery_problems(document: Document) -> Iterator[ConfigProblem]:
    """Given the document, yield what no single setting of `deliver` shows; parts of a wrong form are left to the model."""
    root = document.root if isinstance(document.root, dict) else {}
    clusters = [name.strip() for source in _mappings(root.get("pve")) if isinstance(name := source.get("name"), str)]
    first: dict[str, int] = {}
    listed = root.get("deliver")
    for index, channel in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(channel, dict):
            continue
        name, mail = channel.get("name"), channel.get("mail")
        if isinstance(name, str) and first.setdefault(name.strip(), index) != index:
            message = f"already the name of deliver[{first[name.strip()]}]; names of channels are unique"
            yield document.problem(("deliver", index, "name"), message)
        if (mail is None) == (channel.get("apprise") is None):
            yield document.problem(("deliver", index), "give exactly one of mail, apprise")
        if isinstance(mail, dict):
            yield from _login_problems(document, index, mail)
        for cluster in words_of(channel.get("clusters")):
            if cluster not in clusters:
                message = f"no configured cluster is called {cluster}; {suggestion(cluster, clusters)}"
                yield document.problem(("deliver", index, "clusters"), message)


def _login_problems(document: Document, index: int, mail: Mapping[str, Tree]) -> Iterator[ConfigProblem]:
    """Secrets are in `password` by now, wherever they came from."""
    named, secret = mail.get("username") is not None, mail.get("password") is not None
    if named != secret:
        message = "username and password belong together; give both or none"
        yield document.problem(("deliver", index, "mail", "username" if named else "password"), message)
    if secret and mail.get("security") == "none":
        yield document.problem(("deliver", index, "mail", "security"), NO_PASSWORD)


def _mappings(listed: Tree) -> list[Mapping[str, Tree]]:
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
