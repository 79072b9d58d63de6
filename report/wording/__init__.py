"""What `report.words` is made of: the texts of each language as plain tables, and the functions that fill them in."""
