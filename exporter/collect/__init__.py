"""Fetch and parse: from the answers of PVE to facts."""
