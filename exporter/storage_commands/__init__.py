"""`vzcover storages`, its alias `vzcover pbs`, and `vzcover audit`: options, and what they do with `exporter.storages`."""
