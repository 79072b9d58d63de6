"""Where a secret comes from: the file itself, ${NAME}, a file of its own, a systemd credential.

All of them are read while loading, so that every one that is missing is told at once. The secret itself is in no message.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.concealed import conceal
from exporter.config.delivery import NotifyUrls, Password
from exporter.config.document import Document, KeyPath, Tree
from exporter.config.files import UnreadableError, read_small
from exporter.config.kinds import Kind
from exporter.config.texts import Secret
from exporter.errors import ConfigError, ConfigProblem

LARGEST_SECRET = 64 * 1024  # bytes
LONGEST_PASSWORD = 256
# of an address of apprise: a shorter part may be a word
SHORTEST_KEY = 8
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class SecretSetting:
    """A setting that holds a secret, and its form. `stand_in` takes the place of a secret that was already reported, so that it is not
    reported as missing.
    """

    name: str
    kind: Kind
    required: bool = True
    stand_in: str = "unresolved"

    @property
    def fields(self) -> tuple[str, str, str]:
        """The settings of which one is given."""
        return self.name, f"{self.name}_file", f"{self.name}_credential"

    @property
    def one_of(self) -> str:
        """The remedy where not one is given."""
        return f"give {'exactly' if self.required else 'at most'} one of {', '.join(self.fields)}"


TOKEN_SECRET = SecretSetting("token_secret", Secret())
PASSWORD = SecretSetting("password", Password(), required=False)
URL = SecretSetting("url", NotifyUrls(), stand_in="unresolved://it")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What secrets are looked up in: the environment and the configuration file's folder."""

    environment: Mapping[str, str]
    folder: Path


class _UnresolvedError(Exception):
    """A secret that is not there; the text says why and what to do."""


def resolve_secrets(document: Document, around: Surroundings) -> tuple[list[ConfigProblem], list[KeyPath]]:
    """Put every secret into its setting of the document's tree, such as `token_secret` of a source.

    Return the problems, and the paths of the secrets that stand literally in the file.
    """
    problems: list[ConfigProblem] = []
    literal: list[KeyPath] = []
    for path, section, setting in _places(document.root):
        given = [field for field in setting.fields if section.get(field) is not None]
        field = given[0] if given else setting.name
        value = section.get(field)
        if not given and not setting.required:
            continue
        if len(given) != 1:
            told = f"{' and '.join(given)} exclude each other" if given else "missing"
            problems.append(document.problem((*path, given[1] if given else setting.name), f"{told}; {setting.one_of}"))
        elif not isinstance(value, str):
            problems.append(document.problem((*path, field), "expected text"))
        else:
            try:
                section[setting.name] = resolve_secret(field, value, around, setting)
            except _UnresolvedError as unresolved:
                problems.append(document.problem((*path, field), str(unresolved)))
            else:
                origin = document.origins.get((*path, field))
                if field == setting.name and not REFERENCE.fullmatch(value) and origin and not origin.variable:
                    literal.append((*path, field))
                continue
        section[setting.name] = setting.stand_in
    return problems, literal


def _places(root: Tree) -> Iterator[tuple[KeyPath, dict[str, Tree], SecretSetting]]:
    """Yield every section that holds a secret, with its path."""
    for kind in ("pve", "pbs"):
        for path, source in _listed(root, kind):
            yield path, source, TOKEN_SECRET
    for path, channel in _listed(root, "deliver"):
        for key, setting in (("mail", PASSWORD), ("apprise", URL)):
            section = channel.get(key)
            if isinstance(section, dict):
                yield (*path, key), section, setting


def _listed(root: Tree, key: str) -> Iterator[tuple[KeyPath, dict[str, Tree]]]:
    listed = root.get(key) if isinstance(root, dict) else None
    for index, section in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(section, dict):
            yield (key, index), section


def resolve_secret(field: str, value: str, around: Surroundings, setting: SecretSetting = TOKEN_SECRET) -> str:
    """Given one of the setting's three fields and its value, return the secret; raise _UnresolvedError with the remedy."""
    if field == f"{setting.name}_file":
        secret = _from_file(around.folder / value.strip())
    elif field == f"{setting.name}_credential":
        secret = _from_credential(value.strip(), around.environment)
    else:
        secret = _from_text(value, around.environment, f"{setting.name}_file")
    for part in secret_parts(secret):
        conceal(part)
    try:
        return str(setting.kind.parse(secret).get_secret_value())
    except ValueError as error:
        raise _UnresolvedError(str(error)) from None


def read_secret(file: Path, setting: str) -> str:
    """Given a file that holds a token's secret and the setting that names it, return the secret; raise ConfigError."""
    try:
        return resolve_secret("token_secret_file", str(file), Surroundings({}, Path()))
    except _UnresolvedError as unresolved:
        raise ConfigError([ConfigProblem("configuration", None, setting, str(unresolved))]) from None


def read_password(source: str, environment: Mapping[str, str], setting: str) -> str:
    """Given a file's path or ${NAME}, return the password in it (J1: at most 256 characters); raise ConfigError."""
    try:
        password = _from_text(source, environment) if REFERENCE.fullmatch(source) else _from_file(Path(source))
        conceal(password)
        if len(password) > LONGEST_PASSWORD or not password.isprintable():
            raise _UnresolvedError(f"a password is one line of at most {LONGEST_PASSWORD} characters")
    except _UnresolvedError as unresolved:
        raise ConfigError([ConfigProblem("storages", None, setting, str(unresolved))]) from None
    return password


def secret_parts(secret: str) -> Iterator[str]:
    """Given a secret, yield what must not be told: itself, and of addresses each of them and what they hold behind the scheme."""
    yield secret
    for url in secret.split() if "://" in secret else ():
        yield url
        yield from (part for part in re.split("[/:@?&=]+", url.partition("://")[2]) if _looks_secret(part))


def _looks_secret(part: str) -> bool:
    """Tell a key from the name of a host or a folder."""
    return len(part) >= SHORTEST_KEY and "." not in part and not part.isalpha()


def _from_text(value: str, environment: Mapping[str, str], other: str = "token_secret_file") -> str:
    reference = REFERENCE.fullmatch(value.strip())
    if reference is None:
        if "${" in value:
            raise _UnresolvedError(
                "${NAME} must be the whole value, NAME of letters, digits and _; nothing before or behind it"
            )
        return value
    name = reference[1]
    if name not in environment:
        raise _UnresolvedError(f"the environment variable {name} is not set; set it, or use {other}")
    if not environment[name].strip():
        raise _UnresolvedError(f"the environment variable {name} is empty; give it the secret")
    return environment[name].strip()


def _from_credential(name: str, environment: Mapping[str, str]) -> str:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise _UnresolvedError(
            f"$CREDENTIALS_DIRECTORY is not set; start as a systemd service with LoadCredential={name}:/path/of/the/secret"
        )
    if "/" in name or name.startswith("."):
        raise _UnresolvedError("expected the name of a credential, without a path")
    return _from_file(Path(folder) / name)


def _from_file(path: Path) -> str:
    try:
        content, _ = read_small(path, LARGEST_SECRET)
    except UnreadableError as error:
        raise _UnresolvedError(f"{path} {error}") from None
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _UnresolvedError(f"{path} is not text; write only the secret into it") from None
    if not text:
        raise _UnresolvedError(f"{path} is empty; write the secret into it")
    return text


def readable_by_others(mode: int) -> bool:
    """Given a file's mode, return whether every user of the machine may read it."""
    return bool(mode & stat.S_IROTH)


def open_to_all(file: Path) -> bool:
    """Given a file, return whether every user of the machine may read it; not for one that cannot be looked at."""
    try:
        return readable_by_others(file.stat().st_mode)
    except OSError:
        return False
