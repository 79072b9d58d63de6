"""Tests of exporter.bundle."""
