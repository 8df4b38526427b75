"""Functions whose code changes while a valve runs: seen before the next event, which the new code serves.

Knows what a function's files look like. Does not know what is in them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from valve_aws.model.stack import Code, Function
from valve_aws.running.housing import Housing

PASSED_OVER = frozenset({".git", ".valve", ".aws-sam", "__pycache__", ".venv", "node_modules"})
"""Folders that are not looked into: what changes there is no code of the function's own."""

MOST = 20_000
"""Files that are looked at; a function with more is not watched beyond them."""


class Revising:
    """The functions of one run."""

    def __init__(self, housing: Housing, say: Callable[[str], None]) -> None:
        self._housing, self._say = housing, say
        self._first: dict[str, str] = {}
        self._now: dict[str, str] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def current(self, function: Function) -> Function:
        """Return a function as its files are now. What serves its earlier code ends when it comes back."""
        if function.version or function.revision:
            return function
        seen = _look(function)
        first = self._first.setdefault(function.logical, seen)
        before = self._now.get(function.logical, first)
        self._now[function.logical] = seen
        now = self._revised(function, seen)
        if seen != before:
            self._say(f"valve: {function.logical}: its code has changed")
            ending = asyncio.ensure_future(self._housing.forget(self._revised(function, before).key))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        return now

    def _revised(self, function: Function, seen: str) -> Function:
        same = seen == self._first[function.logical]
        return function if same else replace(function, revision=seen)


def _look(function: Function) -> str:
    """Return what stands for the state of a function's files."""
    digest = hashlib.sha256()
    for code in (function.code, *(layer.code for layer in function.layers)):
        for line in _files(code):
            digest.update(line)
    return digest.hexdigest()[:16]


def _files(code: Code) -> Iterator[bytes]:
    if code.archive is not None:
        yield _line(code.archive)
    left = MOST
    waiting = [code.folder] if code.folder is not None else []
    while waiting and left:
        try:
            found = sorted(os.scandir(waiting.pop()), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in PASSED_OVER:
                    waiting.append(Path(entry.path))
            elif left:
                left -= 1
                yield _line(Path(entry.path))


def _line(path: Path) -> bytes:
    try:
        about = path.stat()
    except OSError:
        return f"{path}\n".encode("utf-8", "surrogateescape")
    return f"{path} {about.st_mtime_ns} {about.st_size} {about.st_ino}\n".encode("utf-8", "surrogateescape")
