"""What is kept in one SQLite file: each day's verdicts, counts and usage, and what the next Report is compared with."""
