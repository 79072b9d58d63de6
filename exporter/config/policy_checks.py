"""What is wrong in the policy and in scopes, and what no single setting shows: unknown clusters, exceptions for everybody, names that
stand twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.config.document import Document, KeyPath, Tree
from exporter.config.kinds import suggestion
from exporter.errors import ConfigProblem
from report.waiver_notes import VOLUME_CODES

Mapped = dict[str, Tree]


def policy_problems(document: Document) -> Iterator[ConfigProblem]:
    """Given the document (the environment laid over it), yield the problems; parts of a wrong form are left to the model."""
    root = document.root if isinstance(document.root, dict) else {}
    clusters = [name.strip() for _, source in _listed(root, "pve") if isinstance(name := source.get("name"), str)]
    policy = root.get("policy")
    policy = policy if isinstance(policy, dict) else {}
    for place, rule in _listed(policy, "rules"):
        yield from _unknown_clusters(document, ("policy", *place), rule, clusters)
    for place, waiver in _listed(policy, "waivers"):
        yield from _unknown_clusters(document, ("policy", *place), waiver, clusters)
        yield from _waiver_problems(document, ("policy", *place), waiver)
    for place, report in _listed(root, "reports"):
        yield from _unknown_clusters(document, place, report, clusters)
    yield from _twice(document, ("policy",), policy, "rules")
    for kind, stores in (("pve", "storages"), ("pbs", "datastores")):
        for path, source in _listed(root, kind):
            yield from _twice(document, path, source, stores)


def _listed(section: Mapped, key: str) -> Iterator[tuple[KeyPath, Mapped]]:
    found = section.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (key, index), item


def _unknown_clusters(document: Document, path: KeyPath, part: Mapped, known: Sequence[str]) -> Iterator[ConfigProblem]:
    match, guest = part.get("match"), part.get("guest")
    named = match.get("clusters") if isinstance(match, dict) else None
    listed = named.split(",") if isinstance(named, str) else named if isinstance(named, list) else []
    written = [((*path, "match", "clusters"), name.strip()) for name in listed if isinstance(name, str)]
    if isinstance(guest, str) and "/" in guest:
        written.append(((*path, "guest"), guest.split("/")[0].strip()))
    for place, name in written:
        if name and name not in known:
            message = f"no configured cluster is called {name}; {suggestion(name, known)}"
            yield document.problem(place, message)


def _waiver_problems(document: Document, path: KeyPath, waiver: Mapped) -> Iterator[ConfigProblem]:
    match, guest = waiver.get("match"), waiver.get("guest")
    if match is not None and guest is not None:
        yield document.problem((*path, "guest"), "match and guest exclude each other; keep one")
    elif guest is None and (match is None or _is_empty(match)):
        message = "missing; say which guests are waived, such as guest: lab/104; all of them are never"
        yield document.problem(path if match is None else (*path, "match"), message)
    code, volume = waiver.get("finding"), waiver.get("volume")
    if volume is not None and isinstance(code, str) and code.strip() not in VOLUME_CODES:
        codes = f"{', '.join(VOLUME_CODES[:-1])} or {VOLUME_CODES[-1]}"
        message = f"the finding is about no single volume; remove it, or write {codes}"
        yield document.problem((*path, "volume"), message)


def _is_empty(match: Tree) -> bool:
    return isinstance(match, dict) and all(value is None for value in match.values())


def _twice(document: Document, path: KeyPath, section: Mapped, key: str) -> Iterator[ConfigProblem]:
    first: dict[str, int] = {}
    for place, item in _listed(section, key):
        name, index = item.get("name"), int(place[1])
        if isinstance(name, str) and (before := first.setdefault(name.strip(), index)) != index:
            yield document.problem((*path, *place, "name"), f"already the name of {key}[{before}]; names are unique")
