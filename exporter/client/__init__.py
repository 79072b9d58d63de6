"""The only door to proxmoxer, requests, urllib3 and tenacity; `source.SourceClient` is what the rest of the program uses."""
