"""Proxmox VE clusters over real HTTPS, made up or replayed from recordings; an independent witness for tests and demo.

What is read was compared with recordings of genuine servers; writes to /storage were not recorded: they follow the
rulebook (J1-J10), the API schema and the words of the genuine code.
"""
