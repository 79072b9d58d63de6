"""vzcover's imperative shell: everything that touches the world."""
