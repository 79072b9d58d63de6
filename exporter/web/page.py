"""A Paper → one self-contained HTML page: no scripts, no outside files, light and dark, readable on a phone.

Text comes in final and unescaped; this module escapes everything it writes and decides nothing but looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape

from exporter.web.page_style import MARKS, STYLE, TONES, WORST_FIRST
from report.sections import Column, FrontPage, Paper, Row, Section, StateCount

LINKS = (("/metrics", "Metrics"), ("/api/v1/report", "JSON"))
PDF_LINK = ("/report.pdf", "PDF")
GUESTS = "guests"

SHELL = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def _page(language: str, title: str, body: Iterable[str]) -> str:
    return SHELL.format(language=escape(language), title=escape(title), style=STYLE, body="".join(body))


FIRST_PAGE = _page(
    "en",
    "vzcover",
    (
        '<header><p class="title">vzcover</p></header>\n<main><h1>The first refresh is not done yet.</h1>\n'
        '<p>Load this page again in a moment.</p></main>\n<nav><a href="/metrics">Metrics</a></nav>\n',
    ),
)


def render_page(paper: Paper, *, pdf: bool) -> str:
    """Given the report as sections of text, and whether there is a PDF to link to, return the page as HTML."""
    front = paper.front
    links = (*LINKS, PDF_LINK) if pdf else LINKS
    body = [
        f'<header><p class="title">{escape(front.title)}</p><p>{escape(front.subtitle)}</p>{_links(links)}</header>\n<main>\n',
        *_front(front),
        *(part for section in paper.sections for part in _section(_arranged(section))),
        "</main>\n",
    ]
    return _page(paper.language, front.title, body)


def _links(links: Iterable[tuple[str, str]]) -> str:
    return "<nav>" + "".join(f'<a href="{path}">{word}</a>' for path, word in links) + "</nav>"


def _front(front: FrontPage) -> Iterator[str]:
    yield f"<h1>{escape(front.sentence)}</h1>\n"
    yield _bar(front.bar)
    for note in front.notes:
        yield f'<p class="note">{escape(note)}</p>\n'
    for section in front.sections:
        yield from _section(section)


def _arranged(section: Section) -> Section:
    """Given a section, return it as it is; guests with the worst on top, within one tone in the old order, group by group."""
    if section.key != GUESTS:
        return section
    return replace(section, rows=tuple(sorted(section.rows, key=lambda row: WORST_FIRST.index(_tone(row.state)))))


def _bar(counts: Sequence[StateCount]) -> str:
    """Draw the state bar (an image of what the list under it says in words) and its legend: mark, word, count."""
    total = sum(count.count for count in counts)
    at = 0.0
    pieces = []
    for count in counts:
        if count.count:
            width = 100 * count.count / total
            pieces.append(f'<rect class="{_tone(count.state)}" x="{at:.3f}%" width="{width:.3f}%" height="100%"/>')
            at += width
    drawing = f'<svg class="bar" aria-hidden="true">{"".join(pieces)}</svg>\n' if pieces else ""
    legend = "".join(
        f'<li class="{_tone(count.state)}"><b>{count.count}</b> {_mark(count.state)}{escape(count.word)}</li>'
        for count in counts
    )
    return f'{drawing}<ul class="legend">{legend}</ul>\n'


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>\n'
    for sentence in section.sentences:
        yield f"<p>{escape(sentence)}</p>\n"
    if section.rows:
        yield from _table(section)
    elif section.empty:
        yield f'<p class="empty">{escape(section.empty)}</p>\n'
    yield "</section>\n"


def _table(section: Section) -> Iterator[str]:
    total = sum(column.weight for column in section.columns)
    widths = "".join(f'<col style="width:{100 * column.weight / total:.1f}%">' for column in section.columns)
    yield f'<div class="wide"><table>\n<colgroup>{widths}</colgroup>\n<thead><tr>'
    yield "".join(f'<th scope="col"{_aligned(column)}>{escape(column.heading)}</th>' for column in section.columns)
    yield "</tr></thead>\n"
    group = ""
    yield "<tbody>"
    for row in section.rows:
        if row.group != group:
            group = row.group
            yield f'</tbody>\n<tbody><tr class="group"><th colspan="{len(section.columns)}">{escape(group)}</th></tr>\n'
        yield _row(row, section.columns)
    yield "</tbody></table></div>\n"


def _row(row: Row, columns: Sequence[Column]) -> str:
    anchor = f' id="{escape(row.anchor)}"' if row.anchor else ""
    cells = []
    for place, (text, column) in enumerate(zip(row.cells, columns, strict=True)):
        shown = escape(text)
        if place == 0 and row.link:
            shown = f'<a href="#{escape(row.link)}">{shown}</a>'
        if place == 0 and row.state:
            shown = _mark(row.state) + shown
        label = f' data-label="{escape(column.heading)}"' if column.heading else ""
        cells.append(f"<td{_aligned(column)}{label}>{shown}</td>")
    return f'<tr class="{_tone(row.state)}"{anchor}>{"".join(cells)}</tr>\n'


def _aligned(column: Column) -> str:
    return ' class="right"' if column.right else ""


def _tone(state: str) -> str:
    return TONES.get(state, "plain")


def _mark(state: str) -> str:
    mark = MARKS.get(_tone(state), "")
    return f'<span class="mark" aria-hidden="true">{mark}</span> ' if mark else ""
