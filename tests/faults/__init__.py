"""Truth under failure: every endpoint that the daemon calls, with every kind of fault, and what it costs."""
