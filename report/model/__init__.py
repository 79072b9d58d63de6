"""The in-memory model: what vzcover says. Instants are integer epoch seconds, UTC; None is "not known"."""
