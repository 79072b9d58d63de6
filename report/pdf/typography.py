"""Text measured and broken into lines, from the widths of a font's letters. Pure: no font file is opened here.

What a font cannot show becomes `[U+XXXX]`: a letter that no bundled font has, control and formatting characters (a name with a
direction override must not disguise itself), halves of surrogate pairs. Tabs are blanks, ends of line break the line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Widths = Mapping[int, float]
"""Code point → advance in thousandths of the font size; only the letters that the font has."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# the blocks of Unicode whose letters run from right to left
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_HELD = re.compile("[^\u00a0]*\u00a0|[^\u00a0]+")
_WORDS = re.compile(r" +|[^ ]+")
# where a word that is too long for its line may be cut: at no-break spaces, else after these and before a backslash, which an escape
# such as \x1b begins with, else between any two letters
_FRAGMENTS = re.compile(r"\\?[^]\-_./\\@:,;=&|]*[]\-_./@:,;=&|]+|\\?[^]\-_./\\@:,;=&|]+|\\")


@dataclass(frozen=True, slots=True)
class Style:
    """A size in points, and whether the text is bold."""

    size: float
    bold: bool = False

    @property
    def leading(self) -> float:
        """Return the distance between two lines, in points."""
        return self.size * 1.32

    @property
    def baseline(self) -> float:
        """Return how far the baseline lies below the top of a line, in points: capitals stand in the middle."""
        return (self.leading + self.size * 0.729) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it will be drawn, and its width in points."""

    text: str
    width: float


def is_right_to_left(text: str) -> bool:
    """Say whether a text has letters that run from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


class _Advances(dict[str, float]):
    """Letter → width in thousandths of the font size: each looked up once, then remembered. Raises KeyError where no font has it."""

    def __init__(self, main: Widths, fallback: Callable[[], Widths]) -> None:
        super().__init__()
        self._main = main
        self._fallback = fallback
        self.foreign: set[str] = set()

    def __missing__(self, letter: str) -> float:
        width = self._main.get(ord(letter))
        if width is None:
            width = self._fallback()[ord(letter)]
            self.foreign.add(letter)
        self[letter] = width
        return width


class _Visible(dict[int, int | str]):
    """For `str.translate`: each code point judged once, then remembered."""

    def __init__(self, advances: _Advances) -> None:
        super().__init__({9: " ", 10: 10})
        self._advances = advances

    def __missing__(self, code: int) -> int | str:
        self[code] = code if self._is_visible(chr(code)) else f"[U+{code:04X}]"
        return self[code]

    def _is_visible(self, letter: str) -> bool:
        if unicodedata.category(letter) in _INVISIBLE:
            return False
        try:
            return self._advances[letter] >= 0
        except KeyError:
            return False


class Face:
    """One weight of the text font together with a fallback font, which is asked for only when a letter needs it. `measure`, if given, tells
    the width of right-to-left text, whose letters change their shape with those beside them, in thousandths of the font size.
    """

    def __init__(
        self, main: Widths, fallback: Callable[[], Widths], measure: Callable[[str], float] | None = None
    ) -> None:
        self._measure = measure
        self._advances = _Advances(main, fallback)
        self._visible = _Visible(self._advances)
        self._wrapped: dict[tuple[str, float, float], tuple[Line, ...]] = {}

    def visible(self, text: str) -> str:
        """Given any text, return it composed (NFC), with what cannot be shown as `[U+XXXX]`; only "\\n" breaks lines."""
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.translate(self._visible)

    def width(self, text: str, size: float) -> float:
        """Given visible text without "\\n" and a size in points, return its width in points."""
        if self._measure and not text.isascii() and is_right_to_left(text):
            return self._measure(text) * size / 1000
        return sum(map(self._advances.__getitem__, text)) * size / 1000

    def letter_width(self, letter: str) -> float:
        """Given a letter, return its width in thousandths of the font size. Raises KeyError where no font has it."""
        return self._advances[letter]

    def runs(self, text: str) -> list[tuple[bool, str]]:
        """Given visible text, return its pieces in order, each with whether it is drawn with the fallback font."""
        foreign_letters = self._advances.foreign
        if not foreign_letters or foreign_letters.isdisjoint(text):
            return [(False, text)]
        pieces: list[tuple[bool, str]] = []
        for letter in text:
            foreign = letter in foreign_letters
            if pieces and pieces[-1][0] is foreign:
                pieces[-1] = (foreign, pieces[-1][1] + letter)
            else:
                pieces.append((foreign, letter))
        return pieces

    def wrap(self, text: str, size: float, limit: float) -> tuple[Line, ...]:
        """Given any text, a size and a width in points, return its lines; none is wider than `limit`, if that holds the widest letter.

        Lines break at blanks; what is too long for a line breaks at no-break spaces, else after punctuation, else anywhere.
        """
        key = (text, size, limit)
        lines = self._wrapped.get(key)
        if lines is None:
            lines = self._wrap(self.visible(text), size, limit)
            if len(self._wrapped) > 20_000:
                self._wrapped.clear()
            self._wrapped[key] = lines
        return lines

    def _wrap(self, text: str, size: float, limit: float) -> tuple[Line, ...]:
        if "\n" not in text:
            width = self.width(text, size)
            if width <= limit:
                return (Line(text, width),)
        lines: list[Line] = []
        for paragraph in text.split("\n"):
            lines += self._fill(paragraph, size, limit)
        return tuple(lines)

    def _fill(self, paragraph: str, size: float, limit: float) -> list[Line]:
        lines: list[Line] = []
        current, current_width, blanks = "", 0.0, ""
        for word in _WORDS.findall(paragraph):
            if word[0] == " ":
                blanks = word
                continue
            for piece in self._pieces(word, size, limit):
                width = self.width(piece, size)
                gap = self.width(blanks, size)
                if current_width + gap + width <= limit:
                    current, current_width = current + blanks + piece, current_width + gap + width
                else:
                    if current:
                        lines.append(Line(current, current_width))
                    current, current_width = piece, width
                blanks = ""
        lines.append(Line(current, current_width))
        return lines

    def _pieces(self, word: str, size: float, limit: float) -> list[str]:
        """Given a word, return it whole if it fits a line, else cut into pieces that each do."""
        if self.width(word, size) <= limit:
            return [word]
        pieces: list[str] = []
        for part in _HELD.findall(word):
            if self.width(part, size) <= limit:
                pieces.append(part)
                continue
            for fragment in _FRAGMENTS.findall(part):
                pieces += [fragment] if self.width(fragment, size) <= limit else self._letters(fragment, size, limit)
        return pieces

    def _letters(self, fragment: str, size: float, limit: float) -> list[str]:
        pieces, current = [], ""
        for letter in fragment:
            # a mark without width of its own stays with the letter it stands on
            if current and self._advances[letter] and self.width(current + letter, size) > limit:
                pieces.append(current)
                current = ""
            current += letter
        return [*pieces, current]
