"""Whether the entries of a file could work: the server's name, port and certificate, and the place in its datastore.

`judge` is pure; `look` asks the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from exporter.client.probe import Probe, ProbedCertificate, ProbeFailure
from exporter.storages.entries import ClusterStorages, Desired
from report.facts import StorageDefinition
from report.storage_options import DEFAULT_PORT

EXPIRES_SOON = 14 * 86_400
SHOW = "proxmox-backup-manager cert info"


class Grade(StrEnum):
    """How good a check came out."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: for which entry, on which clusters, what, how it came out, in words, and what to do."""

    entry: str
    clusters: tuple[str, ...]
    what: str
    grade: Grade
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Shelves:
    """What a configured PBS shows to the monitoring token: by datastore its namespaces, or why they could not be read; `problem` says why
    the PBS itself could not be asked."""

    title: str
    namespaces: Mapping[str, tuple[str, ...] | str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Failure:
    """One row: how a failed probe reads, and what to do."""

    what: str
    grade: Grade
    message: str
    remedy: str


_FAILURES = {
    ProbeFailure.NAME: _Failure(
        "DNS", Grade.UNREACHABLE, "the name does not resolve", "correct `server`, or DNS on this host and the nodes"
    ),
    ProbeFailure.REFUSED: _Failure(
        "TCP", Grade.UNREACHABLE, "nothing listens there", "is the PBS up, and `port` right?"
    ),
    ProbeFailure.UNREACHABLE: _Failure(
        "TCP", Grade.UNREACHABLE, "no way there", "check the route and the firewall; or --skip-connectivity"
    ),
    ProbeFailure.TIMEOUT: _Failure(
        "TCP", Grade.UNREACHABLE, "no connection in time", "check the route and the firewall; or --skip-connectivity"
    ),
    ProbeFailure.PLAIN_HTTP: _Failure(
        "TLS", Grade.BAD, "it speaks HTTP without TLS", "set `port` to the API's (8007), not to a web server's"
    ),
    ProbeFailure.TLS: _Failure(
        "TLS", Grade.BAD, "no TLS handshake came about", "is this the API's port, and does it speak TLS 1.2 or later?"
    ),
}


def look(
    desired: Sequence[Desired],
    probe: Callable[[str, int], Probe],
    shelves: Callable[[str, int], Shelves | None],
    now: int,
) -> tuple[Check, ...]:
    """Given what the file wants, what probes an address, what asks the PBS configured for an address (None: there is none), and now, return
    all checks in the file's order. Each address is asked once; an entry that is switched off is looked at like the others."""
    probes: dict[tuple[str, int], Probe] = {}
    shown: dict[tuple[str, int], Shelves | None] = {}
    checks: list[Check] = []
    for entries in _by_entry(desired):
        definition = entries[0].definition
        address = (definition.server or "", definition.port or DEFAULT_PORT)
        if address not in probes:
            probes[address] = probe(*address)
            shown[address] = shelves(*address)
        clusters = tuple(entry.cluster for entry in entries)
        checks += judge(definition, clusters, probes[address], now)
        checks += _place(definition, clusters, shown[address])
    return tuple(checks)


def _by_entry(desired: Sequence[Desired]) -> Iterator[list[Desired]]:
    """Yield the entries that differ in nothing but their cluster together."""
    groups: dict[StorageDefinition, list[Desired]] = {}
    for entry in desired:
        groups.setdefault(entry.definition, []).append(entry)
    yield from groups.values()


def judge(definition: StorageDefinition, clusters: tuple[str, ...], found: Probe, now: int) -> Iterator[Check]:
    """Given an entry, its clusters, what was found at its address, and now (epoch), yield what is to be said of it."""

    def check(what: str, grade: Grade, message: str, remedy: str = "") -> Check:
        return Check(definition.storage, clusters, what, grade, message, remedy)

    where = f"{found.host}:{found.port}"
    if found.failure is not None:
        row = _FAILURES[found.failure]
        yield check(row.what, row.grade, f"{where}: {row.message} ({found.detail})", row.remedy)
        return
    yield check("DNS", Grade.GOOD, f"{found.host} is {', '.join(found.addresses)}")
    yield check("TCP", Grade.GOOD, f"{where} takes connections at {found.address}")
    yield check("TLS", Grade.GOOD, f"{where} speaks {found.tls_version}")
    if found.certificate is None:
        yield check("certificate", Grade.BAD, f"{where}: the certificate cannot be read", f"look at it there: {SHOW}")
        return
    grade, message, remedy = _trust(definition, found, found.certificate)
    yield check("certificate", grade, message, remedy)
    grade, message, remedy = _expiry(found.certificate, now)
    yield check("expiry", grade, message, remedy)


def _trust(definition: StorageDefinition, found: Probe, certificate: ProbedCertificate) -> tuple[Grade, str, str]:
    presented = certificate.fingerprint
    own = ", self-signed" if certificate.self_signed else ""
    pin = f'compare with `{SHOW}` on the PBS and set fingerprint: "{presented}"'
    if definition.fingerprint is None:
        if not found.distrust:
            return Grade.GOOD, f"a public authority vouches for it ({certificate.issuer})", ""
        return Grade.BAD, f"no fingerprint is given, and nobody vouches for it ({found.distrust}{own})", pin
    if definition.fingerprint.upper() == presented:
        return Grade.GOOD, f"its SHA-256 is the file's ({presented[:11]}…{own})", ""
    message = f"another certificate: {presented} presented{own}, {definition.fingerprint.upper()} in the file"
    return Grade.BAD, message, f"if it was renewed, {pin}; if not, somebody stands in between"


def _expiry(certificate: ProbedCertificate, now: int) -> tuple[Grade, str, str]:
    until = datetime.fromtimestamp(certificate.not_after, UTC).strftime("%Y-%m-%d")
    renew = "renew it there: proxmox-backup-manager cert update --force; then set the new fingerprint"
    if certificate.not_after < now:
        return Grade.BAD, f"the certificate expired on {until}", renew
    if certificate.not_before > now:
        return Grade.BAD, "the certificate is not valid yet", "check the clocks of both hosts"
    if certificate.not_after < now + EXPIRES_SOON:
        return Grade.WARNING, f"the certificate expires on {until}", renew
    return Grade.GOOD, f"the certificate is valid until {until}", ""


def _place(definition: StorageDefinition, clusters: tuple[str, ...], shelves: Shelves | None) -> Iterator[Check]:
    """Yield whether datastore and namespace are there, where a configured PBS can be asked."""
    if shelves is None:
        return
    store, namespace = definition.datastore or "", definition.namespace or ""
    name = definition.storage
    if shelves.problem:
        yield Check(name, clusters, "datastore", Grade.UNKNOWN, shelves.problem)
    elif store not in shelves.namespaces:
        others = ", ".join(shelves.namespaces) or "none"
        message = f"{shelves.title} shows no datastore {store} (it shows: {others})"
        yield Check(name, clusters, "datastore", Grade.BAD, message, "correct `datastore`, or make it there")
    elif isinstance(seen := shelves.namespaces[store], str):
        yield Check(name, clusters, "datastore", Grade.UNKNOWN, seen)
    elif namespace not in seen:
        message = f"{shelves.title} shows no namespace {namespace} in {store}"
        remedy = f"make it there (Datastore > {store} > Content > Add NS), or correct `namespace`"
        yield Check(name, clusters, "namespace", Grade.BAD, message, remedy)
    else:
        inside = f"namespace {namespace}" if namespace else "the root namespace"
        yield Check(name, clusters, "datastore", Grade.GOOD, f"{shelves.title} has {store} and {inside}")


def nodes_view(desired: Sequence[Desired], actual: Mapping[str, ClusterStorages]) -> tuple[Check, ...]:
    """Given what the file wants and what the clusters have with their nodes' states, return how the nodes see the entries."""
    return tuple(_seen_by_nodes(entry, actual.get(entry.cluster)) for entry in desired)


def _seen_by_nodes(entry: Desired, cluster: ClusterStorages | None) -> Check:
    def check(grade: Grade, message: str, remedy: str = "") -> Check:
        return Check(entry.name, (entry.cluster,), "nodes", grade, message, remedy)

    if cluster is None:
        return check(Grade.UNKNOWN, "the cluster could not be read")
    if cluster.find(entry.name) is None:
        return check(Grade.GOOD, "PVE has no such entry yet, so no node has tried it")
    states = [state for state in cluster.states if state.storage == entry.name]
    if not states:
        return check(Grade.UNKNOWN, "no node told")
    off = [state.node for state in states if not state.active]
    if not off:
        return check(Grade.GOOD, f"active on {', '.join(state.node for state in states)}")
    if all(not state.enabled for state in states):
        grade = Grade.GOOD if entry.definition.disabled else Grade.UNKNOWN
        return check(grade, "it is switched off in PVE, so no node tries it")
    return check(Grade.BAD, f"not active on {', '.join(off)}", f"look there: pvesm status --storage {entry.name}")
