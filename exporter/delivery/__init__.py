"""Reports and news on their way to people: channels, an outbox that survives a restart, and a thread that sends."""
