"""What people see on a terminal: tables, progress, complaints. Quiet in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exporter.concealed import blotted
from report.sections import Row, Section
from report.words import printable

# the state's colour, and its mark for those who do not see colours
STYLES = {
    "sauvegarde_planifiee": ("green", "✓"),
    "non_sauvegardee": ("red", "✗"),
    "indetermine": ("yellow", "?"),
    "protected": ("green", "✓"),
    "at_risk": ("yellow", "!"),
    "unprotected": ("red", "✗"),
    "waived": ("blue", "–"),
    "active": ("green", "✓"),
    "paused": ("yellow", "‖"),
    "broken": ("red", "✗"),
    "unknown": ("yellow", "?"),
    "create": ("green", "+"),
    "update": ("yellow", "~"),
}

# columns of a table that goes into a file or a pipe
PIPE_WIDTH = 120
# a table needs as much for its last column, or each row becomes a paragraph
TEXT_WIDTH = 64
GAP = 2
INDENT = 3
# rich ends a line at a no-break space too: while lines are laid out, this stands for it
NO_BREAK_SPACE, HELD = "\N{NO-BREAK SPACE}", "\ue000"
ARROW = "→ "


def complain(message: str) -> None:
    """Given an error's sentence (or several, one a line), print it on standard error; what is not printable is shown as such."""
    for line in blotted(message).split("\n"):
        print(f"vzcover: {shown(line)}", file=sys.stderr)


def shown(text: str) -> str:
    """Given a text with parts from outside, return it with what would steer a terminal as visible escapes; line ends stay."""
    return "\n".join(map(printable, text.split("\n")))


def _held(text: str) -> str:
    """What is shown of a text, its words held together where it says so."""
    return shown(text).replace(NO_BREAK_SPACE, HELD)


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
    """Given a section whose last column is what to do about a row, print it as wide as the terminal (a pipe: PIPE_WIDTH)."""
    rows = tuple(replace(row, cells=tuple(map(_held, row.cells))) for row in section.rows)
    printed = replace(section, rows=rows, sentences=tuple(map(_held, section.sentences)))
    print_parts(lambda width: _parts(printed, width))


def print_parts(parts: Callable[[int], Iterable[RenderableType]]) -> None:
    """Given what makes the parts for so many columns, print them one under the other, as wide as the terminal (a pipe: PIPE_WIDTH)."""
    terminal = sys.stdout.isatty()
    console = Console(highlight=False) if terminal else Console(width=PIPE_WIDTH, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(*parts(console.width), sep="\n", crop=False)
    lines = captured.get().replace(HELD, NO_BREAK_SPACE).splitlines()
    # the blanks that fill cells up are noise in a file
    print("\n".join(lines if terminal else map(str.rstrip, lines)))


def _parts(section: Section, width: int) -> Iterator[RenderableType]:
    """Yield the table, or the sentence that stands for it, then the section's sentences; cells are text, never markup."""
    if section.rows:
        short = range(len(section.columns) - 2)
        needed = sum(max(cell_len(row.cells[place]) for row in section.rows) + GAP for place in short)
        yield _table(section) if width - INDENT - needed >= TEXT_WIDTH else _paragraphs(section)
        yield ""
    elif section.empty:
        yield Text(section.empty)
    for sentence in section.sentences:
        yield Text(sentence, style="bold")


def _table(section: Section) -> Table:
    """Lay rows out in columns; what to do stands under why."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column("")
    *short, why, remedy = section.columns
    for column in short:
        table.add_column(Text(column.heading), justify="right" if column.right else "left", no_wrap=True)
    table.add_column(Text(f"{why.heading}  {ARROW}{remedy.heading}"), overflow="fold")
    for row in section.rows:
        cells = (Text(cell) for cell in row.cells[:-2])
        table.add_row(_mark(row), *cells, Group(Text(row.cells[-2]), *_remedy(row)))
    return table


def _paragraphs(section: Section) -> Group:
    """Lay each row out as a paragraph, for a narrow terminal or long names: its head, why, what to do."""
    lines: list[RenderableType] = []
    for row in section.rows:
        head = Text.assemble(_mark(row), " ", (row.cells[0], "bold"), *(f"  {cell}" for cell in row.cells[1:-2]))
        body: tuple[RenderableType, ...] = (Text(row.cells[-2]), *_remedy(row))
        lines += [head, *(Padding(part, (0, 0, 0, INDENT)) for part in body)]
    return Group(*lines)


def _mark(row: Row) -> Text:
    colour, mark = STYLES.get(row.state, ("", " "))
    return Text(mark, style=colour)


def _remedy(row: Row) -> Iterator[Table]:
    """Yield what to do, behind an arrow and indented to it; nothing where there is nothing to do."""
    if row.cells[-1]:
        grid = Table.grid()
        grid.add_column()
        grid.add_column(overflow="fold")
        grid.add_row(Text(ARROW, style="cyan"), Text(row.cells[-1], style="cyan"))
        yield grid
