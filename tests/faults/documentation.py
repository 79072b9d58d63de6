"""docs/faults.md out of the table: `python -m tests.faults.documentation > docs/faults.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.effects import expected
from tests.faults.table import CALLED, FAILING, KINDS, MISSING, Called

NO_ONE = "no guest"


def document() -> str:
    """Return the document."""
    return "\n".join((*_head(), *_rows(), *_missing(), *_contradicted(), *_whole())) + "\n"


def _head() -> Iterator[str]:
    yield "# What a fault costs"
    yield ""
    yield (
        f"Made from the table of the fault matrix (`tests/faults/`): {len(CALLED)} endpoints × {len(KINDS)} kinds of fault, "
        f"{len(CALLED) * len(KINDS)} cells. `make test` tries one cell of each endpoint and pairs of cells, by seed (VZCOVER_SEED); "
        "`make test-all` tries them all."
    )
    yield ""
    yield "1. After a healthy refresh a fault costs no verdict for three refresh intervals: what was read is held, with its age."
    yield "2. On a first refresh, or when it lasts longer, the guests below turn *indetermine* (plan) or *unknown* (protection), no others."
    yield "3. An answer that another one contradicts counts as failed. What nothing contradicts is listed further down."
    yield "4. In the first refresh that asks again everything is as before."
    yield ""
    yield f"Failures: {', '.join(FAILING)}. Numbers are the guests of the test's cluster."
    yield ""
    yield "A source that is down is asked at the next refresh, then after twice as long each time, up to 10 minutes or one refresh."
    yield "One call may take a third of `refresh.deadline`."
    yield ""


def _rows() -> Iterator[str]:
    yield "| source | endpoint | what rests on it | on a first refresh | beyond what may be held |"
    yield "|---|---|---|---|---|"
    table = expected()
    for called in CALLED:
        row = table[called.name]["failed"]
        first, stale = _said(row["first"]), _said(row["stale"])
        yield f"| {called.source} | `{called.path}` | {called.facts} | {first} | {'the same' if stale == first else stale} |"
    yield ""


def _missing() -> Iterator[str]:
    yield "## Rows missing, and nothing to contradict it"
    yield ""
    yield "These answers are also those of a genuine server in another state; the verdict is the one that state deserves."
    yield ""
    yield "| source | endpoint | fault | what it says | what changes |"
    yield "|---|---|---|---|---|"
    table = expected()
    for called in CALLED:
        for kind, words in called.genuine.items():
            rows = table[called.name]
            effects = rows[kind if kind in rows else "failed"]
            yield f"| {called.source} | `{called.path}` | {kind} | {words} | {_said(effects.get('held', {}))} |"
    yield ""


def _contradicted() -> Iterator[str]:
    yield "## Rows missing on a first refresh, seen through"
    yield ""
    yield "Held facts stay; on a first refresh, where there are none, these differ from a failure of the endpoint."
    yield ""
    yield "| source | endpoint | fault | on a first refresh |"
    yield "|---|---|---|---|"
    for called, kind, effects in _named():
        yield f"| {called.source} | `{called.path}` | {kind} | {_said(effects['first'])} |"


def _whole() -> Iterator[str]:
    yield ""
    yield "## Faults that take nothing away"
    yield ""
    yield "| source | endpoint | fault | why |"
    yield "|---|---|---|---|"
    for called in CALLED:
        for kind, words in called.whole.items():
            yield f"| {called.source} | `{called.path}` | {kind} | {words} |"


def _named() -> Iterator[tuple[Called, str, Mapping[str, Any]]]:
    table = expected()
    for called in CALLED:
        for kind in MISSING:
            if kind in table[called.name] and kind not in called.genuine and kind not in called.whole:
                yield called, kind, table[called.name][kind]


def _said(effect: Mapping[str, Any]) -> str:
    parts = [
        f"{state}: {_numbers(vmids)} ({reason})"
        for state in ("indetermine", "unknown")
        for reason, vmids in effect.get(state, {}).items()
    ]
    if "absent" in effect:
        parts.append(f"no guest is known: {_numbers(effect['absent'])}")
    if "fewer findings" in effect:
        parts.append(f"only findings withheld: {_numbers(effect['fewer findings'])}")
    parts += [f"{vmid}: {told}" for vmid, told in effect.get("otherwise", {}).items()]
    return "<br>".join(parts) or NO_ONE


def _numbers(vmids: list[int]) -> str:
    return ", ".join(map(str, vmids))


if __name__ == "__main__":
    sys.stdout.write(document())
