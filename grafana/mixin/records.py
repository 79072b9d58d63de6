"""The recorded expressions: ratios and counts by cluster, small enough to keep for years and to send to a central Prometheus."""

from __future__ import annotations

from grafana.mixin.rows import WAIVED, Record

DEMANDED = "(pve:vzcover_guests_demanded:count > 0)"
_GROUP = "server, datastore, namespace, backup_type, backup_id"


def _of_groups(metric: str) -> str:
    return (
        f"sum by (pve) (\n  max by ({_GROUP}) ({metric})\n"
        f'  * on ({_GROUP}) group_left (pve)\n    max by ({_GROUP}, pve) (vzcover_group_info{{pve!=""}})\n)'
    )


RECORDS = (
    Record(
        "pve:vzcover_guests_demanded:count",
        'count by (pve) (max by (pve, vmid) (vzcover_guest_protection{state="waived"}) == 0)',
    ),
    Record(
        "pve:vzcover_guests_protected:ratio",
        f'sum by (pve) (max by (pve, vmid) (vzcover_guest_protection{{state="protected"}}))\n/ {DEMANDED}',
    ),
    Record(
        "pve:vzcover_guests_planned:ratio",
        'sum by (pve) (\n  max by (pve, vmid) (vzcover_guest_coverage{status="sauvegarde_planifiee"})\n'
        f"  unless on (pve, vmid) ({WAIVED})\n)\n/ {DEMANDED}",
    ),
    Record(
        "pve:vzcover_guests_verified:ratio",
        "(\n  count by (pve) (\n"
        "    time() - max by (pve, vmid) (vzcover_guest_last_verified_backup_timestamp_seconds) < %(verified_within_seconds)s\n"
        f"    unless on (pve, vmid) ({WAIVED})\n  )\n  or 0 * {DEMANDED}\n)\n/ {DEMANDED}",
    ),
    Record(
        "pve:vzcover_guest_backup_age_seconds:max",
        "max by (pve) (\n  time() - max by (pve, vmid) (vzcover_guest_last_backup_timestamp_seconds)\n"
        f"  unless on (pve, vmid) ({WAIVED})\n)",
    ),
    Record(
        "pve_code_severity:vzcover_guest_finding:count",
        "count by (pve, code, severity) (max by (pve, vmid, code, severity) (vzcover_guest_finding))",
    ),
    Record(
        "pve:vzcover_group_retention_missing_snapshots:sum", _of_groups("vzcover_group_retention_missing_snapshots")
    ),
    Record(
        "pve:vzcover_group_retention_surplus_snapshots:sum", _of_groups("vzcover_group_retention_surplus_snapshots")
    ),
    Record(
        "server_datastore:vzcover_datastore_used:ratio",
        "max by (server, datastore) (vzcover_datastore_used_bytes / (vzcover_datastore_size_bytes > 0))",
    ),
    Record(
        "pve_storage_node:vzcover_pve_storage_used:ratio",
        "max by (pve, storage, node) (vzcover_pve_storage_used_bytes / (vzcover_pve_storage_size_bytes > 0))",
    ),
    Record(
        "pve_result:vzcover_vzdump_tasks:increase1d",
        "sum by (pve, result) (increase(vzcover_vzdump_tasks_total[1d]))",
    ),
    Record(
        "source:vzcover_api_request_failures:ratio_rate15m",
        "(\n  sum by (source) (rate(vzcover_api_request_failures_total[15m]))\n"
        "  or 0 * sum by (source) (rate(vzcover_api_requests_total[15m]))\n)\n"
        "/ (sum by (source) (rate(vzcover_api_requests_total[15m])) > 0)",
    ),
)
