"""Colours, and what each state looks like. Every state differs by mark and by texture, so that grey prints and colour-blind readers
lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from report.model.guests import Coverage, Protection
from report.model.jobs import JobState

Colour = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

INK: Colour = (27, 33, 39)
MUTED: Colour = (88, 97, 108)
RULE: Colour = (212, 217, 223)
TINT: Colour = (239, 242, 245)
LINK: Colour = (31, 90, 153)
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is drawn: its mark (one letter of the font), the area's fill and edge, the mark's colour, and whether it is hatched."""

    mark: str
    fill: Colour
    edge: Colour
    ink: Colour
    hatched: bool = False


_GOOD = Look("✓", (38, 128, 106), (38, 128, 106), WHITE)
_BAD = Look("✗", (135, 26, 22), (135, 26, 22), WHITE)
_WARNING = Look("!", (244, 196, 94), (176, 120, 0), INK)
_UNKNOWN = Look("?", WHITE, (120, 128, 138), INK, hatched=True)
_WAIVED = Look("–", (214, 229, 246), (40, 98, 166), (22, 66, 122))
_PAUSED = Look("‖", (226, 229, 233), (88, 97, 108), INK)

LOOKS: dict[str, Look] = {
    Coverage.PLANNED: _GOOD,
    Coverage.NOT_PLANNED: _BAD,
    Coverage.UNDECIDED: _UNKNOWN,
    Protection.PROTECTED: _GOOD,
    Protection.AT_RISK: _WARNING,
    Protection.UNPROTECTED: _BAD,
    Protection.UNKNOWN: _UNKNOWN,
    Protection.WAIVED: _WAIVED,
    JobState.ACTIVE: _GOOD,
    JobState.PAUSED: _PAUSED,
    JobState.BROKEN: _BAD,
}


def look_of(state: str) -> Look:
    """Given a state's value, return its look; a state without one looks like unknown, never like a good one."""
    return LOOKS.get(state, _UNKNOWN)
