"""Tests of the e2e package."""
