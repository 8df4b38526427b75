"""`samconfig.toml`: what a command is told there, each value with its place, and what is to be kept there.

Knows the file's syntax and its tables (SAM developer guide, "AWS SAM CLI configuration file"). Does not know
any flag.
"""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valve_aws.model.source import Invalid, Node, Where

DEFAULTS = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
REMEDY = "mend it or name another file with `--config-file`"
TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")

BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
DOTTED = re.compile(rf"{KEY}(?:[ \t]*\.[ \t]*{KEY})*")
PART = re.compile(KEY)
BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value for a flag, and where it stands."""

    key: str
    value: Any
    where: Where
    own: bool
    """It stands in the command's own table."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a key of a TOML text begins, and its value from there to there."""

    key: int
    value: int
    end: int


def find(named: Path | None, beside: Path, must: bool = True) -> Path | None:
    """Return the file that is meant: the one named, or one that is there; beside the template, or here.

    Raises `Invalid` where the one named must be there and is not.
    """
    for path in (folder / name for name in ([named] if named else DEFAULTS) for folder in (beside, Path())):
        if path.is_file():
            return path
    if named and must:
        remedy = "leave out `--config-file` or mend the path"
        raise Invalid(Where(str(named)), "there is no such file", remedy)
    return None


def entries(path: Path, environment: str, sections: Sequence[str], must: bool = True) -> list[Entry]:
    """Return what an environment of the file tells a command, section by section; the last is its own.

    Raises `Invalid` with file, line and column; also where there must be such an environment and is none.
    """
    tree, where = _read(path)
    if must and environment not in {"default", *tree}:
        raise Invalid(
            Where(str(path)), f"it has no environment `{environment}`", "name another with `--config-env`"
        )
    found = []
    for section in sections:
        for spelled, table in _tables(tree, environment, section, where):
            parts = (environment, spelled, "parameters")
            for key, value in table.items():
                found.append(Entry(key, value, where((*parts, key)), section == sections[-1]))
    return found


def _tables(
    tree: Mapping[str, Any], environment: str, section: str, where: Any
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the parameters of a section, which may be spelled with hyphens."""
    commands = _table(tree, (environment,), where)
    for spelled in commands:
        if spelled.replace("-", "_") == section:
            _table(commands, (spelled,), lambda parts: where((environment, *parts)))
            yield spelled, _table(tree, (environment, spelled, "parameters"), where)


def _table(tree: Any, parts: tuple[str, ...], where: Any) -> Mapping[str, Any]:
    for depth, key in enumerate(parts, 1):
        tree = tree.get(key, {})
        if not isinstance(tree, dict):
            raise Invalid(where(parts[:depth]), f"`{key}` is not a table", REMEDY)
    found: Mapping[str, Any] = tree
    return found


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", REMEDY) from error


def _read(path: Path) -> tuple[Mapping[str, Any], Any]:
    """Return the file's tree, and what tells the place of a key in it."""
    content = _text(path)
    if path.suffix in {".yaml", ".yml", ".json"}:
        from valve_aws import text

        node = text.parse(content, str(path), "json" if path.suffix == ".json" else "yaml")
        tree = node.plain()
        if not isinstance(tree, dict):
            raise Invalid(node.where, "this is not a table of environments", REMEDY)
        return tree, lambda parts: _where_in(node, parts)
    tree, written = _toml(path, content)
    spans = scan(written)

    def where(parts: tuple[str, ...]) -> Where:
        at = next((spans[parts[:n]].key for n in range(len(parts), 0, -1) if parts[:n] in spans), None)
        return Where(str(path), *_line_and_column(written, at)) if at is not None else Where(str(path))

    return tree, where


def _where_in(node: Node, parts: tuple[str, ...]) -> Where:
    where = node.where
    for part in parts:
        if not isinstance(node.value, dict) or part not in node.value:
            break
        where, node = node.keys.get(part, node.where), node.value[part]
    return where


def _toml(path: Path, content: bytes) -> tuple[dict[str, Any], str]:
    try:
        written = content.decode("utf-8")
        return tomllib.loads(written), written
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        place = TOML_PLACE.search(str(error))
        line, column = (int(n) for n in place.groups()) if place else (0, 0)
        problem = TOML_PLACE.sub("", str(error))
        raise Invalid(Where(str(path), line, column), f"this is not TOML: {problem}", REMEDY) from error


def scan(written: str) -> dict[tuple[str, ...], Span]:
    """Return where keys and headers of a valid TOML text stand; keys within inline tables are left out.

    A header's span has its line as key and value.
    """
    found: dict[tuple[str, ...], Span] = {}
    table: tuple[str, ...] = ()
    at = _after(BLANK, written, 0)
    while at < len(written):
        header = written[at] == "["
        named = DOTTED.search(written, at)
        if not named:
            break
        parts = tuple(_unquoted(part) for part in PART.findall(named[0]))
        if header:
            table, end = parts, _end_of_line(written, named.end())
            found.setdefault(table, Span(at, at, end))
        else:
            value = _after(re.compile(r"[ \t]*=[ \t]*"), written, named.end())
            end = _end_of_value(written, value)
            found[table + parts] = Span(at, value, end)
        at = _after(BLANK, written, end)
    return found


def _after(pattern: re.Pattern[str], written: str, at: int) -> int:
    match = pattern.match(written, at)
    return match.end() if match else at


def _unquoted(part: str) -> str:
    if part.startswith('"'):
        (key,) = tomllib.loads(f"{part} = 0")
        return key
    return part.strip("'")


def _end_of_line(written: str, at: int) -> int:
    end = written.find("\n", at)
    return len(written) if end < 0 else end


def _end_of_value(written: str, at: int) -> int:
    depth = 0
    while at < len(written):
        letter = written[at]
        if string := STRING.match(written, at):
            at = string.end()
            continue
        if letter in "#\n" and not depth:
            break
        if letter == "#":
            at = _end_of_line(written, at)
            continue
        depth += (letter in "[{") - (letter in "]}")
        at += 1
    return at - len(written[:at]) + len(written[:at].rstrip(" \t\r"))


def _line_and_column(written: str, at: int) -> tuple[int, int]:
    return written.count("\n", 0, at) + 1, at - written.rfind("\n", 0, at)


def keep(path: Path, environment: str, section: str, told: Mapping[str, Any]) -> None:
    """Write what a command was told into its table; what else stands in the file stays as it is written.

    Raises `Invalid` where the file cannot be read, is not TOML, or is written in a way that leaves no place.
    """
    if path.suffix != ".toml":
        raise Invalid(Where(str(path)), "only TOML is written", "name a `.toml` with `--config-file`")
    written = _text(path).decode("utf-8", "replace") if path.exists() else "version = 0.1\n"
    before, _ = _toml(path, written.encode())
    expected = copy.deepcopy(before)
    table: Any = expected
    for part in (environment, section, "parameters"):
        table = table.setdefault(part, {}) if isinstance(table, dict) else {}
    for key, value in told.items():
        written = _with(written, (environment, section, "parameters"), key, value)
        if isinstance(table, dict):
            table[key] = value
    try:
        if tomllib.loads(written) != expected:
            raise ValueError
        path.write_text(written, encoding="utf-8")
    except (ValueError, OSError) as error:
        header = ".".join(map(_key, (environment, section, "parameters")))
        problem = f"what was told cannot be kept there{f': {error}' if str(error) else ''}"
        raise Invalid(Where(str(path)), problem, f"write `[{header}]` as a table of its own") from error


def _with(written: str, table: tuple[str, ...], key: str, value: Any) -> str:
    """Return a TOML text with one value in a table: in its old place, below its neighbours, or at the end."""
    spans = scan(written)
    line = f"{_key(key)} = {_value(value)}"
    if old := spans.get((*table, key)):
        return written[:old.value] + _value(value) + written[old.end:]
    there = [span.end for parts, span in spans.items() if _directly_in(table, parts, span)]
    if there:
        end = _end_of_line(written, max(there))
        return f"{written[:end]}\n{line}{written[end:]}"
    ending = "" if not written or written.endswith("\n") else "\n"
    return f"{written}{ending}\n[{'.'.join(map(_key, table))}]\n{line}\n"


def _directly_in(table: tuple[str, ...], parts: tuple[str, ...], span: Span) -> bool:
    header = span.key == span.value
    return parts == table if header else parts[:-1] == table


def relative(path: Path, folder: Path) -> str:
    """Return a path as it is written in a file of that folder."""
    return str(path) if path.is_absolute() else os.path.relpath(path, folder)


def within(path: Path, folder: Path) -> bool:
    """Say whether a path leads to somewhere in a folder, whatever links are on the way."""
    return path.resolve().is_relative_to(folder.resolve())


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # Why: TOML's basic strings have JSON's escapes, but for DEL, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
