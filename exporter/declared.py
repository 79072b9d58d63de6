"""The file of storages as the daemon follows it: read again when it changes; while it is broken, what it said before stays in force."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.config.storages_file import load_storages
from exporter.errors import ConfigError
from exporter.logs import event
from exporter.storages.entries import wanted
from report.policy import DeclaredStorage, Policy

LOGGER = logging.getLogger("vzcover")
# further errors of the file are counted; `storages validate` tells them all
PROBLEMS_SHOWN = 5

_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class DeclaredFile:
    """Follows one file; `clusters` are the names of the configured ones. For one thread at a time."""

    path: Path
    clusters: tuple[str, ...]
    _declared: tuple[DeclaredStorage, ...] | None = None
    _problem: str = ""
    _stamp: _Stamp | None = None

    @staticmethod
    def following(before: DeclaredFile | None, path: Path, clusters: tuple[str, ...]) -> DeclaredFile:
        """Given what was followed until now, return what follows a path: it is read anew, and what the same file said before is held."""
        if before is None or before.path != path:
            return DeclaredFile(path, clusters)
        return DeclaredFile(path, clusters, before._declared, before._problem)

    def added_to(self, policy: Policy) -> Policy:
        """Given the policy of the configuration, return it with what the file says now."""
        stamp = _stamp(self.path)
        if stamp is None or stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return replace(policy, declared=self._declared, declared_problem=self._problem)

    def _read(self) -> None:
        before = self._problem
        try:
            entries = wanted(load_storages(self.path, self.clusters))
        except ConfigError as error:
            self._problem = _shown(error)
            if self._problem != before:
                event(LOGGER, logging.ERROR, "storages_file is not usable; what it said stays", error=str(error))
        else:
            # where a password lies is the business of `storages apply` alone
            self._declared = tuple(
                DeclaredStorage(entry.cluster, entry.definition, entry.description) for entry in entries
            )
            self._problem = ""
            if before:
                event(LOGGER, logging.INFO, "storages_file is usable again")


def _stamp(path: Path) -> _Stamp | None:
    """Return what tells a file's state, None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _shown(error: ConfigError) -> str:
    lines = [str(problem) for problem in error.problems]
    more = len(lines) - PROBLEMS_SHOWN
    return "; ".join([*lines[:PROBLEMS_SHOWN], *([f"and {more} more"] if more > 0 else [])])
