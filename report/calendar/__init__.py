"""The calendar events of Proxmox: what `report.schedules` is made of (rulebook section F)."""
