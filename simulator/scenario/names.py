"""Words that the estate is named with, and texts that are hard to show."""

from __future__ import annotations

ROLES = (
    "web", "app", "db", "cache", "mail", "git", "ci", "proxy", "ldap", "dns", "files", "print", "erp", "crm", "wiki",
    "monitor", "log", "queue", "search", "vpn", "backup", "build", "shop", "api", "portal", "video", "voip", "gis",
)  # fmt: skip
TAGS = ("web", "db", "critical", "legacy", "linux", "windows", "gdpr", "dmz", "internal", "customer-a")
NOTES = (
    "Main web server\n**owner:** ops",
    "émilie → 数据库",
    "<script>alert('note')</script>",
    "bell \x07, escape \x1b[31mred\x1b[0m and tab\there",
    "Größe prüfen – Zürich/Łódź, naïve façade",
    "日本語のメモ\n二行目",
    "שלום עולם",
    "rack 4 | row B | \"quoted\", 'single', back\\slash, comma; semicolon",
    "=1+1",
    "🚀 launch box",
)
COMMENT_OF_POOL = {
    "prod": "Production",
    "web": "Web, façade",
    "db": "Databases → 数据库",
    "archive": "Old databases",
    "dev": "Development",
    "infra": None,
    "lab": "Labor <b>ohne Sicherung</b>",
    "templates": "Templates",
    "empty": "nothing in it",
    "moved": "one of two ids",
}


def guest_name(number: int) -> str:
    """A DNS name for the n-th guest: all different."""
    round_number, role = divmod(number, len(ROLES))
    return f"{ROLES[role]}{round_number + 1:02d}"
