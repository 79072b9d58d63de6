"""`vzcover demo`: the real daemon on a complete configuration for a simulated cluster."""
