"""A Proxmox VE cluster over real HTTPS, made up or replayed from recordings; an independent witness for tests and demo."""
