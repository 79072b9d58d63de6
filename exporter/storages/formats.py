"""A plan for other tools: JSON, `pvesm` commands, Terraform, Ansible. No secret is in it, only where it is to come from."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from exporter.storages.entries import Desired
from exporter.storages.plan import Action, Change, Manual, Plan
from report.storage_options import options_of

SCHEMA_VERSION = 1
# options that proxmox_virtual_environment_storage_pbs does not document
NOT_IN_TERRAFORM = ("port", "prune-backups")


def as_json(plan: Plan) -> str:
    """Given a plan, return it whole."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "in_line": plan.in_line,
        "changes": [_change(change) for change in plan.changes],
        "shared_namespaces": [
            {
                "server": shared.server,
                "datastore": shared.datastore,
                "namespace": shared.namespace,
                "entries": [{"cluster": cluster, "entry": name} for cluster, name in shared.entries],
            }
            for shared in plan.shared
        ],
        "advice": [
            {"entry": advice.entry, "clusters": advice.clusters, "message": advice.message, "remedy": advice.remedy}
            for advice in plan.advice
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _change(change: Change) -> Mapping[str, Any]:
    return {
        "cluster": change.cluster,
        "entry": change.name,
        "description": change.desired.description,
        "action": change.action,
        "reason": change.reason,
        "fields": [{"option": field.option, "before": field.before, "after": field.after} for field in change.fields],
        "warnings": change.warnings,
        "remarks": change.remarks,
        "manual": _manual(change.manual),
    }


def _manual(manual: Manual | None) -> Mapping[str, Any] | None:
    if manual is None:
        return None
    return {
        "reason": manual.reason,
        "steps": manual.steps,
        "jobs": manual.jobs,
        "lost_by_deletion": manual.losses,
    }


def as_pvesm(plan: Plan) -> str:
    """Given a plan, return it as a shell script, to be run on one node of each cluster; of several the first argument names the cluster."""
    parts: dict[str, list[str]] = {}
    for change in plan.changes:
        if change.action is Action.UNCHANGED:
            continue
        lines = parts.setdefault(change.cluster, [])
        lines.append(f"# {change.cluster}: {change.name}, {change.action}")
        lines += [f"# {_one_line(text)}" for text in (*_why_not(change), *change.warnings)]
        if change.action in (Action.CREATE, Action.UPDATE):
            lines.append(shlex.join(_pvesm(change)))
    script = ["#!/bin/sh", "set -e"]
    if len(parts) > 1:
        script.append(f': "${{1:?say which cluster this node is of: {", ".join(parts)}}}"')
    for cluster, lines in parts.items():
        guard = (f'if [ "$1" = {cluster} ]; then', ":", "fi") if len(parts) > 1 else ()
        script += ["", *guard[:2], *lines, *guard[2:]]
    return "\n".join(script) + "\n"


def _pvesm(change: Change) -> list[str]:
    options = [part for option, value in change.set_options.items() for part in (f"--{option}", value)]
    if change.action is Action.UPDATE:
        deleted = ["--delete", ",".join(change.deleted_options)] if change.deleted_options else []
        return ["pvesm", "set", change.name, *options, *deleted]
    key = ["--encryption-key", "autogen"] if change.desired.new_key else []
    # without a value pvesm asks for it
    secret = ["--password"] if change.desired.password else []
    return ["pvesm", "add", "pbs", change.name, *options, *key, *secret]


def as_terraform(plan: Plan) -> str:
    """Given a plan, return the changed entries as resources of the provider bpg/proxmox, with import blocks for those that exist.

    The provider of a cluster has the alias of its name; passwords are variables. What the provider's resource does not
    know is a comment.
    """
    blocks: list[str] = []
    variables: dict[str, None] = {}
    for change in plan.changes:
        if change.action is Action.UNCHANGED:
            continue
        comments = [f"# {change.cluster}: {change.name}, {change.action}"]
        comments += [f"# {_one_line(text)}" for text in (*_why_not(change), *change.warnings)]
        if change.action not in (Action.CREATE, Action.UPDATE):
            blocks.append("\n".join(comments))
            continue
        label = _identifier(f"{change.cluster}_{change.name}")
        variables[f"{label}_password"] = None
        comments += _beside_terraform(change)
        if change.action is Action.UPDATE:
            target = f"proxmox_virtual_environment_storage_pbs.{label}"
            comments += ["import {", f"  to = {target}", f"  id = {_hcl(change.name)}", "}"]
        blocks.append("\n".join([*comments, *_resource(change.desired, label)]))
    declared = [f'variable "{name}" {{\n  type      = string\n  sensitive = true\n}}' for name in variables]
    return "\n\n".join([*declared, *blocks]) + "\n" if blocks else ""


def _beside_terraform(change: Change) -> Iterator[str]:
    """Yield the command for what the resource does not know."""
    options = options_of(change.desired.definition)
    words = [word for option in NOT_IN_TERRAFORM if option in options for word in (f"--{option}", options[option])]
    if gone := [option for option in change.deleted_options if option in NOT_IN_TERRAFORM]:
        words += ["--delete", ",".join(gone)]
    if words:
        yield f"# {' and '.join(NOT_IN_TERRAFORM)} are not the provider's: {shlex.join(['pvesm', 'set', change.name, *words])}"


def _resource(desired: Desired, label: str) -> Iterator[str]:
    definition = desired.definition
    yield f'resource "proxmox_virtual_environment_storage_pbs" "{label}" {{'
    rows: list[tuple[str, str]] = [
        ("provider", f"proxmox.{_identifier(desired.cluster)}"),
        ("id", _hcl(definition.storage)),
        ("server", _hcl(definition.server or "")),
        ("datastore", _hcl(definition.datastore or "")),
        ("namespace", _hcl(definition.namespace) if definition.namespace else ""),
        ("username", _hcl(definition.username or "")),
        ("password", f"var.{label}_password"),
        ("fingerprint", _hcl(definition.fingerprint) if definition.fingerprint else ""),
        ("content", _hcl_list(definition.content)),
        ("nodes", _hcl_list(definition.nodes) if definition.nodes else ""),
        ("disable", "true" if definition.disabled else ""),
        ("generate_encryption_key", "true" if desired.new_key else ""),
    ]
    shown = [(name, value) for name, value in rows if value]
    width = max(len(name) for name, _ in shown)
    yield from (f"  {name:{width}} = {value}" for name, value in shown)
    yield "}"


def as_ansible(plan: Plan) -> str:
    """Given a plan, return it as a playbook that sends the very requests of `apply`, one play a cluster.

    `pve_url`, `pve_token` (USER@REALM!TOKEN=SECRET) and the passwords are variables of the inventory.
    """
    plays: dict[str, list[dict[str, Any]]] = {}
    comments: list[str] = []
    for change in plan.changes:
        if change.action is Action.UNCHANGED:
            continue
        notes = (*_why_not(change), *change.warnings)
        comments += [f"# {change.cluster}: {change.name}: {_one_line(text)}" for text in notes]
        if change.action in (Action.CREATE, Action.UPDATE):
            plays.setdefault(change.cluster, []).append(_task(change))
    documents = [
        {"name": f"PBS storages of {cluster}", "hosts": cluster, "gather_facts": False, "tasks": tasks}
        for cluster, tasks in plays.items()
    ]
    head = "".join(f"{line}\n" for line in comments)
    return head + ("---\n" + str(yaml.safe_dump(documents, sort_keys=False, width=120)) if documents else "")


def _task(change: Change) -> dict[str, Any]:
    body = dict(change.set_options)
    url = "{{ pve_url }}/api2/json/storage"
    create = change.action is Action.CREATE
    if create:
        body = {"storage": change.name, "type": "pbs", **body}
        if change.desired.new_key:
            body["encryption-key"] = "autogen"
        if change.desired.password:
            body["password"] = f"{{{{ {_identifier(change.name)}_password }}}}"
    elif change.deleted_options:
        body["delete"] = ",".join(change.deleted_options)
    return {
        "name": f"{change.action} {change.name}",
        "ansible.builtin.uri": {
            "url": url if create else f"{url}/{change.name}",
            "method": "POST" if create else "PUT",
            "headers": {"Authorization": "PVEAPIToken={{ pve_token }}"},
            "body_format": "form-urlencoded",
            "body": body,
        },
        "delegate_to": "localhost",
        "no_log": True,
    }


FORMATS: Mapping[str, Callable[[Plan], str]] = {
    "json": as_json,
    "pvesm": as_pvesm,
    "terraform": as_terraform,
    "ansible": as_ansible,
}


def _why_not(change: Change) -> tuple[str, ...]:
    if change.manual is not None:
        return (change.manual.reason, *change.manual.steps)
    return (change.reason,) if change.reason else ()


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def _hcl(text: str) -> str:
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")


def _hcl_list(values: frozenset[str]) -> str:
    return f"[{', '.join(_hcl(value) for value in sorted(values))}]"
