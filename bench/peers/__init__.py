"""vzcover beside another exporter, on one simulated cluster."""
