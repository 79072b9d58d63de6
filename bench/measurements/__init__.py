"""The measurements: each takes what runs and returns rows."""
