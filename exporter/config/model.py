"""Every setting: its name, form, default and meaning. The frozen Config that the rest of the program reads.

Durations are whole seconds, percentages fractions, paths absolute, the secret is in `token_secret` wherever it came
from. docs/configuration.md and docs/config.schema.json are made from this file (`python -m exporter.config.schema`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from exporter.config.addresses import Address, HostKind, ListenKind
from exporter.config.delivery import Channel
from exporter.config.families import FAMILIES
from exporter.config.kinds import ListOf
from exporter.config.numbers import Duration, Flag, Percent, Whole
from exporter.config.policy import Policy, StoreMark
from exporter.config.reports import FurtherReport, History, Report
from exporter.config.section import DAY, HOUR, MINUTE, Section, SourceName
from exporter.config.texts import (
    AnyText,
    Choice,
    FilePath,
    Fingerprint,
    Pattern,
    ReadableFile,
    Secret,
    TokenId,
)

CREDENTIAL = Pattern(r"(?!\.)[^/\s]{1,255}", "the name of a credential, without a path", "vzcover-lab")


class Tls(Section):
    """How the server's certificate is checked. Environment variables and the requests library change nothing here."""

    verify: Annotated[bool, Flag()] = Field(
        default=True,
        description="Check the certificate. false: whoever answers is believed, and a warning says so at each start.",
    )
    ca_file: Annotated[Path | None, ReadableFile(certificates=True)] = Field(
        default=None,
        description="PEM file of the authorities to trust instead of the public ones; on a PVE node "
        "/etc/pve/pve-root-ca.pem. Not together with fingerprint.",
    )
    fingerprint: Annotated[tuple[Annotated[str, Fingerprint()], ...], ListOf()] = Field(
        default=(),
        description="SHA-256 of the one certificate to trust, as PVE and PBS show it (several where each host has its "
        "own); names and authorities are then not looked at. Not together with ca_file.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.ca_file is not None and self.fingerprint:
            raise ValueError(
                "ca_file and fingerprint exclude each other; keep fingerprint to pin a certificate, or ca_file"
            )
        if not self.verify and (self.ca_file is not None or self.fingerprint):
            raise ValueError("verify: false makes ca_file and fingerprint useless; remove verify, or them")
        return self


class Source(Section):
    """What a PVE cluster and a PBS server have in common."""

    kind: ClassVar[str] = ""

    name: SourceName = Field(description="Name in metrics, report and logs; unique among all of pve and pbs.")
    hosts: tuple[Annotated[Address, HostKind(8006)], ...]
    token_id: Annotated[str, TokenId()] = Field(description="API token to use, without its secret.")
    token_secret: Annotated[SecretStr, Secret()] = Field(
        description="The token's secret: ${NAME} reads it from the environment variable NAME; better not written here. "
        "Give exactly one of token_secret, token_secret_file, token_secret_credential.",
    )
    token_secret_file: Annotated[Path | None, FilePath()] = Field(
        default=None, description="File that holds only the secret; line ends behind it are dropped."
    )
    token_secret_credential: Annotated[str | None, CREDENTIAL] = Field(
        default=None, description="Name of the systemd credential that holds the secret (LoadCredential=)."
    )
    tls: Tls = Field(default=Tls(), description="How the server's certificate is checked.")
    connect_timeout: Annotated[int, Duration(1, 5 * MINUTE)] = Field(
        default=5, description="Longest wait for a connection, TLS included, before the next host is tried."
    )
    timeout: Annotated[int, Duration(1, 10 * MINUTE)] = Field(
        default=30, description="Longest silence while an answer is awaited or read."
    )
    max_requests: Annotated[int, Whole(1, 64)] = Field(default=4, description="Requests at the same time.")

    @property
    def title(self) -> str:
        """How the source is shown in errors and logs: "pve lab"."""
        return f"{self.kind} {self.name}"


class PveCluster(Source):
    """One Proxmox VE cluster (or one node that is in none)."""

    kind: ClassVar[str] = "pve"

    hosts: Annotated[tuple[Annotated[Address, HostKind(8006)], ...], ListOf()] = Field(
        description="Nodes of the cluster, tried in this order until one answers."
    )
    write_token_id: Annotated[str | None, TokenId()] = Field(
        default=None,
        description="API token of its own for `vzcover storages apply`, with PVEDatastoreAdmin on /storage; the daemon never uses it.",
    )
    write_token_secret_file: Annotated[Path | None, FilePath()] = Field(
        default=None,
        description="File that holds only that token's secret; read by `vzcover storages apply` and nothing else.",
    )
    storages: tuple[StoreMark, ...] = Field(
        default=(), description="What no API tells of its storages that take backups and are not on a PBS."
    )


class PbsServer(Source):
    """One Proxmox Backup Server."""

    kind: ClassVar[str] = "pbs"

    hosts: Annotated[tuple[Annotated[Address, HostKind(8007)], ...], ListOf()] = Field(
        description="Names of the server, tried in this order until one answers."
    )
    site: Annotated[str | None, AnyText()] = Field(default=None, description="Where the server stands.")
    offsite: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether that is another place than the guests': its backups count as off-site copies.",
    )
    datastores: tuple[StoreMark, ...] = Field(
        default=(), description="What no API tells of its datastores; what is not said holds as for the server."
    )


class Refresh(Section):
    """How often the sources are read, and how long that may take."""

    interval: Annotated[int, Duration(10, DAY)] = Field(
        default=5 * MINUTE, description="Time from the beginning of one refresh to that of the next."
    )
    jitter: Annotated[float, Percent(50)] = Field(
        default=0.1, description="Largest random part of the interval that is added, so that several daemons spread."
    )
    deadline: Annotated[int, Duration(5, HOUR)] = Field(
        default=2 * MINUTE,
        description="Longest time for one whole refresh; what has not come by then counts as failed.",
    )
    guest_config_interval: Annotated[int, Duration(HOUR, 31 * DAY)] = Field(
        default=DAY, description="Time in which every guest's configuration is read once, spread evenly."
    )
    attempts: Annotated[int, Whole(1, 10)] = Field(
        default=3, description="Tries of one request in all; only what may pass is tried again."
    )


class Metrics(Section):
    """What stands on /metrics."""

    leave_out: Annotated[tuple[Annotated[str, Choice(tuple(FAMILIES))], ...], ListOf(0)] = Field(
        default=(),
        description="Families of metrics that are not rendered, as `serve --no-collector.NAME`: docs/metrics.md says which is in which.",
    )


class Web(Section):
    """Where /metrics and the page are served."""

    listen: Annotated[tuple[Annotated[Address, ListenKind()], ...], ListOf()] = Field(
        default=(Address("", 10977),), description="Addresses to listen on; `:10977` is every address."
    )
    config_file: Annotated[Path | None, ReadableFile()] = Field(
        default=None,
        description="Exporter-toolkit web-config.yml with TLS, users, headers and rate limit; read anew when it changes.",
    )
    max_connections: Annotated[int, Whole(10, 100_000)] = Field(
        default=100, description="Connections at the same time; for a further one the longest silent one makes room."
    )
    idle_timeout: Annotated[int, Duration(1, HOUR)] = Field(
        default=75, description="How long an idle connection is kept open; above the scrape interval saves handshakes."
    )
    request_timeout: Annotated[int, Duration(1, 5 * MINUTE)] = Field(
        default=10, description="Time within which a request must be there whole, and before it a TLS handshake."
    )
    stall_timeout: Annotated[int, Duration(1, HOUR)] = Field(
        default=30, description="Longest time in which a client may take nothing of its answer."
    )
    max_request_bytes: Annotated[int, Whole(1024, 1024 * 1024)] = Field(
        default=16 * 1024, description="Longest request: its line and headers; bodies are not read."
    )


class Log(Section):
    """What is logged, and how."""

    format: Annotated[str, Choice(("keyvalue", "json"))] = Field(default="keyvalue", description="Form of a log line.")
    level: Annotated[str, Choice(("debug", "info", "warning", "error"))] = Field(
        default="info", description="Least important lines that are still written."
    )


def _at_least_one(clusters: tuple[PveCluster, ...]) -> tuple[PveCluster, ...]:
    if not clusters:
        raise ValueError("an empty list; write at least one cluster")
    return clusters


class Config(Section):
    """All settings of vzcover."""

    pve: Annotated[tuple[PveCluster, ...], AfterValidator(_at_least_one)] = Field(
        description="Proxmox VE clusters to read, at least one."
    )
    pbs: tuple[PbsServer, ...] = Field(
        default=(), description="Proxmox Backup Servers to read; what lies on others is unknown."
    )
    refresh: Refresh = Field(default=Refresh(), description=Refresh.__doc__)
    policy: Policy = Field(default=Policy(), description=Policy.__doc__)
    report: Report = Field(default=Report(), description=Report.__doc__)
    reports: tuple[FurtherReport, ...] = Field(default=(), description="Reports beside the daily one: docs/reports.md.")
    history: History = Field(default=History(), description=History.__doc__)
    deliver: tuple[Channel, ...] = Field(
        default=(), description="Channels that reports and news are delivered to: docs/delivery.md."
    )
    metrics: Metrics = Field(default=Metrics(), description=Metrics.__doc__)
    web: Web = Field(default=Web(), description=Web.__doc__)
    log: Log = Field(default=Log(), description=Log.__doc__)
    storages_file: Annotated[Path | None, FilePath()] = Field(
        default=None,
        description="YAML file of the PBS storage entries that the clusters should have: docs/storages.md.",
    )
    drills_dir: Annotated[Path | None, FilePath()] = Field(
        default=None,
        description="Folder in which restore drills are reported, one JSON file each: docs/drills.md.",
    )
    state_dir: Annotated[Path, FilePath()] = Field(
        default=Path("/var/lib/vzcover"),
        description="What must survive a restart; by default the first folder of $STATE_DIRECTORY where that is set.",
    )

    @property
    def history_file(self) -> Path:
        """Where the history lies."""
        return self.history.file or self.state_dir / "history.db"

    @property
    def sources(self) -> tuple[Source, ...]:
        """All clusters and servers, in the order of the file."""
        return (*self.pve, *self.pbs)
