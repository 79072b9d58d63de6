"""Speed and memory at size, measured on the real daemon: `make bench`."""
