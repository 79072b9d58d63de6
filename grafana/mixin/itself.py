"""The alerts about what vzcover sees, and about vzcover itself."""

from __future__ import annotations

from grafana.mixin.rows import Alert, estate_finding

SOURCE = "{{ $labels.source }}"


def _of_source(condition: str) -> str:
    """Given an expression with the label `source`, return it with `pve` and `server` too, so that an inhibition can compare them.

    Names of clusters and servers are one namespace.
    """
    named = f'label_replace(\n  {condition},\n  "pve", "$1", "source", "(.+)"\n)'
    return f'label_replace({named}, "server", "$1", "source", "(.+)")'


EXPORTER_ALERTS = (
    Alert(
        "VzcoverDown",
        "critical",
        "soon",
        'up{job="%(job)s"} == 0',
        "vzcover at {{ $labels.instance }} is down.",
        "Prometheus cannot scrape {{ $labels.instance }}: nobody watches the backups, and no other alert of vzcover can fire.",
        lingers=False,
    ),
    Alert(
        "VzcoverAbsent",
        "critical",
        "short",
        'absent(vzcover_build_info) unless on () up{job="%(job)s"} == 0',
        "No vzcover is scraped.",
        "Prometheus knows no metric of vzcover: its scrape job is missing or names the wrong address. Nobody watches the backups.",
        lingers=False,
    ),
    Alert(
        "VzcoverRefreshStale",
        "critical",
        "soon",
        "time() - vzcover_refresh_last_success_timestamp_seconds > %(refresh_age_seconds)s",
        "vzcover at {{ $labels.instance }} does not refresh.",
        "The last refresh of {{ $labels.instance }} ended {{ $value | humanizeDuration }} ago: what it tells is of then.",
    ),
    Alert(
        "VzcoverSourceDown",
        "critical",
        "short",
        _of_source("max by (source) (vzcover_source_up) == 0"),
        f"{SOURCE} does not answer.",
        f"vzcover cannot read {SOURCE}: what it knows of it is too old soon, and turns into “not known”.",
    ),
    Alert(
        "VzcoverCollectorFailing",
        "warning",
        "long",
        _of_source(
            "max by (source, collector) (vzcover_collector_success) == 0 and on (source) vzcover_source_up == 1"
        ),
        f"vzcover cannot read all of {SOURCE}.",
        f"{SOURCE} answers, and the collector {{{{ $labels.collector }}}} does not get all that it asks for.",
    ),
    Alert(
        "VzcoverPrivilegeMissing",
        "warning",
        "short",
        _of_source("max by (source, privilege, path) (vzcover_permission_missing) == 1"),
        f"The token for {SOURCE} lacks a privilege.",
        f"The token for {SOURCE} lacks {{{{ $labels.privilege }}}} on {{{{ $labels.path }}}}: what that hides is not known.",
    ),
    Alert(
        "VzcoverCertificateExpiring",
        "warning",
        "long",
        "min by (source) (vzcover_tls_certificate_not_after_timestamp_seconds) - time() < %(certificate_within_seconds)s",
        f"The certificate of {SOURCE} is about to expire.",
        f"The certificate of {SOURCE} {{{{ if gt $value 0.0 }}}}expires in {{{{ $value | humanizeDuration }}}}"
        "{{ else }}has expired{{ end }}.",
    ),
    Alert(
        "VzcoverCoverageDisagreement",
        "warning",
        "long",
        "max by (pve) (vzcover_coverage_disagreements) > 0",
        "vzcover and {{ $labels.pve }} disagree on which guests jobs select.",
        "Of {{ $value }} guests of {{ $labels.pve }} vzcover and PVE say different things about the jobs that select them.",
    ),
    Alert(
        "VzcoverWaiverExpired",
        "warning",
        "long",
        estate_finding("waiver_expired"),
        "A waiver ran out.",
        "Waivers that ran out lately: {{ $value }}. What they hid counts again.",
    ),
    Alert(
        "VzcoverReportFailing",
        "warning",
        "short",
        "increase(vzcover_scheduled_report_failures_total[15m]) > 0",
        "The report {{ $labels.report }} cannot be written.",
        "The report {{ $labels.report }} of {{ $labels.instance }} cannot be written; it is tried again every minute.",
    ),
    Alert(
        "VzcoverDeliveryFailing",
        "warning",
        "short",
        # at least one try an hour while it fails
        "increase(vzcover_delivery_failures_total[1h]) > 0",
        "Messages by {{ $labels.channel }} are not delivered.",
        "Reports and news of {{ $labels.instance }} cannot be delivered by the channel {{ $labels.channel }}.",
    ),
    Alert(
        "VzcoverReloadFailed",
        "warning",
        "soon",
        "vzcover_config_last_reload_successful == 0 or vzcover_web_config_last_reload_successful == 0",
        "vzcover at {{ $labels.instance }} runs on an older configuration.",
        "A new configuration or web configuration file of {{ $labels.instance }} is not usable: the one before stays in force.",
    ),
)
