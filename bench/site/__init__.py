"""An estate of any size as facts, made in memory: one cluster, a PBS with two groups of each guest, a policy."""
