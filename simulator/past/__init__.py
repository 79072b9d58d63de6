"""The past of a made-up cluster: its jobs ran at their events, backups were made, pruned, verified and copied."""
