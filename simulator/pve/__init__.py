"""The API calls of the simulated cluster: a table of routes, and the rows and errors they answer with."""
