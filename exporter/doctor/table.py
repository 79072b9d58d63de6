"""Findings as people see them: a table a source, what to do under each finding, commands whole so that they can be copied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exporter.doctor.findings import Check, Finding, SourceFindings, State, exit_code

SCHEMA_VERSION = 1
MARKS = {
    State.FINE: ("green", "✓"),
    State.WARNING: ("yellow", "!"),
    State.FAILED: ("red", "✗"),
    State.UNKNOWN: ("yellow", "?"),
}
# what the lines to copy are for, by the check whose findings hold them
PURPOSES = dict.fromkeys(Check, "To do there") | {
    Check.CERTIFICATE: "The setting that pins the certificate, under tls",
    Check.PRIVILEGE: "What grants what is missing",
    Check.RIGHTS: "What makes a token that can only read",
}
# below this, a check and its subject share a line and the rest stands under it
TABLE_WIDTH = 90
ARROW = "→ "


def render(sources: Sequence[SourceFindings], width: int) -> Iterator[RenderableType]:
    """Given what was found and the columns there are, yield the parts that are printed one under the other."""
    for source in sources:
        yield Text(f"{source.kind} {_printable(source.name)}", style="bold")
        yield _table(source.findings) if width >= TABLE_WIDTH else _paragraphs(source.findings)
        yield from _to_copy(source.findings)
        yield ""
    yield Text(_summary(sources), style="bold")


def to_json(sources: Sequence[SourceFindings], now: int) -> str:
    """Given what was found and now (epoch), return it as JSON."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "created_at": now,
        "exit_code": exit_code(sources),
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "token_id": source.token_id,
                "usable": source.usable,
                "findings": [
                    {
                        "check": finding.check,
                        "subject": finding.subject,
                        "state": finding.state,
                        "detail": finding.detail,
                        "remedy": finding.remedy,
                        "to_copy": list(finding.to_copy),
                    }
                    for finding in source.findings
                ],
            }
            for source in sources
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("check", no_wrap=True)
    table.add_column("subject", overflow="fold")
    table.add_column("seen", overflow="fold", ratio=1)
    for finding in findings:
        table.add_row(_mark(finding), finding.check, Text(_printable(finding.subject)), Group(*_seen(finding)))
    return table


def _paragraphs(findings: Sequence[Finding]) -> Group:
    lines: list[RenderableType] = []
    for finding in findings:
        lines.append(Text.assemble(_mark(finding), " ", (finding.check, "bold"), f" {_printable(finding.subject)}"))
        lines += [Padding(part, (0, 0, 0, 2)) for part in _seen(finding)]
    return Group(*lines)


def _seen(finding: Finding) -> Iterator[Text]:
    yield Text(_printable(finding.detail), overflow="fold")
    if finding.remedy:
        yield Text(ARROW + _printable(finding.remedy), style="cyan", overflow="fold")


def _to_copy(findings: Sequence[Finding]) -> Iterator[Group]:
    """Yield the lines to copy under what they are for, each once and whole: a folded command cannot be copied."""
    by_purpose: dict[str, list[str]] = {}
    for finding in findings:
        by_purpose.setdefault(PURPOSES[finding.check], []).extend(finding.to_copy)
    for heading, lines in by_purpose.items():
        if lines:
            whole = (
                Text(f"     {_printable(line)}", style="cyan", overflow="ignore", no_wrap=True)
                for line in dict.fromkeys(lines)
            )
            # a group, because rich joins bare texts into one and folds that
            yield Group(Text(f"   {heading}:"), *whole)


def _mark(finding: Finding) -> Text:
    colour, mark = MARKS[finding.state]
    return Text(mark, style=colour)


def _summary(sources: Sequence[SourceFindings]) -> str:
    wanting = sum(finding.state is not State.FINE for source in sources for finding in source.findings)
    if not wanting:
        return "Everything that was looked at is fine."
    unusable = [source.name for source in sources if not source.usable]
    closed = f"; not usable: {_printable(', '.join(unusable))}" if unusable else ""
    return f"{wanting} {'finding' if wanting == 1 else 'findings'}{closed}."


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
