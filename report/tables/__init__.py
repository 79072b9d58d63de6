"""The Report as data for machines and spreadsheets: JSON with its schema, and CSV."""
