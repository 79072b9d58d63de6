"""Two clusters that write to one namespace of one datastore mix or block each other's backups (rulebook D14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from report.facts import StorageDefinition
from report.policy import DeclaredStorage
from report.storage_options import DEFAULT_PORT, PBS, server_of

# (cluster, storage)
EntryKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shared:
    """A namespace that several clusters would write to: where (`server:port`), and the entries as (cluster, name), sorted.

    `in_file`: the file names at least one of the entries; `source`: the configured PBS that it lies on, "" none that is known.
    """

    server: str
    datastore: str
    namespace: str
    entries: tuple[EntryKey, ...]
    in_file: bool
    source: str = ""

    @property
    def place(self) -> str:
        """The place in words."""
        inside = f"namespace {self.namespace}" if self.namespace else "the root namespace"
        return f"{inside} of datastore {self.datastore} on {self.server}"


@dataclass(frozen=True, slots=True)
class _Writer:
    """An entry that takes backups, and the configured PBS to which it leads, "" none that is known."""

    key: EntryKey
    storage: StorageDefinition
    source: str

    @property
    def address(self) -> tuple[str, int]:
        return server_of(self.storage), self.storage.port or DEFAULT_PORT


def shared_targets(
    declared: Sequence[DeclaredStorage],
    actual: Mapping[str, Sequence[StorageDefinition]],
    sources: Mapping[EntryKey, str] | None = None,
) -> tuple[Shared, ...]:
    """Given what is declared, what the clusters have, and the configured PBS to which entries lead where that is known, return each
    namespace that more than one cluster would write to.

    What is declared takes the place of what PVE has under that name. An entry that is switched off or takes no backups does not write.
    One server may go by two names: the same certificate, or the same configured PBS, is the same server.
    """
    known = sources or {}
    named = {(entry.cluster, entry.name) for entry in declared}
    entries = [((entry.cluster, entry.name), entry.definition) for entry in declared]
    entries += [
        ((cluster, storage.storage), storage)
        for cluster, storages in actual.items()
        for storage in storages
        if storage.storage_type == PBS and (cluster, storage.storage) not in named
    ]
    by_place: dict[tuple[str, str], list[_Writer]] = defaultdict(list)
    for key, storage in entries:
        if not storage.disabled and "backup" in storage.content:
            place = storage.datastore or "", storage.namespace or ""
            by_place[place].append(_Writer(key, storage, known.get(key, "")))
    return tuple(_report(group, named) for _, there in sorted(by_place.items()) for group in _groups(there))


def _groups(writers: Sequence[_Writer]) -> Iterator[list[_Writer]]:
    """Yield writers of one server, where they are of several clusters; servers join where two of theirs are the same."""
    groups = [[writer] for writer in writers]
    for first, second in combinations(writers, 2):
        if _same_server(first, second):
            one = next(group for group in groups if first in group)
            other = next(group for group in groups if second in group)
            if one is not other:
                one += other
                groups = [group for group in groups if group is not other]
    for group in groups:
        if len({writer.key[0] for writer in group}) > 1:
            yield group


def _same_server(first: _Writer, second: _Writer) -> bool:
    certificate = (first.storage.fingerprint or "").upper()
    if certificate and certificate == (second.storage.fingerprint or "").upper():
        return True
    return first.address == second.address or (first.source != "" and first.source == second.source)


def _report(group: Sequence[_Writer], named: set[EntryKey]) -> Shared:
    first = group[0]
    server, port = first.address
    return Shared(
        server=f"{server}:{port}",
        datastore=first.storage.datastore or "",
        namespace=first.storage.namespace or "",
        entries=tuple(sorted(writer.key for writer in group)),
        in_file=any(writer.key in named for writer in group),
        source=next((writer.source for writer in group if writer.source), ""),
    )
