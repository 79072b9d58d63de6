"""Tests of exporter.delivery."""
