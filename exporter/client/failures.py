"""What all failures share: text of a server made fit to show, and the chain of an exception's causes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from exporter.client.calls import Call, CallFailed, Failure
from exporter.concealed import BLOT, blotted
from exporter.errors import DeadlinePassed, FailureReason, Malformed, Unreachable

_LONGEST_DETAIL = 300
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f]+")


def clean(call: Call, text: str) -> str:
    """Given text that a server sent, return one short printable line; a secret that it echoes is blotted out."""
    text = blotted(text.replace(call.settings.token_secret, BLOT))
    text = _UNPRINTABLE.sub(" ", text).strip()
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def malformed(call: Call, detail: str, remedy: str = "", reason: FailureReason = FailureReason.MALFORMED) -> CallFailed:
    """Given what is wrong with an answer of status 200, return it as the exception to raise."""
    detail = f"{call.host}: {clean(call, detail)}"
    return CallFailed(Failure(Malformed(call.settings.label, call.path, detail, remedy, reason=reason)))


def deadline_failure(call: Call, doing: str) -> Failure:
    """Given what was going on when the call's deadline passed, return that failure; while the refresh has time another host may do."""
    if call.refresh is not None and not call.refresh.passed:
        limit = call.settings.answer_timeout
        detail = f"{call.host}: {doing}: longer than {limit:g} s for one call"
        return Failure(
            Unreachable(call.settings.label, call.path, detail, reason=FailureReason.TIMEOUT), elsewhere=True
        )
    return Failure(DeadlinePassed(call.settings.label, call.path, f"{call.host}: {doing}"))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Given an exception, yield it and all that it wraps (requests and urllib3 put the cause into `args` or `reason`)."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        candidate = waiting.pop(0)
        if not isinstance(candidate, BaseException) or id(candidate) in seen:
            continue
        seen.add(id(candidate))
        yield candidate
        waiting += [*candidate.args, getattr(candidate, "reason", None), candidate.__cause__, candidate.__context__]
