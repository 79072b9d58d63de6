"""What HTTP clients see: metrics, health, the page, the JSON report, the latest PDF."""
