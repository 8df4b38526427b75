"""The file that records go to.

Knows how a line is appended whole. Does not know what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from valve_aws.audit.line import decode, encode
from valve_aws.model.ports import BookError
from valve_aws.model.record import Record


class FileSink:
    """Appends records to a file; every line is one `write(2)` to a descriptor opened for appending
    (open(2), O_APPEND).

    Processes may share the file: their lines do not mix. A line cut short by a kill is closed before the
    next one.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _ends_whole(path):
            os.write(self._fd, b"\n")

    def write(self, record: Record) -> None:
        """See `Sink.write`. Raises `BookError` when the line could not be kept: what is not recorded does
        not happen (law 15)."""
        line = (encode(record) + "\n").encode()
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            raise BookError(f"`{self._path}`: {error.strerror}") from error
        if written != len(line):
            raise BookError(f"`{self._path}`: the disk took {written} of {len(line)} bytes of a record")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return True
        file.seek(size - 1)
        return file.read(1) == b"\n"


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a file, in order; lines that are not whole are passed over."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield decode(line)
            except ValueError:
                continue
