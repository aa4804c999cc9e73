"""Safe, bounded YAML with positions: text of a site file into plain data and a map from key paths to line and column.

Only plain scalars are typed, and only as a person means them: `NO` is text, `2.0e12` and `45_000_000` are numbers,
`2:1` is text (a ratio), `yes` and `on` are text. Aliases, tags, depth and size are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from planner.errors import InputError, Mistake

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
LONG = 50_000  # characters; longer text is read with the C parser, whose messages are terser
MAX_NODES = 20_000

_INT = re.compile(r"[-+]?[0-9][0-9_]*$")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$")

Key = tuple[str | int, ...]
Position = tuple[int, int]


class Quoted(str):
    """Text that stood in quotes: never a number."""


@dataclass
class Text:
    """Plain data of a file with the position of every key and value (line and column from 1)."""

    name: str
    data: Any = None
    values: dict[Key, Position] = field(default_factory=dict)
    keys: dict[Key, Position] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, key: Key, message: str, at_key: bool = False) -> None:
        """Note a mistake at a key path; falls back to the nearest ancestor that has a position."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        probe = key
        while True:
            place = first.get(probe) or second.get(probe)
            if place is not None or not probe:
                break
            probe = probe[:-1]
        line, column = place or (None, None)
        self.mistakes.append(Mistake(self.name, line, column, message))


def read_text(path: Path, kind: str = "a site file") -> str:
    """The file's text; InputError for a missing, unreadable, huge, empty or binary file."""
    name = str(path)
    try:
        if path.is_dir():
            raise _single(name, f"is a folder; expected {kind}.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _single(name, f"is {size / 1e6:,.1f} MB; {kind} is at most {MAX_BYTES / 1e6:g} MB.")
        raw = path.read_bytes()
    except FileNotFoundError as error:
        hint = ", or start one with: planner init site.yaml" if kind == "a site file" else "."
        raise _single(name, f"does not exist. Check the path{hint}") from error
    except OSError as error:
        raise _single(name, f"cannot be read: {error.strerror}.") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = "is not UTF-8 text (a binary file, or another encoding?); save it as UTF-8."
        raise InputError([Mistake(name, line, None, message)]) from error
    if "\x00" in text:
        raise _single(name, "holds NUL bytes, so it is not a text file.")
    return text


def parse(text: str, name: str, most: int = MAX_NODES, *, lists: bool = False) -> Text:
    """Data and positions; InputError when the text is not one YAML mapping (with `lists`, also a list)."""
    result = Text(name)
    try:
        documents = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        problem = (error.problem or "not valid YAML").strip()
        raise InputError([Mistake(name, line, column, f"not valid YAML: {problem}.")]) from error
    except yaml.YAMLError as error:
        raise _single(name, f"not valid YAML: {str(error).splitlines()[0]}.") from error
    except RecursionError as error:
        raise _single(name, f"is nested too deeply; at most {MAX_DEPTH} levels.") from error
    if not documents:
        raise _single(name, "is empty; expected at least site.country and one workload.")
    if len(documents) > 1:
        place = documents[1].start_mark
        raise InputError(
            [Mistake(name, place.line + 1, 1, "a second document begins here; expected one (remove '---').")]
        )
    root = documents[0]
    if not isinstance(root, yaml.MappingNode) and not (lists and isinstance(root, yaml.SequenceNode)):
        raise InputError([Mistake(name, root.start_mark.line + 1, 1, "expected keys such as site: and workloads:.")])
    counter = [0, most]
    result.data = _plain(root, (), 0, counter, result)
    if result.mistakes and result.data is None:
        raise InputError(result.mistakes)
    return result


def _compose(text: str) -> list[yaml.Node]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text) if len(text) > LONG else yaml.SafeLoader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                documents.append(node)
            if len(documents) > 1:
                break
    finally:
        loader.dispose()
    return documents


def _plain(node: yaml.Node, key: Key, depth: int, counter: list[int], result: Text) -> Any:
    counter[0] += 1
    place = (node.start_mark.line + 1, node.start_mark.column + 1)
    result.values.setdefault(key, place)
    if depth > MAX_DEPTH:
        raise InputError([Mistake(result.name, *place, f"nested too deeply; at most {MAX_DEPTH} levels.")])
    if counter[0] > counter[1]:
        message = f"expands to more than {counter[1]:,} values (aliases?); a site file needs a few hundred at most."
        raise InputError([Mistake(result.name, *place, message)])
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, key, depth, counter, result)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*key, k), depth + 1, counter, result) for k, child in enumerate(node.value)]
    return _scalar(node, place, result)


def _mapping(node: yaml.MappingNode, key: Key, depth: int, counter: list[int], result: Text) -> dict[str, Any]:
    found: dict[str, Any] = {}
    first: dict[str, int] = {}
    for name_node, value_node in node.value:
        line, column = name_node.start_mark.line + 1, name_node.start_mark.column + 1
        if not isinstance(name_node, yaml.ScalarNode):
            result.mistakes.append(Mistake(result.name, line, column, "a key must be a word."))
            continue
        name = str(name_node.value)
        dotted = ".".join(str(k) for k in (*key, name))
        if name == "<<":
            result.mistakes.append(
                Mistake(result.name, line, column, "merge keys (<<) are not allowed; write the keys out.")
            )
            continue
        if name in found:
            message = f"{dotted}: the key stands twice; it is also in line {first[name]}. Keep one."
            result.mistakes.append(Mistake(result.name, line, column, message))
            continue
        first[name] = line
        result.keys[(*key, name)] = (line, column)
        found[name] = _plain(value_node, (*key, name), depth + 1, counter, result)
    return found


def _scalar(node: yaml.Node, place: Position, result: Text) -> Any:
    text = str(node.value)
    if node.tag and not node.tag.startswith("tag:yaml.org,2002:"):
        result.mistakes.append(Mistake(result.name, *place, f"the tag {node.tag} is not allowed; write a plain value."))
        return None
    if getattr(node, "style", None) in ("'", '"', "|", ">"):
        return Quoted(text)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.match(text):
        digits = text.replace("_", "")
        return int(digits) if len(digits) <= 30 else Quoted(text)
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return text


def _single(name: str, message: str) -> InputError:
    return InputError([Mistake(name, None, None, message)])
