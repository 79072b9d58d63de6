"""A Paper as one self-contained HTML file."""
