"""deploy/helm: the chart rendered by Helm's own library (PyPI's helm-python-sdk, no cluster), and its rules those of grafana/."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config.load import load_config
from grafana.mixin.render import files
from grafana.mixin.settings import FILE, read_settings
from report.version import VERSION
from tests.simulator_process import REPOSITORY

CHART = REPOSITORY / "deploy" / "helm" / "vzcover"
CONFIG = """\
pve:
  - name: lab
    hosts: [pve1.example.com]
    token_id: vzcover@pve!readonly
    token_secret_file: /run/secrets/vzcover/lab
report:
  at: 06:30
"""
LEAST: Mapping[str, Any] = {"image": {"repository": "registry.example.com/vzcover"}, "config": CONFIG}
MONITORED = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
}
SECRET = {"secrets": {"lab": "9f1c2d3e"}}
USER = 10977
WARNING = 2


@pytest.fixture(scope="module")
def helm() -> Any:
    try:
        return importlib.import_module("helm_python")
    except ImportError:
        if os.environ.get("VZCOVER_REQUIRE"):
            raise
        pytest.skip("needs helm-python-sdk: run `make venv`")


def rendered(helm: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return each document by its kind; a second one of a kind by its name."""
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(dict(values))
        texts = chart.render(dict(values), name="backups", namespace="monitoring")
    found: dict[str, Any] = {}
    for path, text in sorted(texts.items()):
        for document in yaml.safe_load_all(text) if path.endswith(".yaml") else ():
            if document:
                kind = document["kind"]
                found[kind if kind not in found else document["metadata"]["name"]] = document
    return found


def container(documents: Mapping[str, Any]) -> dict[str, Any]:
    (only,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_the_rules_are_those_of_grafana() -> None:
    for name, text in files(read_settings(FILE)).items():
        assert (CHART / "files" / name).read_text() == text, f"{name} differs: run `make rules`"
    assert len(list((CHART / "files").rglob("*.yaml"))) == len(files(read_settings(FILE)))


def test_the_chart_is_of_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == VERSION


def test_helm_finds_nothing_to_complain_of(helm: Any) -> None:
    told = helm.lint(str(CHART), {**LEAST, **MONITORED, **SECRET}, strict=True)
    assert not told["errors"]
    assert not [message for message in told["messages"] if message["severity"] >= WARNING]


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({}, set()),
        (SECRET, {"Secret"}),
        (MONITORED, {"ServiceMonitor", "PrometheusRule"}),
    ],
    ids=["least", "secrets", "monitored"],
)
def test_what_is_asked_for_is_made(helm: Any, values: dict[str, Any], kinds: set[str]) -> None:
    always = {"ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service"}
    assert rendered(helm, {**LEAST, **values}).keys() == always | kinds


@pytest.mark.parametrize("missing", LEAST)
def test_what_must_be_given_is_named(helm: Any, missing: str) -> None:
    with pytest.raises(helm.HelmError, match=f"{missing}.* is required"):
        rendered(helm, {key: value for key, value in LEAST.items() if key != missing})


def test_a_value_that_the_chart_does_not_know_is_refused(helm: Any) -> None:
    with pytest.raises(helm.HelmError, match="replicas"):
        rendered(helm, {**LEAST, "replicas": 2})


def test_the_pod_has_no_rights_and_writes_only_state_and_temporary_files(helm: Any) -> None:
    documents = rendered(helm, {**LEAST, **SECRET})
    pod, only = documents["Deployment"]["spec"]["template"]["spec"], container(documents)
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert {context["runAsUser"], context["runAsGroup"], context["fsGroup"]} == {USER}
    assert f"USER {USER}:{USER}" in (REPOSITORY / "Dockerfile").read_text()
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in only["volumeMounts"]}
    assert mounts == {
        "/etc/vzcover": True,
        "/run/secrets/vzcover": True,
        "/var/lib/vzcover": False,
        "/tmp": False,
    }
    assert {mount["name"] for mount in only["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert next(volume["secret"]["defaultMode"] for volume in pod["volumes"] if volume["name"] == "secrets") == 0o440


def test_the_configuration_arrives_as_it_was_written_and_can_be_read(helm: Any, tmp_path: Path) -> None:
    text = rendered(helm, LEAST)["ConfigMap"]["data"]["config.yaml"]
    assert text == CONFIG
    secret, path = tmp_path / "lab", tmp_path / "config.yaml"
    secret.write_text("9f1c2d3e-0000-4000-8000-000000000001")
    secret.chmod(0o440)
    path.write_text(text.replace("/run/secrets/vzcover/lab", str(secret)))
    assert load_config(path, {}).config.report.at.isoformat() == "06:30:00"


def test_arguments_follow_serve(helm: Any) -> None:
    only = container(rendered(helm, {**LEAST, "extraArgs": ["--no-collector.findings"]}))
    assert only["args"] == ["serve", "--config", "/etc/vzcover/config.yaml", "--no-collector.findings"]
    assert only["image"] == f"registry.example.com/vzcover:{VERSION}"


def test_a_web_configuration_is_kept_in_a_secret_and_named_to_vzcover(helm: Any) -> None:
    documents = rendered(helm, {**LEAST, "webConfig": "basic_auth_users: {}\n"})
    assert documents["Secret"]["stringData"] == {"web-config.yml": "basic_auth_users: {}\n"}
    (variable,) = container(documents)["env"]
    assert variable["name"] == "VZCOVER__WEB__CONFIG_FILE"
    assert "/run/secrets/vzcover-web" in {mount["mountPath"] for mount in container(documents)["volumeMounts"]}


def test_service_and_monitor_and_policy_select_the_pod(helm: Any) -> None:
    documents = rendered(helm, {**LEAST, **MONITORED})
    labels = documents["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    monitor = documents["ServiceMonitor"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= documents["Service"]["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] == documents["Service"]["spec"]["ports"][0]["name"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": read_settings(FILE).values["job"]}]


def test_the_policy_lets_in_who_scrapes_and_out_to_names_and_servers(helm: Any) -> None:
    servers = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    spec = rendered(helm, {**LEAST, "networkPolicy": {"to": servers}})["NetworkPolicy"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in spec["ingress"]] == [[{"port": "http"}]]
    names, out = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert out == {"ports": [{"port": 8006}, {"port": 8007}], "to": servers}
    assert rendered(helm, {**LEAST, "networkPolicy": {"from": []}})["NetworkPolicy"]["spec"]["ingress"] == []


@pytest.mark.parametrize("runbook", ["", "https://wiki.example.com/#/runbook$1"], ids=["placeholder", "of the site"])
def test_the_rule_of_the_operator_holds_every_group_with_the_runbook_of_the_site(helm: Any, runbook: str) -> None:
    values = {**LEAST, "prometheusRule": {"enabled": True, "runbook": runbook}}
    groups = rendered(helm, values)["PrometheusRule"]["spec"]["groups"]
    expected = [yaml.safe_load(text)["groups"][0] for text in files(read_settings(FILE)).values()]
    for group in expected:
        for rule in group["rules"]:
            if "annotations" in rule:
                anchor = rule["annotations"]["runbook_url"].partition("#")[2]
                rule["annotations"]["runbook_url"] = f"{runbook or read_settings(FILE).runbook}#{anchor}"
    assert sorted(groups, key=lambda group: str(group["name"])) == sorted(
        expected, key=lambda group: str(group["name"])
    )


def test_without_a_claim_the_state_goes_with_the_pod(helm: Any) -> None:
    documents = rendered(helm, {**LEAST, "persistence": {"enabled": False}})
    assert "PersistentVolumeClaim" not in documents
    volumes = documents["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "state", "emptyDir": {}} in volumes


def test_the_values_that_the_document_shows_are_taken(helm: Any) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "docs" / "prometheus.md").read_text(), re.DOTALL)
    whole, endpoint = (
        yaml.safe_load(next(block for block in blocks if block.startswith(start)))
        for start in ("# values of yours", "serviceMonitor:\n  endpoint")
    )
    documents = rendered(helm, whole)
    assert documents.keys() >= {"ServiceMonitor", "PrometheusRule"}
    assert documents["ConfigMap"]["data"].keys() == {"config.yaml", "pve-root-ca.pem"}
    whole["serviceMonitor"] |= endpoint["serviceMonitor"]
    (secured,) = rendered(helm, whole)["ServiceMonitor"]["spec"]["endpoints"]
    assert secured.items() >= endpoint["serviceMonitor"]["endpoint"].items()
