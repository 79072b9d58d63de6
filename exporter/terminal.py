"""What people see on a terminal: tables, progress, complaints. Quiet in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from report.sections import Section

# the state's colour, and its mark for those who do not see colours
STYLES = {
    "sauvegarde_planifiee": ("green", "✓"),
    "non_sauvegardee": ("red", "✗"),
    "indetermine": ("yellow", "?"),
    "waived": ("blue", "–"),
    "active": ("green", "✓"),
    "paused": ("yellow", "‖"),
    "broken": ("red", "✗"),
    "unknown": ("yellow", "?"),
}

# columns of a table that goes into a file or a pipe
PIPE_WIDTH = 140


def complain(message: str) -> None:
    """Given an error's sentence (or several, one a line), print it on standard error."""
    for line in message.splitlines() or [""]:
        print(f"vzcover: {line}", file=sys.stderr)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show that something is under way, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def print_section(section: Section) -> None:
    """Given a section, print its table, then its sentences; cells are text, never markup."""
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    if section.rows:
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("")
        for column in section.columns:
            table.add_column(Text(column.heading), justify="right" if column.right else "left", overflow="fold")
        for row in section.rows:
            colour, mark = STYLES.get(row.state, ("", " "))
            table.add_row(Text(mark, style=colour), *(Text(cell) for cell in row.cells))
        console.print(table)
        console.print()
    elif section.empty:
        console.print(Text(section.empty))
    for sentence in section.sentences:
        console.print(Text(sentence), style="bold")
