"""The part of the JSON report that tells of earlier days."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from report.timeline import TrendDay

Json = dict[str, Any]


def trend_json(day: TrendDay) -> Json:
    """Given a day of the trend, return it as plain values, its date as ISO 8601."""
    return {"day": day.day.isoformat(), **asdict(day.counts)}
