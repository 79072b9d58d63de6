"""The only door to fpdf2: pages, text, lines, links, bookmarks and structure. Measures are points from the top left of the page.

Nothing here depends on the clock: the creation date is an argument, and fpdf2 makes the file identifier from the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from fpdf import FPDF, ViewerPreferences
from fpdf.bidi import BidiParagraph
from fpdf.drawing_primitives import DeviceRGB
from fpdf.fonts import TTFFont

from report.pdf.palette import INK, Colour
from report.pdf.typography import Face, Style, Widths

_MAIN, _FALLBACK = "main", "fallback"
_FONT_FILES = {
    (_MAIN, ""): "DejaVuSansCondensed.ttf",
    (_MAIN, "B"): "DejaVuSansCondensed-Bold.ttf",
    (_FALLBACK, ""): "DroidSansFallback.ttf",
}
# the blocks of Unicode whose letters run from right to left
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_MIRRORED = dict(zip("()[]{}<>«»", ")(][}{><»«", strict=True))


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the file says about itself. `language` is a BCP 47 tag, `created_at` epoch seconds UTC."""

    title: str
    language: str
    created_at: int
    producer: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A place to link to: page (from 1), distance from its top, and that page's height, in points."""

    page: int
    top: float
    page_height: float


class Document:
    """A PDF being drawn, page after page. `fonts` is the folder of the font files, which must exist until `close` is called."""

    def __init__(self, metadata: Metadata, fonts: Path) -> None:
        self._fonts = fonts
        self._pdf = FPDF(unit="pt", format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.alias_nb_pages("")  # a guest may be called "{nb}"
        self._colours: dict[Colour, DeviceRGB] = {}
        self._marked = 0
        self._fallback: Widths | None = None
        self.regular = Face(self._add_font(_MAIN, ""), self._fallback_widths)
        self.bold = Face(self._add_font(_MAIN, "B"), self._fallback_widths)
        self._describe(metadata)

    def _describe(self, metadata: Metadata) -> None:
        plain = self.regular.visible
        self._pdf.set_title(plain(metadata.title))
        self._pdf.set_lang(metadata.language)
        self._pdf.set_producer(plain(metadata.producer))
        self._pdf.set_creation_date(datetime.fromtimestamp(metadata.created_at, UTC))
        if metadata.subject:
            self._pdf.set_subject(plain(metadata.subject))
        self._pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)

    def _add_font(self, family: str, weight: str) -> Widths:
        self._pdf.add_font(family, weight, self._fonts / _FONT_FILES[family, weight])
        font = cast(TTFFont, self._pdf.fonts[family + weight])
        return {code: font.cw[code] for code in font.cmap}

    def _fallback_widths(self) -> Widths:
        """Return the fallback font's widths; it is opened (0.1 s) and embedded only in documents that need it."""
        if self._fallback is None:
            self._fallback = self._add_font(_FALLBACK, "")
        return self._fallback

    def face(self, style: Style) -> Face:
        """Given a style, return the face that measures it."""
        return self.bold if style.bold else self.regular

    def new_page(self, landscape: bool) -> None:
        """Begin an A4 page."""
        self._pdf.add_page(orientation="L" if landscape else "P")
        self._marked = 0

    @property
    def width(self) -> float:
        """Return the width of the current page."""
        return float(self._pdf.w)

    @property
    def height(self) -> float:
        """Return the height of the current page."""
        return float(self._pdf.h)

    def _colour(self, colour: Colour) -> DeviceRGB:
        device = self._colours.get(colour)
        if device is None:
            device = self._colours[colour] = DeviceRGB(*(part / 255 for part in colour))
        return device

    def text(self, left: float, baseline: float, text: str, style: Style, colour: Colour = INK) -> None:
        """Draw one line of visible text from `left`. Right-to-left letters are put in visual order; Arabic ones stay unjoined."""
        face = self.face(style)
        pen = self._colour(colour)
        # the same colour twice spares each text a `q … Q` of its own
        self._pdf.set_fill_color(pen)
        self._pdf.set_text_color(pen)
        for foreign, run in face.runs(text if text.isascii() else visual_order(text)):
            if foreign:
                self._pdf.set_font(_FALLBACK, "", style.size)
            else:
                self._pdf.set_font(_MAIN, "B" if style.bold else "", style.size)
            self._pdf.text(left, baseline, run)
            left += face.width(run, style.size)

    def rule(self, start: tuple[float, float], end: tuple[float, float], colour: Colour, thickness: float) -> None:
        """Draw a straight line."""
        self._pdf.set_draw_color(self._colour(colour))
        self._pdf.set_line_width(thickness)
        self._pdf.line(*start, *end)

    def hidden_text(self, left: float, baseline: float, text: str, width: float) -> None:
        """Lay a visible text of the regular face, unseen and no wider than that, over a drawing that says the same: it can be searched,
        copied and read aloud.
        """
        long = self.regular.width(text, 1)
        size = min(8.0, int(100 * width / long) / 100) if long else 8.0
        self._pdf._out("3 Tr")
        self.text(left, baseline, text, Style(size))
        self._pdf._out("0 Tr")

    def operators(self, left: float, bottom: float, scale: float, operators: str) -> None:
        """Draw ready-made operators, measured upwards from a corner at that place, scaled."""
        self._pdf._out(f"q {scale:.3g} 0 0 {scale:.3g} {left:.2f} {self._pdf.h - bottom:.2f} cm {operators} Q")

    def area(self, left: float, top: float, width: float, height: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self._pdf.set_fill_color(self._colour(fill))
        self._pdf.rect(left, top, width, height, style="F")

    def frame(self, left: float, top: float, width: float, height: float, colour: Colour, thickness: float) -> None:
        """Draw a rectangle's edge."""
        self._pdf.set_draw_color(self._colour(colour))
        self._pdf.set_line_width(thickness)
        self._pdf.rect(left, top, width, height)

    def link(self, left: float, top: float, width: float, height: float, target: Target) -> None:
        """Make a rectangle of the current page lead to a target, which may lie on a page that is yet to be drawn."""
        # fpdf2 measures from the current page's top also where the target page has another height
        place = target.top + self.height - target.page_height
        self._pdf.link(left, top, width, height, self._pdf.add_link(y=place, page=target.page))

    def bookmark(self, title: str, level: int, top: float) -> None:
        """Add an entry to the outline, leading to this height of the current page; level 0 is the outermost."""
        self._pdf.set_y(top)
        self._pdf.start_section(title.replace("\n", " "), level)

    @contextmanager
    def tagged(self, kind: str, told: str = "") -> Iterator[None]:
        """Say what is drawn inside: "H1", "H2", "H3", "P" or "Figure", for readers that speak, with what a figure tells in words;
        "Artifact" for what they may leave out.
        """
        if kind == "Artifact":
            self._pdf._out("/Artifact BMC")
        else:
            # fpdf2's own way counts all elements anew for each one, and knows no kind but Figure
            self._pdf._add_marked_content(struct_type=f"/{kind}", mcid=self._marked, alt_text=told or None)
            self._pdf._out(f"/{kind} <</MCID {self._marked}>> BDC")
            self._marked += 1
        yield
        self._pdf._out("EMC")

    def to_bytes(self) -> bytes:
        """Return the finished file; nothing can be drawn afterwards."""
        return bytes(self._pdf.output())

    def close(self) -> None:
        """Close the font files, which are read as letters are needed."""
        for font in self._pdf.fonts.values():
            cast(TTFFont, font).close()


def visual_order(text: str) -> str:
    """Given a visible line, return its letters as they stand from left to right on paper (the Unicode bidirectional algorithm)."""
    if not _RIGHT_TO_LEFT.search(text):
        return text
    letters = BidiParagraph(text).reorder_resolved_levels()
    return "".join(
        _MIRRORED.get(letter.character, letter.character) if letter.embedding_level % 2 else letter.character
        for letter in letters
    )
