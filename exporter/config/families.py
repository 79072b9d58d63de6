"""The families of metrics that can be left out: a closed list, each with what is in it."""

from __future__ import annotations

FAMILIES = {
    "findings": "open findings by code, of guests and of jobs, stores and waivers",
    "backups": "what is accepted of each guest's backups, when they were and will be, how long the last took, what they leave out",
    "copies": "recent and off-site copies of each guest",
    "groups": "what is in each backup group",
    "retention": "expected against actual snapshots of each backup group",
    "datastores": "datastores of Proxmox Backup Servers",
    "storages": "storages of clusters",
    "jobs": "backup jobs of clusters, and how many select each guest",
    "pbs_jobs": "jobs of Proxmox Backup Servers",
}
