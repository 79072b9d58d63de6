"""What is drawn and not written: the mark of a state, hatching, the state bar. Vectors only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from report.pdf.columns import share
from report.pdf.document import Document
from report.pdf.palette import RULE, WHITE, Colour, Look, look_of
from report.pdf.typography import Style
from report.sections import StateCount

MARK = 8.4
"""The side of a mark, in points."""

_MARK_STYLE = Style(7, bold=True)
_BAR_HEIGHT = 20.0
_BAR_STYLE = Style(9, bold=True)
_KEY = Style(9)
_KEY_COUNT = Style(9, bold=True)
_KEY_TEXT = MARK + 5
_KEY_GAP = 20.0
_KEY_ROW = 15.0
_HATCH: Colour = (176, 182, 190)


def hatching(
    left: float, top: float, width: float, height: float, step: float
) -> Iterator[tuple[float, float, float, float]]:
    """Given a rectangle and a distance, yield the rising diagonals inside it as (x1, y1, x2, y2)."""
    count = int((width + height) / step)
    for i in range(1, count + 1):
        offset = i * step
        start = (left + max(0.0, offset - height), top + min(height, offset))
        end = (left + min(width, offset), top + max(0.0, offset - width))
        yield (*start, *end)


def _patch(document: Document, look: Look, left: float, top: float, width: float, height: float, step: float) -> None:
    """Fill a rectangle as the look has it."""
    document.area(left, top, width, height, look.fill)
    if look.hatched:
        for x1, y1, x2, y2 in hatching(left, top, width, height, step):
            document.rule((x1, y1), (x2, y2), _HATCH, 0.6)
    document.frame(left, top, width, height, look.edge, 0.6)


def draw_mark(document: Document, state: str, left: float, top: float) -> None:
    """Draw a state's mark, a square with its top left corner there."""
    look = look_of(state)
    _patch(document, look, left, top, MARK, MARK, 2.8)
    width = document.bold.width(look.mark, _MARK_STYLE.size)
    baseline = top + (MARK + _MARK_STYLE.size * 0.729) / 2
    document.text(left + (MARK - width) / 2, baseline, look.mark, _MARK_STYLE, look.ink)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A line of the bar's key: state, count and word, and where it stands (distance from the left, row).

    A word that is too long for one line goes on in entries without state.
    """

    state: str
    count: str
    word: str
    offset: float
    row: int


def key_of(document: Document, pieces: Sequence[StateCount], width: float) -> tuple[KeyEntry, ...]:
    """Given the counts and the width, return the key's entries, side by side as far as they fit."""
    entries: list[KeyEntry] = []
    offset, row = 0.0, 0
    for piece in pieces:
        count = f"{piece.shown} "
        beside = _KEY_TEXT + document.bold.width(count, _KEY.size)
        first, *others = document.regular.wrap(piece.word, _KEY.size, width - beside)
        if offset and offset + beside + first.width > width:
            offset, row = 0.0, row + 1
        entries.append(KeyEntry(piece.state, count, first.text, offset, row))
        offset += beside + first.width + _KEY_GAP
        for line in others:
            row += 1
            offset = width
            entries.append(KeyEntry("", "", line.text, 0.0, row))
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class StateBar:
    """The state bar and its key: every state with mark, count and word, also where the count is zero."""

    pieces: tuple[StateCount, ...]
    left: float
    width: float
    key: tuple[KeyEntry, ...]

    @property
    def height(self) -> float:
        """Return the height of bar and key together, in points."""
        rows = self.key[-1].row + 1 if self.key else 0
        return _BAR_HEIGHT + 8 + rows * _KEY_ROW + 8

    def draw(self, document: Document, top: float, places: object) -> None:
        """Draw the bar and its key; it links nowhere."""
        with document.tagged("Artifact"):
            self._draw_bar(document, top)
        with document.tagged("P"):
            self._draw_key(document, top + _BAR_HEIGHT + 8)

    def _draw_bar(self, document: Document, top: float) -> None:
        pieces = [piece for piece in self.pieces if piece.count > 0]
        if not pieces:
            document.frame(self.left, top, self.width, _BAR_HEIGHT, RULE, 0.8)
            return
        widths = share(
            self.width, [piece.count for piece in pieces], [min(7.0, self.width / len(pieces))] * len(pieces)
        )
        left = self.left
        for piece, width in zip(pieces, widths, strict=True):
            look = look_of(piece.state)
            _patch(document, look, left, top, width, _BAR_HEIGHT, 5)
            self._draw_label(document, piece, look, left, top, width)
            left += width

    def _draw_label(
        self, document: Document, piece: StateCount, look: Look, left: float, top: float, width: float
    ) -> None:
        """Write mark, count and word into a segment, or as much of that as it holds; the key has it all."""
        word = document.bold.visible(piece.word).replace("\n", " ")
        for label in (f"{look.mark} {piece.shown} {word}", f"{look.mark} {piece.shown}", piece.shown):
            length = document.bold.width(label, _BAR_STYLE.size)
            if length + 8 <= width:
                break
        else:
            return
        if look.hatched:
            document.area(left + 3, top + 4, length + 4, _BAR_HEIGHT - 8, WHITE)
        document.text(left + 5, top + (_BAR_HEIGHT + _BAR_STYLE.size * 0.729) / 2, label, _BAR_STYLE, look.ink)

    def _draw_key(self, document: Document, top: float) -> None:
        for entry in self.key:
            left, upper = self.left + entry.offset, top + entry.row * _KEY_ROW
            baseline = upper + (MARK + _KEY.size * 0.729) / 2
            if entry.state:
                draw_mark(document, entry.state, left, upper)
            document.text(left + _KEY_TEXT, baseline, entry.count, _KEY_COUNT)
            left += _KEY_TEXT + document.bold.width(entry.count, _KEY_COUNT.size)
            document.text(left, baseline, entry.word, _KEY)
