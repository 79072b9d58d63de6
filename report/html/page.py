"""A Paper → one self-contained HTML file: no scripts, no outside files, light and dark, readable on a phone, printed on A4.

Text comes in final and unescaped; this module escapes everything it writes and decides nothing but looks. The page's own content
security policy lets a browser run and fetch nothing, whatever a name holds: only the one style sheet, by its checksum.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from report.html.drawings import PATTERNS, area, chart_html, legend_html, swatch, with_drawing
from report.html.style import LONGEST_HELD, LONGEST_WORD, MARKS, STYLE, tone
from report.sections import Column, FrontPage, Paper, Row, Section, StateCount

Links = Sequence[tuple[str, str]]
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
SHELL = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""

# an option, of a command or of a retention: a line must not end between its dashes
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*|\bkeep-[a-z]+=[0-9]+")
_BREAKS = re.compile(r"[ \n-]")
_HELD = re.compile(f"[^ \n-]{{{LONGEST_WORD + 1},}}")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_MARK_LETTERS = 2
_NOT_IN_ID = re.compile(r"[^\w.:/!@-]")


def render_html(paper: Paper, links: Links = ()) -> str:
    """Given the report as sections of text, and links (path, word) to what is served beside it, return it as an HTML document."""
    front = paper.front
    body = [
        PATTERNS,
        f'<header><p class="title">{escape(front.title)}</p><p>{escape(front.subtitle)}</p>{links_html(links)}</header>\n<main>\n',
        *_front(front),
        _contents(paper.sections),
        *(part for section in paper.sections for part in _section(section)),
        "</main>\n",
    ]
    return document(paper.language, front.title, body)


def document(language: str, title: str, body: Iterable[str]) -> str:
    """Given a language, a title and the markup of a body, return a whole document in the report's style."""
    return SHELL.format(
        language=escape(language), policy=escape(POLICY), title=escape(title), style=STYLE, body="".join(body)
    )


def links_html(links: Links) -> str:
    """Given links (path, word), return them as a bar; nothing for none."""
    found = "".join(f'<a href="{escape(path)}">{escape(word)}</a>' for path, word in links)
    return f"<nav>{found}</nav>" if found else ""


def _front(front: FrontPage) -> Iterator[str]:
    yield f"<h1>{escape(front.sentence)}</h1>\n"
    yield _bar(front.bar)
    for note in front.notes:
        yield f'<p class="note">{escape(note)}</p>\n'
    for section in front.sections:
        yield from _section(section)


def _contents(sections: Iterable[Section]) -> str:
    """Return the titles of what follows page one, each a link."""
    items = "".join(f'<li><a href="#{escape(section.key)}">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav class="contents"><ol>{items}</ol></nav>\n' if items else ""


def _bar(counts: Sequence[StateCount]) -> str:
    """Draw the state bar (an image of what the list under it says in words) and its legend: mark, word, count."""
    total = sum(count.count for count in counts)
    at = 0.0
    pieces = []
    for count in counts:
        if count.count:
            width = 100 * count.count / total
            pieces.append(area(tone(count.state), at, 0, width, 100))
            at += width
    drawing = f'<svg class="bar" aria-hidden="true">{"".join(pieces)}</svg>\n' if pieces else ""
    legend = "".join(
        f'<li class="{tone(count.state)}">{swatch(count.state)}<b>{escape(count.shown)}</b> {_mark(count.state)}{escape(count.word)}</li>'
        for count in counts
    )
    return f'{drawing}<ul class="legend">{legend}</ul>\n'


def _section(section: Section) -> Iterator[str]:
    wide = ' class="landscape"' if section.landscape else ""
    yield f'<section id="{escape(section.key)}"{wide}><h2>{escape(section.title)}</h2>\n'
    texts = list(map(escape, section.sentences))
    if section.more:
        texts[-1] = f'<a href="#{escape(section.more)}">{texts[-1]}</a>'
    for text in texts:
        yield f"<p>{text}</p>\n"
    if section.chart:
        yield chart_html(section.chart)
    yield legend_html(section.legend)
    if section.rows:
        yield from _table(section)
    elif section.empty:
        yield f'<p class="empty">{escape(section.empty)}</p>\n'
    yield "</section>\n"


def _table(section: Section) -> Iterator[str]:
    total = sum(column.weight for column in section.columns)
    widths = "".join(f'<col class="w{max(1, round(100 * column.weight / total))}">' for column in section.columns)
    yield f'<div class="wide"><table>\n<caption>{escape(section.title)}</caption>\n<colgroup>{widths}</colgroup>\n<thead><tr>'
    marks = _MARK_LETTERS if any(row.state for row in section.rows) else 0
    for place, column in enumerate(section.columns):
        longest = _longest_word(row.cells[place] for row in section.rows) + (0 if place else marks)
        yield f'<th scope="col" class="m{longest}{" right" if column.right else ""}">{escape(column.heading)}</th>'
    yield "</tr></thead>\n"
    labels = [f' data-label="{escape(column.heading)}"' if column.heading else "" for column in section.columns]
    opened = [f"<td{_aligned(column)}{label}>" for column, label in zip(section.columns, labels, strict=True)]
    group = ""
    yield "<tbody>"
    for number, row in enumerate(section.rows):
        if row.group != group:
            group = row.group
            # an empty body would be the first, before which a printed page may end
            yield "</tbody>\n<tbody>" if number else ""
            yield f'<tr class="group"><th scope="rowgroup" colspan="{len(section.columns)}">{escape(group)}</th></tr>\n'
        yield _row(row, section.columns, opened)
    yield "</tbody></table></div>\n"


def _row(row: Row, columns: Sequence[Column], opened: Sequence[str]) -> str:
    """Given a row, its columns and how a cell of each begins, return the row; its first cell heads it."""
    anchor = f' id="{_place(row.anchor)}"' if row.anchor else ""
    first = escape(_loosened(row.cells[0]))
    if row.link:
        first = f'<a href="#{_place(row.link)}">{first}</a>'
    first = f'<th scope="row"{_aligned(columns[0])}>{_mark(row.state)}{first}</th>'
    texts = [_OPTION.sub(r'<span class="option">\g<0></span>', escape(_loosened(cell))) for cell in row.cells]
    for place, drawing in row.drawings:
        texts[place] = with_drawing(texts[place], drawing)
    others = (f"{begin}{text}</td>" for text, begin in zip(texts[1:], opened[1:], strict=True))
    return f'<tr class="{tone(row.state)}"{anchor}>{first}{"".join(others)}</tr>\n'


def _longest_word(cells: Iterable[str]) -> int:
    """Return how many letters the longest word of a column has, up to the bound of what is kept in one line."""
    return max((_kept(word) for cell in cells for word in _BREAKS.split(cell)), default=1) or 1


def _kept(word: str) -> int:
    return min(len(word), LONGEST_HELD if NO_BREAK_SPACE in word else LONGEST_WORD)


def _loosened(cell: str) -> str:
    """Return a cell's text with what no-break spaces make longer than a word that may break at them, after a comma if there is one: in too
    narrow a column a browser breaks it between any two letters otherwise.
    """
    return _HELD.sub(_with_breaks, cell) if NO_BREAK_SPACE in cell else cell


def _with_breaks(found: re.Match[str]) -> str:
    word = found[0]
    comma = word.replace(f",{NO_BREAK_SPACE}", ", ")
    return comma if comma != word else word.replace(NO_BREAK_SPACE, " ")


def _place(anchor: str) -> str:
    """Given an anchor made of names, return it as an id and as the part behind `#`: no blanks, quotes or controls, and still distinct."""
    return _NOT_IN_ID.sub(lambda found: f"~{ord(found[0]):x}~", anchor)


def _aligned(column: Column) -> str:
    return ' class="right"' if column.right else ""


def _mark(state: str) -> str:
    mark = MARKS.get(tone(state), "")
    return f'<span class="mark" aria-hidden="true">{mark}</span> ' if mark else ""
