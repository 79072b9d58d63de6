"""Policy: what the operator expects. Facts are judged against it; it holds no facts itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """`demand_templates`: whether a template must be in a backup job like any guest (A5); by default it need not."""

    demand_templates: bool = False
