"""File and environment → LoadedConfig, or one ConfigError with everything that is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from exporter.config.delivery import delivery_problems
from exporter.config.document import Document, KeyPath, Origin, found, in_order, written_path
from exporter.config.environment import has_settings, lay_over
from exporter.config.files import UnreadableError, read_small
from exporter.config.kinds import FOLDER
from exporter.config.model import Config
from exporter.config.policy_checks import policy_problems
from exporter.config.problems import problems_of
from exporter.config.reader import LARGEST_FILE, read_document
from exporter.config.reports import report_problems
from exporter.config.secrets import Surroundings, open_to_all, readable_by_others, resolve_secrets
from exporter.config.web_file import load_web_config
from exporter.errors import ConfigError, ConfigProblem

DEFAULT_PATH = Path("/etc/vzcover/config.yaml")
START = "config.example.yaml is a start"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration that can be used.

    `sha256` is that of the settings in force (file, environment and defaults together, secrets left out): it changes
    when a setting does, not when a comment does. `file` is None where everything came from the environment.
    """

    config: Config
    warnings: tuple[ConfigProblem, ...]
    sha256: str
    file: Path | None


def find_config(argument: Path | None, environment: Mapping[str, str], default: Path = DEFAULT_PATH) -> Path | None:
    """Given the command line's path, else VZCOVER_CONFIG, else the default path, return the one to load.

    None means that there is no file and need be none: nobody named one, the default one does not exist, and the
    environment holds settings (VZCOVER__…).
    """
    if argument is not None:
        return argument
    if environment.get("VZCOVER_CONFIG"):
        return Path(environment["VZCOVER_CONFIG"])
    return default if default.exists() or not has_settings(environment) else None


def load_config(path: Path | None, environment: Mapping[str, str]) -> LoadedConfig:
    """Given a file (None: only the environment) and the environment, return the configuration; raise ConfigError."""
    if path is None:
        if not has_settings(environment):
            raise ConfigError([ConfigProblem("environment", None, "", f"no VZCOVER__ setting, and no file; {START}")])
        return build_config(Document("environment", None, {}), environment, Path.cwd(), None)
    try:
        content, mode = read_small(path, LARGEST_FILE)
    except UnreadableError as error:
        remedy = f" ({START})" if "not exist" in str(error) else ""
        raise ConfigError([ConfigProblem(str(path), None, "", f"{error}{remedy}")]) from None
    document = read_document(content, str(path))
    loaded = build_config(document, environment, path.absolute().parent, mode)
    return LoadedConfig(loaded.config, loaded.warnings, loaded.sha256, path)


def build_config(document: Document, environment: Mapping[str, str], folder: Path, mode: int | None) -> LoadedConfig:
    """Given what a file holds, the environment, the folder of relative paths and the file's mode, return the rest."""
    if document.root is None and not document.problems and not has_settings(environment):
        raise ConfigError([ConfigProblem(document.file, None, "", f"the file is empty; {START}")])
    if document.root is not None and not isinstance(document.root, dict):
        message = f"expected a mapping that begins with `pve:`, found {found(document.root)}"
        raise ConfigError([document.problem((), message)])
    document = _with_folders(lay_over(document, environment, Config), environment)
    secret_problems, literal = resolve_secrets(document, Surroundings(environment, folder))
    problems = [*document.problems, *secret_problems, *_names(document), *policy_problems(document)]
    problems += [*delivery_problems(document), *report_problems(document)]
    problems += _web_file(document, folder)
    try:
        config = Config.model_validate(document.root, context={FOLDER: folder})
    except ValidationError as error:
        raise ConfigError(in_order([*problems, *problems_of(error, document, Config)])) from None
    if problems:
        raise ConfigError(in_order(problems))
    return LoadedConfig(config, tuple(_warnings(config, document, literal, mode)), _digest(config), None)


def _with_folders(document: Document, environment: Mapping[str, str]) -> Document:
    """Fill in state_dir from systemd's $STATE_DIRECTORY, and the output folder below state_dir, where they are not given."""
    root, origins = document.root, dict(document.origins)
    if not isinstance(root, dict):
        return document
    systemd = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if root.get("state_dir") is None and systemd:
        root["state_dir"] = systemd
        origins["state_dir",] = Origin(variable="STATE_DIRECTORY")
    state, report = root.get("state_dir"), root.get("report")
    if isinstance(state, str) and report is None:
        report = root["report"] = {}
    if isinstance(state, str) and isinstance(report, dict) and report.get("output") is None:
        report["output"] = str(Path(state) / "reports")
    return Document(document.file, root, origins, document.problems)


def _names(document: Document) -> Iterator[ConfigProblem]:
    """Names of clusters and servers are one namespace: they are one metric label."""
    first: dict[str, KeyPath] = {}
    for kind in ("pve", "pbs"):
        listed = document.root.get(kind) if isinstance(document.root, dict) else None
        for index, source in enumerate(listed if isinstance(listed, list) else ()):
            name = source.get("name") if isinstance(source, dict) else None
            if not isinstance(name, str):
                continue
            path: KeyPath = (kind, index, "name")
            if first.setdefault(name.strip(), path) != path:
                other = written_path(first[name.strip()])
                yield document.problem(path, f"already the name of {other}; names are unique among pve and pbs")


def _web_file(document: Document, folder: Path) -> list[ConfigProblem]:
    """What is wrong in the file that web.config_file names; that it can be read at all is checked with the setting."""
    web = document.root.get("web") if isinstance(document.root, dict) else None
    named = web.get("config_file") if isinstance(web, dict) else None
    if not isinstance(named, str) or "\0" in named or not (folder / named.strip()).is_file():
        return []
    try:
        load_web_config(folder / named.strip())
    except ConfigError as error:
        return list(error.problems)
    return []


def _warnings(config: Config, document: Document, literal: list[KeyPath], mode: int | None) -> Iterator[ConfigProblem]:
    for kind, sources in (("pve", config.pve), ("pbs", config.pbs)):
        for index, source in enumerate(sources):
            if not source.tls.verify:
                message = (
                    f"the certificate of {source.title} is not checked; better give tls.fingerprint or tls.ca_file"
                )
                yield document.problem((kind, index, "tls", "verify"), message)
            for setting in ("token_secret_file", "write_token_secret_file"):
                file = getattr(source, setting, None)
                if file is not None and open_to_all(file):
                    message = f"every user can read the secret in {file}; run: chmod o-r {file}"
                    yield document.problem((kind, index, setting), message)
    for path, secret in _delivery_secrets(config):
        if secret is not None and open_to_all(secret):
            yield document.problem(path, f"every user can read the secret in {secret}; run: chmod o-r {secret}")
    for index, channel in enumerate(config.deliver):
        if "daily" in channel.when and not config.report.enabled:
            message = "daily reports are switched off (report.enabled), so that none is delivered"
            yield document.problem(("deliver", index, "when"), message)
    if literal and mode is not None and readable_by_others(mode):
        message = f"a secret stands here and every user can read the file; run: chmod o-r {document.file}"
        yield document.problem(literal[0], message)
    yield from _web_warnings(config, document)


def _delivery_secrets(config: Config) -> Iterator[tuple[KeyPath, Path | None]]:
    """Yield the files that hold secrets of channels."""
    for index, channel in enumerate(config.deliver):
        if channel.mail is not None:
            yield ("deliver", index, "mail", "password_file"), channel.mail.password_file
        if channel.apprise is not None:
            yield ("deliver", index, "apprise", "url_file"), channel.apprise.url_file


def _web_warnings(config: Config, document: Document) -> Iterator[ConfigProblem]:
    """What every user can read of the web server's: hashes of passwords, and the certificate's key."""
    file = config.web.config_file
    if file is None:
        return
    web = load_web_config(file)
    path: KeyPath = ("web", "config_file")
    if web.basic_auth_users and open_to_all(file):
        yield document.problem(path, f"every user can read the password hashes in {file}; run: chmod o-r {file}")
    key = web.tls_server_config.key_file if web.tls_server_config else None
    if key is not None and open_to_all(key):
        yield document.problem(path, f"every user can read the key in {key}; run: chmod o-r {key}")


def _digest(config: Config) -> str:
    return hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
