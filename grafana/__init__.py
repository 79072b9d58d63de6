"""Everything for Prometheus, Alertmanager and Grafana: files that people copy, and the rows that they are made from."""
