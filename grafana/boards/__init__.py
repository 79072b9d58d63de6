"""The dashboards as code; `python -m grafana.boards` writes them into grafana/dashboards."""
