"""`vzcover demo`: the real daemon on a complete configuration for simulated clusters."""
