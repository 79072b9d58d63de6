"""A made-up cluster of any size: a pure function of what is wanted."""
