"""Paths of the API: ids quoted into them, and normalised out of them for labels."""

from __future__ import annotations

import re
from urllib.parse import quote

# one row a place that holds an id; the first match at a place wins
_IDS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^/nodes/[^/]+", "/nodes/{node}"),
        (r"/(qemu|lxc)/[^/]+", r"/\1/{vmid}"),
        (r"/tasks/[^/]+", "/tasks/{upid}"),
        (r"/storage/[^/]+", "/storage/{storage}"),
        (r"^/cluster/backup/[^/]+", "/cluster/backup/{id}"),
        (r"^/pools/.+", "/pools/{poolid}"),
        (r"^/(admin|config)/datastore/[^/]+", r"/\1/datastore/{store}"),
        (r"^/config/(prune|verify|sync|remote)/[^/]+", r"/config/\1/{id}"),
    )
)


def path_of(template: str, **ids: str | int) -> str:
    """Given a template such as `/nodes/{node}/storage` and its ids, return the path with every id percent-encoded."""
    return template.format(**{name: quote(str(value), safe="") for name, value in ids.items()})


def normalised(path: str) -> str:
    """Given a path, return it with its ids replaced by their names: the label `endpoint`, whose values stay few."""
    for pattern, replacement in _IDS:
        path = pattern.sub(replacement, path)
    return path
