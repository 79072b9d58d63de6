"""The daemon leaves families of metrics out, by its configuration and by its command line."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.processes import Daemon, serving, wait_for, write_config
from tests.simulator_process import running_simulator

# a metric of each family that this cluster feeds
SHOWN = {
    "storages": "vzcover_pve_storage_info",
    "jobs": "vzcover_backup_job_info",
    "backups": "vzcover_guest_rpo_seconds",
}


def left_out(running: Daemon) -> set[str]:
    names = {sample.partition("{")[0] for sample in running.samples()}
    assert {"vzcover_guest_coverage", "vzcover_guests"} <= names
    return {family for family, name in SHOWN.items() if name not in names}


def test_what_configuration_and_command_line_name_is_left_out_and_a_reload_changes_it(tmp_path: Path) -> None:
    with running_simulator("serve", "--guests", 12) as simulator:
        config = write_config(tmp_path, simulator, more="metrics: {leave_out: storages}\n")
        with serving(config, "--no-collector.jobs") as running:
            assert left_out(running) == {"storages", "jobs"}
            config.change("leave_out: storages", "leave_out: backups")
            running.send(signal.SIGHUP)
            wait_for(lambda: left_out(running) == {"backups", "jobs"}, "the new configuration in force")
            running.end()
