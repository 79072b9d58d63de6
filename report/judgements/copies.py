"""In how many places does a recent backup lie, is one of them off-site? Stated as numbers, judged by the policy (rulebook E39, H15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from report.evidence import NOTHING_FOUND, Evidence, Holding, Judgement, joined
from report.findings import Finding, FindingCode
from report.judgements.freshness import in_time, late_after, limit_doubts
from report.judgements.syncs import judge_syncs, sync_behind
from report.model.guests import Copy
from report.model.reasons import Reason
from report.value import Value


class Copies(Value, frozen=True):
    """`copies`: one a store, the newest first. `lag_seconds`: of the newest off-site copy behind the newest backup, None without.
    `known`: no other copy can be there, and which are recent enough is decided.
    """

    copies: tuple[Copy, ...]
    lag_seconds: int | None
    known: bool
    judgement: Judgement


def judge_copies(evidence: Evidence, offsite_doubts: Callable[[Evidence], Sequence[Reason]]) -> Copies:
    """Given the evidence on a guest, and what tells why an off-site copy of it may not have been seen, return the stores that hold usable
    backups of it, and what the policy says of their number.
    """
    found = sorted(_copies(evidence), key=lambda row: (-row[0].newest_at, row[0].server, row[0].datastore))
    copies, in_times = tuple(copy for copy, _ in found), [recent for _, recent in found]
    newest = evidence.newest_at
    offsite = max((copy.newest_at for copy in copies if copy.offsite), default=None)
    lag = None if offsite is None or newest is None else newest - offsite
    unseen = unseen_copies(evidence)
    known = not unseen and None not in in_times
    if newest is None:
        return Copies(copies, lag, known, NOTHING_FOUND)
    parts = (
        _number(evidence, copies, in_times.count(True)),
        _offsite(evidence, copies, lag, offsite_doubts),
        judge_syncs(evidence),
    )
    return Copies(copies, lag, known, joined(parts))


def _copies(evidence: Evidence) -> Iterator[tuple[Copy, bool | None]]:
    """Yield a copy a store, and whether it is in time, None not known: two namespaces of one datastore are one store, because they are lost
    together.
    """
    stores: dict[tuple[str, str], list[Holding]] = {}
    for holding in evidence.holdings:
        if holding.usable:
            stores.setdefault((holding.target.server, holding.target.datastore), []).append(holding)
    for (server, datastore), holdings in stores.items():
        newest = max(holding.newest_usable_at or 0 for holding in holdings)
        mark, sync, recent = holdings[0].mark, sync_behind(holdings, evidence), in_time(evidence, newest)
        copy = Copy(
            server=server,
            datastore=datastore,
            newest_at=newest,
            within_limit=recent is not False,
            same_time=newest == evidence.newest_at,
            site=mark.site,
            offsite=mark.offsite,
            media=mark.media,
            immutable=mark.immutable,
            sync_job=sync.id if sync else "",
            sync_status=sync.last_run_state or ("running" if sync.last_run_upid else "never") if sync else None,
            sync_ended_at=sync.last_run_at if sync else None,
        )
        yield copy, recent


def _number(evidence: Evidence, copies: tuple[Copy, ...], certain: int) -> Judgement:
    """Judge the number of copies; so many of them are in time for `certain`."""
    wanted = evidence.expectation.copies
    if wanted <= 1:
        return NOTHING_FOUND
    if certain >= wanted:
        return NOTHING_FOUND
    recent = sum(1 for copy in copies if copy.within_limit)
    if recent >= wanted:
        return Judgement(doubts=limit_doubts(evidence))
    few = Finding.of(FindingCode.TOO_FEW_COPIES, copies=recent, wanted=wanted, rule=evidence.rule)
    return _unless(unseen_copies(evidence), few)


def _offsite(
    evidence: Evidence,
    copies: tuple[Copy, ...],
    lag: int | None,
    doubts: Callable[[Evidence], Sequence[Reason]],
) -> Judgement:
    """Judge the demand for an off-site copy: there, and young enough by its own limit or else by that of the newest backup."""
    expectation = evidence.expectation
    if not expectation.offsite:
        return NOTHING_FOUND
    offsite = [copy for copy in copies if copy.offsite]
    if not offsite or lag is None:
        return _unless(doubts(evidence), Finding.of(FindingCode.NO_OFFSITE_COPY, rule=evidence.rule))
    newest, limit = offsite[0].newest_at, expectation.offsite_max_age_seconds
    recent = in_time(evidence, newest) if limit is None else evidence.now - newest <= limit
    if recent is None:
        return Judgement(doubts=limit_doubts(evidence))
    if recent:
        return NOTHING_FOUND
    allowed = limit if limit is not None else (late_after(evidence, newest) or newest) - newest
    late = Finding.of(
        FindingCode.OFFSITE_LATE, newest=newest, lag_seconds=lag, limit_seconds=allowed, rule=evidence.rule
    )
    return _unless(doubts(evidence), late)


def unseen_copies(evidence: Evidence) -> tuple[Reason, ...]:
    """Given the evidence on a guest, return why there may be copies that were not seen, also on a store that nobody can reach now."""
    return (*evidence.unseen_of_any_age, *evidence.unread_copies)


def _unless(doubts: Sequence[Reason], finding: Finding) -> Judgement:
    """Return a finding that a copy not seen could refute; the doubts in its place where there are any."""
    return Judgement(doubts=tuple(doubts)) if doubts else Judgement((finding,))
