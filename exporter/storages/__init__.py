"""PBS storage entries as code: what the file wants, what PVE has, the difference, and the one writer (rulebook J)."""
