"""Pages being filled with blocks from the top, before a line is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from report.pdf.blocks import Block, Words
from report.pdf.document import Document, Target
from report.pdf.typography import Style

MARGIN = 42.0
BOTTOM = 47.0
_A4 = (595.28, 841.89)


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be: its orientation, and the blocks on it with their tops."""

    landscape: bool
    blocks: list[tuple[float, Block]] = field(default_factory=list)

    @property
    def width(self) -> float:
        """Return the width in points."""
        return _A4[1] if self.landscape else _A4[0]

    @property
    def height(self) -> float:
        """Return the height in points."""
        return _A4[0] if self.landscape else _A4[1]


class Layout:
    """Pages being filled from the top. `places` tells where each anchor came to lie. Where it is `endless`, the page that is begun takes
    all that is placed, and its room may come to be less than nothing.
    """

    def __init__(self, document: Document, *, endless: bool = False) -> None:
        self.document = document
        self.endless = endless
        self.pages: list[Page] = []
        self.places: dict[str, Target] = {}
        self._top = MARGIN

    @property
    def page(self) -> Page:
        """Return the page being filled."""
        return self.pages[-1]

    @property
    def width(self) -> float:
        """Return the width between the margins."""
        return self.page.width - 2 * MARGIN

    @property
    def room(self) -> float:
        """Return the height left on the page."""
        return self.page.height - BOTTOM - self._top

    @property
    def whole(self) -> float:
        """Return the height of an empty page."""
        return self.page.height - BOTTOM - MARGIN

    @property
    def fresh(self) -> bool:
        """Tell whether nothing stands on the page yet."""
        return not self.page.blocks

    def fits(self, height: float) -> bool:
        """Tell whether a block of that height may be placed on the page."""
        return self.endless or height <= self.room

    def begin_page(self, landscape: bool) -> None:
        """Begin a page."""
        self.pages.append(Page(landscape))
        self._top = MARGIN

    def place(self, block: Block) -> None:
        """Put a block below what is there, whether or not it fits."""
        self.page.blocks.append((self._top, block))
        self._top += block.height

    def keep(self, height: float) -> None:
        """Begin a new page where that much does not fit on this one."""
        if not self.fits(height) and not self.fresh:
            self.begin_page(self.page.landscape)

    def mark(self, anchor: str) -> None:
        """Remember that what comes next is what this anchor names; the first of two alike counts."""
        self.places.setdefault(anchor, Target(len(self.pages), self._top, self.page.height))

    def words(self, text: str, style: Style, below: float = 0.0, beside: float = 0.0) -> Words:
        """Given a text and the room to leave beside it, break it into lines as wide as the page."""
        return Words(self.document.face(style).wrap(text, style.size, self.width - beside), style, MARGIN, below=below)

    def run_on(self, words: Words) -> None:
        """Place running text; lines that do not fit go on new pages."""
        while not self.fits(words.height - words.below):
            count = int((self.room - words.above) / words.style.leading)
            if count > 0:
                self._put(replace(words, lines=words.lines[:count], below=0.0, link=""))
                words = replace(words, lines=words.lines[count:], above=0.0, title="", anchor="")
            self.begin_page(self.page.landscape)
        self._put(words)

    def _put(self, words: Words) -> None:
        if words.anchor:
            self.mark(words.anchor)
        self.place(words)
