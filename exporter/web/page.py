"""A Paper → the page at /: the report's own HTML with links to what is served beside it, and the guests worst first."""

from __future__ import annotations

from dataclasses import replace

from report.html.page import document, links_html, render_html
from report.html.style import WORST_FIRST, tone
from report.sections import Paper, Section
from report.words import word

METRICS = "/metrics"
JSON_LINK, PDF_LINK = ("/api/v1/report", "JSON"), ("/report.pdf", "PDF")
GUESTS = "guests"
FIRST_PAGE = document(
    "en",
    "vzcover",
    (
        '<header><p class="title">vzcover</p></header>\n<main><h1>The first refresh is not done yet.</h1>\n'
        f"<p>Load this page again in a moment.</p></main>\n{links_html([(METRICS, word('link.metrics', 'en'))])}\n",
    ),
)


def render_page(paper: Paper, *, pdf: bool) -> str:
    """Given the report as sections of text, and whether there is a PDF to link to, return the page as HTML."""
    arranged = replace(paper, sections=tuple(_arranged(section) for section in paper.sections))
    links = ((METRICS, word("link.metrics", paper.language)), JSON_LINK)
    return render_html(arranged, (*links, PDF_LINK) if pdf else links)


def _arranged(section: Section) -> Section:
    """Given a section, return it as it is; guests with the worst on top, within one tone in the old order, group by group."""
    if section.key != GUESTS:
        return section
    return replace(section, rows=tuple(sorted(section.rows, key=lambda row: WORST_FIRST.index(tone(row.state)))))
