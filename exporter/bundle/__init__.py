"""The audit bundle: one day's report with checksums and the hash of the bundle before it, so that a chain of days can be checked."""
