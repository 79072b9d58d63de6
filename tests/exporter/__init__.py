"""Tests of the exporter package."""
