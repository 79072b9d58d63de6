"""The only door to fpdf2: pages, text, lines, links, bookmarks and structure. Measures are points from the top left of the page.

Nothing here depends on the clock: the creation date is an argument, and fpdf2 makes the file identifier from the content.

Where uharfbuzz is installed (the extra `shaping`), lines with right-to-left letters go through it: it joins Arabic.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from fpdf import FPDF, ViewerPreferences
from fpdf.bidi import BidiParagraph
from fpdf.fonts import TTFFont

from report.pdf.palette import INK, Colour
from report.pdf.typography import Face, Style, Widths, is_right_to_left

_MAIN, _FALLBACK = "main", "fallback"
_FONT_FILES = {
    (_MAIN, ""): "DejaVuSansCondensed.ttf",
    (_MAIN, "B"): "DejaVuSansCondensed-Bold.ttf",
    (_FALLBACK, ""): "DroidSansFallback.ttf",
}
# kerning and ligatures would make these lines tighter than the others
_FEATURES = {"kern": False, "liga": False}
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
        self._pdf.c_margin = 0
        # drawn on the page and not yet given to fpdf2, which looks at much each time: 10,000 guests take a third longer its own way
        self._drawn: list[str] = []
        self._fonts_set: dict[tuple[str, str, float], str] = {}
        self._font: tuple[str, str, float] | None = None
        self._filling: Colour | None = None
        self._stroke: tuple[Colour, float] | None = None
        self._encoded = lru_cache(maxsize=20_000)(self._encode)
        self._marked = 0
        self._fallback: Widths | None = None
        self._shapes = find_spec("uharfbuzz") is not None
        self.regular = self._face("")
        self.bold = self._face("B")
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

    def _face(self, weight: str) -> Face:
        measure = lru_cache(maxsize=20_000)(partial(self._shaped_width, weight)) if self._shapes else None
        return Face(self._add_font(_MAIN, weight), self._fallback_widths, measure)

    def _add_font(self, family: str, weight: str) -> Widths:
        self._pdf.add_font(family, weight, self._fonts / _FONT_FILES[family, weight])
        font = cast(TTFFont, self._pdf.fonts[family + weight])
        return {code: font.cw[code] for code in font.cmap}

    def _fallback_widths(self) -> Widths:
        """Return the fallback font's widths; it is opened (0.1 s) and embedded only in documents that need it."""
        if self._fallback is None:
            self._fallback = self._add_font(_FALLBACK, "")
            self._pdf.set_fallback_fonts([_FALLBACK], exact_match=False)
        return self._fallback

    def face(self, style: Style) -> Face:
        """Given a style, return the face that measures it."""
        return self.bold if style.bold else self.regular

    def new_page(self, landscape: bool) -> None:
        """Begin an A4 page."""
        self._hand_over()
        self._pdf.add_page(orientation="L" if landscape else "P")
        self._marked = 0
        self._fonts_set.clear()

    def _hand_over(self) -> None:
        """Give fpdf2 what was drawn, before it draws something itself; what one of the two sets then is not known to the other."""
        if self._drawn:
            self._pdf._out("\n".join(self._drawn))
            self._drawn.clear()
        self._font = self._filling = self._stroke = None
        self._pdf.current_font_is_set_on_page = False

    @property
    def width(self) -> float:
        """Return the width of the current page."""
        return float(self._pdf.w)

    @property
    def height(self) -> float:
        """Return the height of the current page."""
        return float(self._pdf.h)

    def text(self, left: float, baseline: float, text: str, style: Style, colour: Colour = INK) -> None:
        """Draw one line of visible text from `left`. Right-to-left letters are put in visual order; Arabic ones are joined where
        uharfbuzz is installed.
        """
        face, weight = self.face(style), "B" if style.bold else ""
        if not text.isascii():
            if self._shapes and is_right_to_left(text):
                self._shaped_text(left, baseline, text, style, colour)
                return
            text = visual_order(text)
        self._fill(colour)
        bottom = self._pdf.h - baseline
        for foreign, run in face.runs(text):
            family, kind = (_FALLBACK, "") if foreign else (_MAIN, weight)
            self._choose(family, kind, style.size)
            self._drawn.append(f"BT {left:.2f} {bottom:.2f} Td {self._encoded(family + kind, run)} ET")
            if len(run) < len(text):
                left += face.width(run, style.size)

    def _encode(self, font: str, text: str) -> str:
        return str(self._pdf.fonts[font].encode_text(text))

    def _choose(self, family: str, weight: str, size: float) -> None:
        font = family, weight, size
        if self._font == font:
            return
        if font not in self._fonts_set:
            self._fonts_set[font] = self._pdf._set_font_for_page(self._pdf.fonts[family + weight], size)
        self._font = font
        self._drawn.append(self._fonts_set[font])

    def _fill(self, colour: Colour) -> None:
        if self._filling != colour:
            self._filling = colour
            self._drawn.append(_set_colour(colour, "rg"))

    def _pen(self, colour: Colour, thickness: float) -> None:
        if self._stroke != (colour, thickness):
            self._stroke = colour, thickness
            self._drawn.append(f"{_set_colour(colour, 'RG')} {thickness:.2f} w")

    @contextmanager
    def _shaping(self, weight: str, size: float) -> Iterator[None]:
        self._hand_over()
        self._pdf.set_font(_MAIN, weight, size)
        self._pdf.set_text_shaping(True, _FEATURES)
        yield
        self._pdf.set_text_shaping(False)

    def _shaped_text(self, left: float, baseline: float, text: str, style: Style, colour: Colour) -> None:
        self._fill(colour)
        with self._shaping("B" if style.bold else "", style.size):
            self._pdf.set_text_color(*colour)
            # a cell without height has its baseline so much below its top
            self._pdf.set_xy(left, baseline - 0.3 * style.size)
            self._pdf.cell(h=0, text=text)

    def _shaped_width(self, weight: str, text: str) -> float:
        """Return the width of right-to-left text in thousandths of the font size."""
        with self._shaping(weight, 1000):
            return float(self._pdf.get_string_width(text))

    def rule(self, start: tuple[float, float], end: tuple[float, float], colour: Colour, thickness: float) -> None:
        """Draw a straight line."""
        self._pen(colour, thickness)
        high = self._pdf.h
        self._drawn.append(f"{start[0]:.2f} {high - start[1]:.2f} m {end[0]:.2f} {high - end[1]:.2f} l S")

    def hidden_text(self, left: float, baseline: float, text: str, width: float) -> None:
        """Lay a visible text of the regular face, unseen and no wider than that, over a drawing that says the same: it can be searched,
        copied and read aloud.
        """
        long = self.regular.width(text, 1)
        size = min(8.0, int(100 * width / long) / 100) if long else 8.0
        self._drawn.append("3 Tr")
        self.text(left, baseline, text, Style(size))
        self._drawn.append("0 Tr")

    def operators(self, left: float, bottom: float, scale: float, operators: str) -> None:
        """Draw ready-made operators, measured upwards from a corner at that place, scaled."""
        self._drawn.append(f"q {scale:.3g} 0 0 {scale:.3g} {left:.2f} {self._pdf.h - bottom:.2f} cm {operators} Q")

    def area(self, left: float, top: float, width: float, height: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self._fill(fill)
        self._rectangle(left, top, width, height, "f")

    def frame(self, left: float, top: float, width: float, height: float, colour: Colour, thickness: float) -> None:
        """Draw a rectangle's edge."""
        self._pen(colour, thickness)
        self._rectangle(left, top, width, height, "S")

    def _rectangle(self, left: float, top: float, width: float, height: float, operator: str) -> None:
        self._drawn.append(f"{left:.2f} {self._pdf.h - top:.2f} {width:.2f} {-height:.2f} re {operator}")

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
            self._drawn.append("/Artifact BMC")
        else:
            # fpdf2's own way counts all elements anew for each one, and knows no kind but Figure
            self._pdf._add_marked_content(struct_type=f"/{kind}", mcid=self._marked, alt_text=told or None)
            self._drawn.append(f"/{kind} <</MCID {self._marked}>> BDC")
            self._marked += 1
        yield
        self._drawn.append("EMC")

    def to_bytes(self) -> bytes:
        """Return the finished file; nothing can be drawn afterwards."""
        self._hand_over()
        return bytes(self._pdf.output())

    def close(self) -> None:
        """Close the font files, which are read as letters are needed."""
        for font in self._pdf.fonts.values():
            cast(TTFFont, font).close()


@cache
def _set_colour(colour: Colour, operator: str) -> str:
    return f"{' '.join(f'{part / 255:.4g}' for part in colour)} {operator}"


def visual_order(text: str) -> str:
    """Given a visible line, return its letters as they stand from left to right on paper (the Unicode bidirectional algorithm)."""
    if not is_right_to_left(text):
        return text
    letters = BidiParagraph(text).reorder_resolved_levels()
    return "".join(
        _MIRRORED.get(letter.character, letter.character) if letter.embedding_level % 2 else letter.character
        for letter in letters
    )
