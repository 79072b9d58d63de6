"""Tests of the rules, dashboards and examples in grafana/."""
