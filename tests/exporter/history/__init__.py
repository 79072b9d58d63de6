"""Tests of exporter.storages."""
