"""Report + live counters → exposition: a table of gauges, one row a gauge, rendered once per refresh."""
