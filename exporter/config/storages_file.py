"""The file of PBS storage entries (rulebook J1) → StoragesFile, with the errors of the configuration file: all at once, with lines.

Names are those that people already have in such files; what PVE calls them is the business of `exporter.storages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from exporter.config.addresses import is_host
from exporter.config.document import Document, found, in_order
from exporter.config.files import UnreadableError, read_small
from exporter.config.kinds import FOLDER, Kind, ListOf, suggestion, text_of
from exporter.config.numbers import Flag, Whole
from exporter.config.problems import problems_of
from exporter.config.reader import LARGEST_FILE, read_document
from exporter.config.section import Section, SourceName
from exporter.config.texts import AnyText, Choice, Fingerprint, Pattern
from exporter.errors import ConfigError, ConfigProblem

SAFE = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
STORAGE_ID = Pattern(
    r"[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]", "a letter, then letters, digits, - _ and ., no sign last", "vault-prod"
)
DATASTORE = Pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]{2,31}", "3 to 32 letters, digits, - _ and .", "homelab-backup")
NAMESPACE = Pattern(rf"(?=.{{1,256}}$){SAFE}(/{SAFE}){{0,7}}", "names with / between, at most 8 deep", "prod/vienna")
USERNAME = Pattern(
    r"[^\s:/!=]+@[A-Za-z0-9_][A-Za-z0-9._-]*(![A-Za-z0-9_][A-Za-z0-9._-]*)?",
    "USER@REALM or USER@REALM!TOKEN",
    "backup@pbs!lab",
)
NODE = Pattern(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", "the name of a node", "pve1")
LARGEST_KEEP = 1_000_000


@dataclass(frozen=True, slots=True)
class Server(Kind):
    """Name or address of a PBS, without a port."""

    word: ClassVar[str] = "host name or address"

    def parse(self, value: object) -> str:
        text = text_of(value)
        if not is_host(text):
            raise ValueError("expected a host name or address, without https:// and path; the port goes into `port`")
        return text


@dataclass(frozen=True, slots=True)
class PasswordSource(Kind):
    """The path of a file that holds a password, or ${NAME}: the environment variable that holds the password itself."""

    word: ClassVar[str] = "path, or ${NAME}"

    def parse_in(self, value: object, folder: Path) -> str:
        text = text_of(value)
        if re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", text):
            return text
        if "${" in text or "\0" in text:
            raise ValueError("${NAME} must be the whole value, NAME of letters, digits and _; else write a path")
        return str(folder / text)


class PruneBackups(Section):
    """Keep options of an entry (E5); `keep_all` stands alone."""

    keep_all: Annotated[bool, Flag()] = Field(default=False, description="Prune nothing.")
    keep_last: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="The last so many.")
    keep_hourly: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="One an hour, so many.")
    keep_daily: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="One a day, so many.")
    keep_weekly: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="One a week, so many.")
    keep_monthly: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="One a month, so many.")
    keep_yearly: Annotated[int, Whole(0, LARGEST_KEEP)] = Field(default=0, description="One a year, so many.")

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """The positive options as PVE names them, sorted; empty means that everything is kept."""
        given = ((name.replace("_", "-"), int(value)) for name, value in self if name != "keep_all")
        return tuple(sorted((name, value) for name, value in given if value))

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.keep_all and self.counts:
            raise ValueError("keep_all excludes the other keep options; keep one or the other")
        if not self.keep_all and not self.counts:
            raise ValueError("keeps nothing; write keep_all: true, or how many, such as keep_daily: 7")
        return self


class StorageEntry(Section):
    """One PBS storage entry, as it should be on its clusters."""

    name: Annotated[str, STORAGE_ID] = Field(description="Name of the entry in PVE; once for each cluster.")
    server: Annotated[str, Server()] = Field(description="Name or address of the PBS; fixed once created.")
    datastore: Annotated[str, DATASTORE] = Field(description="Datastore there; fixed once created.")
    enabled: Annotated[bool, Flag()] = Field(default=True, description="Whether PVE may use it.")
    content: Annotated[tuple[Annotated[str, Choice(("backup", "none"))], ...], ListOf()] = Field(
        default=("backup",), description="What it takes."
    )
    username: Annotated[str, USERNAME] = Field(default="root@pam", description="Account on the PBS; best a token.")
    fingerprint: Annotated[str | None, Fingerprint()] = Field(
        default=None, description="SHA-256 of the certificate; needed unless a public authority signed it."
    )
    prune_backups: PruneBackups | None = Field(default=None, description="Keep options; none: those of the nodes.")
    description: Annotated[str, AnyText()] = Field(default="", description="For people; PVE has no such field.")
    clusters: Annotated[tuple[SourceName, ...], ListOf()] = Field(
        default=(), description="Configured clusters that have it; needed where there are several."
    )
    namespace: Annotated[str, NAMESPACE] = Field(default="", description="Namespace in the datastore; none: its root.")
    port: Annotated[int, Whole(1, 65535)] = Field(default=8007, description="Port of the PBS.")
    nodes: Annotated[tuple[Annotated[str, NODE], ...], ListOf()] = Field(
        default=(), description="Nodes that use it; none: all."
    )
    password_file: Annotated[str | None, PasswordSource()] = Field(
        default=None, description="File with the password or token secret, or ${NAME}; read when an entry is created."
    )
    encryption_key: Annotated[str, Choice(("keep", "autogen"))] = Field(
        default="keep",
        description="autogen: PVE makes a key when it creates the entry; an existing key is never touched.",
    )

    @model_validator(mode="after")
    def _content_fits(self) -> Self:
        if "none" in self.content and len(self.content) > 1:
            raise ValueError("content: none excludes the others; keep one or the other")
        return self


class StoragesFile(Section):
    """The whole file."""

    pbs_storages: tuple[StorageEntry, ...] = Field(description="The entries")


def load_storages(path: Path, clusters: Sequence[str]) -> StoragesFile:
    """Given the file and the names of the configured clusters, return its entries, each with its clusters filled in.

    Raises ConfigError with everything that is wrong. Paths in it are relative to its own folder; passwords are not read.
    """
    try:
        content, _ = read_small(path, LARGEST_FILE)
    except UnreadableError as error:
        raise ConfigError([ConfigProblem(str(path), None, "", str(error))]) from None
    document = read_document(content, str(path))
    if not isinstance(document.root, dict):
        message = f"expected a mapping that begins with `pbs_storages:`, found {found(document.root)}"
        raise ConfigError([*document.problems, document.problem((), message)])
    _empty_list(document)
    problems = [*document.problems, *_cluster_problems(document, clusters)]
    try:
        file = StoragesFile.model_validate(document.root, context={FOLDER: path.absolute().parent})
    except ValidationError as error:
        raise ConfigError(in_order([*problems, *problems_of(error, document, StoragesFile)])) from None
    if problems:
        raise ConfigError(in_order(problems))
    # checked: without clusters there is exactly one
    filled = (
        entry if entry.clusters else entry.model_copy(update={"clusters": tuple(clusters)})
        for entry in file.pbs_storages
    )
    return StoragesFile(pbs_storages=tuple(filled))


def _empty_list(document: Document) -> None:
    """`pbs_storages:` with nothing behind it is an empty list: all entries may have gone."""
    if isinstance(document.root, dict) and "pbs_storages" in document.root and document.root["pbs_storages"] is None:
        document.root["pbs_storages"] = []


def _cluster_problems(document: Document, clusters: Sequence[str]) -> Iterator[ConfigProblem]:
    """Clusters that are not configured or not said, and names that stand twice for one cluster."""
    listed = document.root.get("pbs_storages") if isinstance(document.root, dict) else None
    first: dict[tuple[str, str], int] = {}
    for place, entry in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(entry, dict):
            continue
        named = _named(entry.get("clusters"))
        if not named and len(clusters) > 1:
            message = f"missing; {len(clusters)} clusters are configured, say which: {', '.join(clusters)}"
            yield document.problem(("pbs_storages", place, "clusters"), message)
        for cluster in named:
            if cluster not in clusters:
                message = f"no configured cluster is called {cluster}; {suggestion(cluster, list(clusters))}"
                yield document.problem(("pbs_storages", place, "clusters"), message)
        name: Any = entry.get("name")
        for cluster in (named or clusters) if isinstance(name, str) else ():
            before = first.setdefault((name.strip(), cluster), place)
            if before != place:
                message = f"already the name of pbs_storages[{before}]; a name stands once for each cluster"
                yield document.problem(("pbs_storages", place, "name"), message)
                break


def _named(value: object) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [part.strip() for part in parts if isinstance(part, str) and part.strip()]
