"""What every one of the commands begins with: the configuration, the file of entries, and what the clusters have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.app import client_settings
from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.collect.pbs_calls import PbsCalls
from exporter.command_line import load, usage, warn
from exporter.config.load import LoadedConfig
from exporter.config.model import Config, PbsServer, PveCluster, Source
from exporter.config.storages_file import load_storages
from exporter.counters import Counters
from exporter.errors import SourceError
from exporter.storages.checks import Shelves
from exporter.storages.entries import ClusterStorages, Desired, wanted
from exporter.storages.reading import read_cluster, read_states
from exporter.terminal import complain, progress


@dataclass(frozen=True, slots=True)
class Estate:
    """What was read: entries by cluster, and for each cluster that did not answer why."""

    actual: Mapping[str, ClusterStorages]
    unreadable: Mapping[str, str]


def open_config(options: argparse.Namespace) -> LoadedConfig:
    """Given the command line, return the main configuration, its warnings printed; raise ConfigError.

    Under `pbs` the option `--config` names the file of entries, unless that was also given behind the command's name.
    """
    loaded = load(argparse.Namespace(config=None) if _config_is_the_file(options) else options)
    warn(loaded)
    return loaded


def _config_is_the_file(options: argparse.Namespace) -> bool:
    return options.command == "pbs" and options.file is None


def file_of(options: argparse.Namespace, config: Config) -> Path:
    """Given the command line and the configuration, return the path of the file of entries; raise ConfigError if nobody names one."""
    if _config_is_the_file(options) and options.config is not None:
        return Path(options.config)
    path = options.file or config.storages_file
    if path is None:
        option = "--config" if options.command == "pbs" else "--file"
        raise usage(option, "no file of storage entries; give it here, or as storages_file in the configuration")
    return Path(path)


def entries_of(options: argparse.Namespace, config: Config) -> tuple[Desired, ...]:
    """Given the command line and the configuration, return what the file wants; raise ConfigError."""
    return wanted(load_storages(file_of(options, config), [source.name for source in config.pve]))


@contextmanager
def clients_of(config: Config) -> Iterator[Mapping[str, SourceClient]]:
    """Given the configuration, hold the reading client of each cluster, by name, for the block."""
    clients = {source.name: _client(source, config) for source in config.pve}
    try:
        yield clients
    finally:
        for client in clients.values():
            client.close()


def _client(source: Source, config: Config) -> SourceClient:
    return SourceClient(client_settings(source, config.refresh.attempts), Counters())


def read_estate(clients: Mapping[str, SourceClient], config: Config, *, states: bool = False) -> Estate:
    """Given the clusters' clients, return what each has, with its nodes' view if `states`; all clusters are asked at once."""
    deadline = Deadline.after(config.refresh.deadline)

    def read(name: str) -> ClusterStorages | SourceError:
        try:
            found = read_cluster(clients[name], deadline)
            return replace(found, states=read_states(clients[name], deadline)) if states else found
        except SourceError as error:
            return error

    with progress("reading the clusters"), ThreadPoolExecutor(max(1, len(clients))) as pool:
        answers = dict(zip(clients, pool.map(read, clients), strict=True))
    actual = {name: answer for name, answer in answers.items() if isinstance(answer, ClusterStorages)}
    unreadable = {name: str(answer) for name, answer in answers.items() if isinstance(answer, SourceError)}
    return Estate(actual, unreadable)


def complain_of(estate: Estate, desired: tuple[Desired, ...]) -> bool:
    """Given what was read, tell which clusters did not answer; return whether the file names one of them."""
    named = {entry.cluster for entry in desired}
    for cluster, problem in estate.unreadable.items():
        suffix = (
            ""
            if cluster in named
            else "; the file does not name it, but its entries could not be compared with the file's"
        )
        complain(problem + suffix)
    return bool(named & set(estate.unreadable))


def shelves_of(config: Config) -> Callable[[str, int], Shelves | None]:
    """Given the configuration, return what asks the PBS that is configured for an address which datastores and namespaces it shows."""

    def ask(server: str, port: int) -> Shelves | None:
        source = next((source for source in config.pbs if _is_at(source, server, port)), None)
        return None if source is None else _shelves(source, config)

    return ask


def _is_at(source: PbsServer, server: str, port: int) -> bool:
    return any((host.host.lower(), host.port) == (server.lower(), port) for host in source.hosts)


def _shelves(source: PbsServer, config: Config) -> Shelves:
    client = _client(source, config)
    try:
        calls = PbsCalls(client, Deadline.after(config.refresh.deadline))
        version = calls.version()
        return Shelves(source.title, {store.name: _namespaces(calls, store.name, version) for store in calls.stores()})
    except SourceError as error:
        return Shelves(source.title, {}, str(error))
    finally:
        client.close()


def _namespaces(calls: PbsCalls, store: str, version: str) -> tuple[str, ...] | str:
    try:
        return calls.namespaces(store, version)
    except SourceError as error:
        return str(error)


def cluster_named(config: Config, name: str) -> PveCluster:
    """Given the name of a configured cluster, return it."""
    return next(source for source in config.pve if source.name == name)
