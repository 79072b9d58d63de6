"""What a node's vzdump.conf says, through an answer that mixes it with one storage's own retention (E1, E2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from exporter.collect.pve_calls import PveCalls
from exporter.errors import ServerFailed
from report.facts import StorageDefinition, VzdumpDefaults

# PVE looks at the storage that it would save to, `local` unless vzdump.conf names another, before it answers (B29)
_REFUSED = re.compile(r"can't use storage '([^']+)' for backups - wrong content type|storage '([^']+)' does not exist")


def read_defaults(calls: PveCalls, node: str, storages: Sequence[StorageDefinition] | None) -> VzdumpDefaults:
    """Given the calls, a node and all storages (None: not known), return the node's defaults; raise SourceError.

    Where the storage that jobs save to by default takes no backups, or has a retention of its own that hides that of vzdump.conf, another
    one tells: one call more. Where every storage has a retention of its own, that of vzdump.conf decides nothing.
    """
    try:
        defaults = calls.vzdump_defaults(node)
    except ServerFailed as error:
        refused = _REFUSED.search(error.detail) if error.status == 500 else None
        if refused is None:
            raise
        defaults = VzdumpDefaults(storage=refused.group(1) or refused.group(2))
        if storages is None:
            raise
    else:
        if all(storage.keep is None for storage in storages or () if storage.storage == defaults.storage):
            return defaults
    telling = _telling(storages or (), node)
    if telling is None:
        return replace(defaults, keep=None)
    told = calls.vzdump_defaults(node, telling.storage)
    return replace(told, storage=defaults.storage, dumpdir=None, keep=told.keep if telling.keep is None else None)


def _telling(storages: Sequence[StorageDefinition], node: str) -> StorageDefinition | None:
    """Return a storage that takes backups on the node, one without a retention of its own if there is any."""
    usable = (
        storage
        for storage in storages
        if "backup" in storage.content and not storage.disabled and (not storage.nodes or node in storage.nodes)
    )
    return min(usable, key=lambda storage: (storage.keep is not None, storage.storage), default=None)
