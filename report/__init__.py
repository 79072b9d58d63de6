"""vzcover's functional core: what is known, what it means, how it reads. Pure: no I/O, no clock, no logging."""
