"""A simulated Proxmox Backup Server: its datastores, what each token sees of them, and what each answer costs it."""
