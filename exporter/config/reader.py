"""Bytes of YAML → Document, without the traps of YAML 1.1: every scalar stays the text that was written.

`22:30`, `no`, `010`, `1.10`, `2024-01-01` are text here; the model decides what a setting's text means. Nothing
written (or `null`, `~`) is None. A key given twice is a problem. Anchors, aliases and `<<` merges work; tags do not.
Messages hold keys, never values, nor names of anchors and tags: an unquoted secret may begin with `*`, `&` or `!`.
"""

from __future__ import annotations

from yaml.composer import Composer
from yaml.error import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from exporter.config.document import Document, KeyPath, Origin, Tree, found, in_order, written_path
from exporter.errors import ConfigError, ConfigProblem

LARGEST_FILE = 256 * 1024  # bytes; the largest sensible configuration has some ten
MOST_VALUES = 20_000  # aliases of aliases can name billions
PLAIN = "plain"  # a scalar without quotes: only there may nothing mean None
TEXT = "tag:yaml.org,2002:str"
NOTHING = ("", "~", "null")
QUOTES = "text that begins with a special character is put in quotes"

UNFINISHED = "unexpected end of stream"
# parts of PyYAML's messages, and what they mean for the person who wrote the file
HINTS = (
    ("'\\t'", "a tab where YAML wants blanks; indent with blanks"),
    ("cannot start any token", f"a character that cannot begin a value; {QUOTES}"),
    ("undefined alias", f"an alias (*name) without its anchor (&name); {QUOTES}"),
    ("undefined tag handle", f"tags (!…) are not used here; {QUOTES}"),
    ("duplicate anchor", "two anchors (&name) have the same name"),
    ("single document", "a second document (---) begins here; one file holds one document"),
    (
        "mapping values are not allowed",
        "a second `: ` on one line, or wrong indentation; put text that holds `: ` in quotes",
    ),
    ("could not find expected ':'", "a line without `key: value`"),
    (UNFINISHED, "quotes that are opened here are never closed"),
    ("<stream end>", "a bracket [ or { above is never closed"),
    ("expected <block end>", "wrong indentation, or quotes or a bracket closed too early"),
    ("expected ',' or", "a bracket [ or { above, or on this line, is never closed"),
    ("unknown escape", 'an unknown escape in "…"; use single quotes'),
)


class _TextResolver(BaseResolver):
    """Tells only what kind of node it is, never what a scalar looks like."""

    def resolve(self, kind: type[Node], value: str | None, implicit: bool | tuple[bool, bool]) -> str:
        if kind is ScalarNode:
            return PLAIN if isinstance(implicit, tuple) and implicit[0] else TEXT
        return "tag:yaml.org,2002:seq" if kind is SequenceNode else "tag:yaml.org,2002:map"


class _Loader(Reader, Scanner, Parser, Composer, _TextResolver):
    """PyYAML's own stages up to the tree of nodes; no constructor."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _TextResolver.__init__(self)


def read_document(content: bytes, file: str) -> Document:
    """Given a file's bytes and how to show its name, return its Document (root None where it holds nothing).

    Raises ConfigError with one problem where it is no YAML at all; what can be told apart lands in `problems`.
    """
    text = _decoded(content, file)
    try:
        node = _Loader(text).get_single_node()
        builder = _Builder(file)
        root = None if node is None else builder.build(node, (), frozenset())
    except ReaderError as error:
        line = text.count("\n", 0, error.position if isinstance(error.position, int) else 0) + 1
        raise _error(file, line, "a control character; save the file as plain UTF-8 text") from None
    except MarkedYAMLError as error:
        raise _error(file, _line_of(error), f"no valid YAML: {_explained(error)}") from None
    except (RecursionError, YAMLError, ValueError, OverflowError):
        # PyYAML turns an escape such as "\U99999999" into a character without looking
        raise _error(file, None, "no valid YAML: nested too deep, or an impossible character") from None
    builder.origins.setdefault((), Origin(1))
    return Document(file, root, builder.origins, tuple(in_order(builder.problems)))


def _decoded(content: bytes, file: str) -> str:
    if len(content) > LARGEST_FILE:
        raise _error(file, None, f"larger than {LARGEST_FILE // 1024} KiB; this is no configuration file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(file, line, "not UTF-8; save the file as UTF-8") from None


def _error(file: str, line: int | None, message: str) -> ConfigError:
    return ConfigError([ConfigProblem(file, line, "", message)])


def _line_of(error: MarkedYAMLError) -> int | None:
    # an opening quote is the context; the problem itself is only the end of the file
    late = UNFINISHED in (error.problem or "")
    mark = (error.context_mark if late else None) or error.problem_mark or error.context_mark
    return None if mark is None else mark.line + 1


def _explained(error: MarkedYAMLError) -> str:
    problem = f"{error.context or ''} {error.problem or ''}"
    for part, hint in HINTS:
        if part in problem:
            return hint
    return "wrong indentation, or a special character in text without quotes"


class _Builder:
    """Nodes → tree, origins and problems, in one walk."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.origins: dict[KeyPath, Origin] = {}
        self.problems: list[ConfigProblem] = []
        self.values = 0

    def build(self, node: Node, path: KeyPath, parents: frozenset[int]) -> Tree:
        """Given a node and its path, return its tree; `parents` holds the ids of the nodes around it."""
        line = node.start_mark.line + 1
        self.origins.setdefault(path, Origin(line))
        self.values += 1
        if self.values > MOST_VALUES:
            raise _error(self.file, None, f"more than {MOST_VALUES} values, aliases counted; this is no configuration")
        if id(node) in parents:
            raise _error(self.file, line, "an alias (*name) inside of its own anchor")
        inside = parents | {id(node)}
        if isinstance(node, MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path, inside)
        if isinstance(node, SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.build(item, (*path, index), inside) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in (PLAIN, TEXT):
            return None if node.tag == PLAIN and node.value in NOTHING else str(node.value)
        self.report(line, path, f"tags (!…) are not used here; {QUOTES}")
        return str(node.value) if isinstance(node, ScalarNode) else None

    def report(self, line: int, path: KeyPath, message: str) -> None:
        self.problems.append(ConfigProblem(self.file, line, written_path(path), message))

    def _mapping(self, node: MappingNode, path: KeyPath, inside: frozenset[int]) -> Tree:
        tree: dict[str, Tree] = {}
        merges: list[Node] = []
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.report(line, path, "a key must be text, found a list or a mapping")
            elif key_node.tag == PLAIN and key_node.value == "<<":
                merges.append(value_node)
            elif key_node.value in lines:
                place = (*path, key_node.value)
                self.report(line, place, f"given twice, first on line {lines[key_node.value]}; keep one")
            else:
                lines[key_node.value] = line
                self.origins[(*path, key_node.value)] = Origin(line)
                tree[key_node.value] = self.build(value_node, (*path, key_node.value), inside)
        for merge in merges:
            self._merge(merge, tree, path, inside)
        return tree

    def _merge(self, node: Node, tree: dict[str, Tree], path: KeyPath, inside: frozenset[int]) -> None:
        """Lay a merged mapping (or several) under what the mapping says itself: what is there already wins."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                self.report(source.start_mark.line + 1, path, f"<< merges mappings only, found {_kind(source)}")
                continue
            if id(source) in inside:
                raise _error(self.file, source.start_mark.line + 1, "an alias (*name) inside of its own anchor")
            scratch = _Builder(self.file)
            scratch.values = self.values
            merged = scratch.build(source, path, inside)
            self.values = scratch.values
            self.problems.extend(scratch.problems)
            for key, value in merged.items() if isinstance(merged, dict) else ():
                if key not in tree:
                    tree[key] = value
                    place = (*path, key)
                    depth = len(place)
                    self.origins.update({at: o for at, o in scratch.origins.items() if at[:depth] == place})


def _kind(node: Node) -> str:
    return (
        "text" if isinstance(node, ScalarNode) and node.value else found(None if isinstance(node, ScalarNode) else [])
    )
