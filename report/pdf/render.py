"""A Paper as PDF bytes."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import as_file, files

from report.pdf.document import Document, Metadata
from report.pdf.flow import lay_out
from report.pdf.pages import MARGIN, Page
from report.pdf.palette import MUTED, RULE
from report.pdf.typography import Style
from report.sections import Paper

_FOOT = Style(7.5)


def render_pdf(paper: Paper, *, producer: str = "vzcover", subject: str = "") -> bytes:
    """Given a paper, return it as an A4 PDF; the same paper gives the same bytes.

    `producer` (program and version) and `subject` go into the file's properties, with the paper's title, language and date.
    Raises ValueError where a row has not as many cells as its section has columns.
    """
    metadata = Metadata(paper.front.title, paper.language, paper.created_at, producer, subject)
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        layout = lay_out(document, paper)
        name = " · ".join(filter(None, (paper.front.title, paper.front.subtitle)))
        for number, page in enumerate(layout.pages, start=1):
            document.new_page(page.landscape)
            for top, block in page.blocks:
                block.draw(document, top, layout.places)
            label = paper.page_of.replace("{page}", str(number)).replace("{pages}", str(len(layout.pages)))
            _foot(document, page, name, label)
            page.blocks.clear()  # 10,000 rows less for the garbage collector, which stops every thread while it looks
        return document.to_bytes()


def _foot(document: Document, page: Page, name: str, label: str) -> None:
    """Draw the foot of a page: what paper this is (cut to one line), and which page of how many."""
    face = document.regular
    label = face.visible(label)
    width = face.width(label, _FOOT.size)
    first, *more = face.wrap(name.replace("\n", " "), _FOOT.size, page.width - 2 * MARGIN - width - 24)
    baseline = page.height - 26
    with document.tagged("Artifact"):
        document.rule((MARGIN, baseline - 11), (page.width - MARGIN, baseline - 11), RULE, 0.4)
        document.text(MARGIN, baseline, first.text + (" …" if more else ""), _FOOT, MUTED)
        document.text(page.width - MARGIN - width, baseline, label, _FOOT, MUTED)
