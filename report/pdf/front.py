"""Page one stays one page: what gives way on it, in which order, where there is too much for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from report.pdf.blocks import TableRow, Words
from report.pdf.pages import Layout
from report.sections import FrontPage, Paper, Row, Section, first_rows, with_sections

SHORT = 160
"""Characters of a cell of page one where even one row of each table is too much for it; the tables behind it have the whole text."""

_Change = Callable[[Section], Section]


def fitted(paper: Paper, try_front: Callable[[FrontPage], Layout]) -> tuple[Paper, Layout]:
    """Given a paper, and what lays a page one out on a page without end, return the paper as it is printed, and its page one, which is one
    page if that can be: tables give up rows down to their least, then to half of it; then charts go behind page one, if need be with
    one row of each table left, and at last long texts are cut. What is no longer whole on page one is whole behind it.
    """
    changes: tuple[Sequence[_Change], ...] = (
        (),
        (_half,),
        (_without_chart,),
        (_without_chart, _half),
        (_without_chart, _half, _half),
        (_without_chart, _half, _half, _brief),
    )
    for each in changes:
        sections = paper.front.sections
        for change in each:
            sections = tuple(map(change, sections))
        whole = replace(paper.front, sections=sections)
        front, layout = _shortened(whole, try_front)
        if layout.room >= 0:
            front, layout = _filled(whole, front, layout, try_front)
            break
    return _with_the_whole(paper, front), layout


def _shortened(front: FrontPage, try_front: Callable[[FrontPage], Layout]) -> tuple[FrontPage, Layout]:
    """Return page one with as many rows as fit, at least the least of each table, and laid out."""
    while (layout := try_front(front)).room < 0:
        heights = _heights(layout, front)
        leasts = [section.fewer.least if section.fewer else len(section.rows) for section in front.sections]
        counts = give_way(heights, leasts, -layout.room)
        if counts == [len(rows) for rows in heights]:
            break
        pairs = zip(front.sections, counts, strict=True)
        sections = tuple(
            first_rows(section, count) if count < len(section.rows) else section for section, count in pairs
        )
        front = replace(front, sections=sections)
    return front, layout


def _filled(
    whole: FrontPage, front: FrontPage, layout: Layout, try_front: Callable[[FrontPage], Layout]
) -> tuple[FrontPage, Layout]:
    """Return page one with the rows back that have room after all, the first tables' first."""
    for place, (section, before) in enumerate(zip(whole.sections, front.sections, strict=True)):
        for count in range(len(before.rows) + 1, len(section.rows) + 1):
            more = first_rows(section, count) if count < len(section.rows) else section
            tried = replace(front, sections=(*front.sections[:place], more, *front.sections[place + 1 :]))
            tried_layout = try_front(tried)
            if tried_layout.room < 0:
                break
            front, layout = tried, tried_layout
    return front, layout


def give_way(heights: Sequence[Sequence[float]], leasts: Sequence[int], excess: float) -> list[int]:
    """Given the heights of the rows of each table, how many of each stay, and the height that is too much, return how many of each are
    left: the table that has most rows by its least gives its last one up, the last table of equals first.
    """
    counts = [len(rows) for rows in heights]
    while excess > 0:
        able = [place for place, count in enumerate(counts) if count > leasts[place]]
        if not able:
            break
        giving = max(able, key=lambda place: (counts[place] / leasts[place], place))
        counts[giving] -= 1
        excess -= heights[giving][counts[giving]]
    return counts


def _heights(layout: Layout, front: FrontPage) -> list[list[float]]:
    """Return the heights of the rows of each section, as they were laid out."""
    heights: list[list[float]] = []
    for _, block in layout.page.blocks:
        if isinstance(block, Words) and block.anchor:
            heights.append([])
        elif isinstance(block, TableRow):
            heights[-1].append(block.height)
    return heights


def _without_chart(section: Section) -> Section:
    """Return a section with a chart as what the chart tells, in words that lead to it."""
    if section.chart is None:
        return section
    return replace(section, key=f"{section.key}_told", chart=None, legend=(), more=section.key)


def _half(section: Section) -> Section:
    """Return a section that keeps half as many rows at least."""
    fewer = section.fewer
    return replace(section, fewer=replace(fewer, least=max(1, fewer.least // 2))) if fewer else section


def _brief(section: Section) -> Section:
    """Return a section with its long texts cut; one that names no other which has them whole comes back as it is."""
    if section.fewer is None:
        return section
    return replace(section, rows=tuple(map(_brief_row, section.rows)))


def _brief_row(row: Row) -> Row:
    cells = (cell if len(cell) <= SHORT else f"{cell[: SHORT - 2].rstrip()} …" for cell in row.cells)
    return replace(row, cells=tuple(cells))


def _with_the_whole(paper: Paper, front: FrontPage) -> Paper:
    """Return a paper with that page one, and behind it what is no longer whole there: charts, and the tables that have all rows."""
    printed = {section.key for section in front.sections}
    charts = [section for section in paper.front.sections if section.chart and section.key not in printed]
    led_to = {section.more for section in front.sections}
    cut = {
        section.fewer.key
        for section, before in zip(front.sections, paper.front.sections, strict=True)
        if section.fewer and section.rows != before.rows
    }
    spare = [section for section in paper.spare if section.key in led_to | cut]
    return with_sections(replace(paper, front=front), (*charts, *spare))
