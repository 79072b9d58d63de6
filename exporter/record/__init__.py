"""`vzcover record`: the answers of the sources, scrubbed, as a folder that the simulator replays."""
