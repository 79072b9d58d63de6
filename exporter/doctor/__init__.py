"""`vzcover doctor`: what stands between this host and a full view of every source."""
