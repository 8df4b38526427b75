"""The door through which a seed reads the files it names.

Knows that a seed's file may not leave the seed's folder. Does not know what the bytes are for.
"""

from __future__ import annotations

from pathlib import Path

from valve_aws.model.source import Invalid, Where

LARGEST = 256 * 1024 * 1024
"""Bytes of one seed file; more is a job for the backend's own tools."""


def read_within(folder: Path, named: str, where: Where) -> bytes:
    """Return the content of a file below `folder`; `..`, absolute paths and links that lead out are
    `Invalid`."""
    root = folder.resolve()
    path = (root / named).resolve()
    if not path.is_relative_to(root):
        raise Invalid(where, f"`{named}` leaves the seed's folder", "put the file beside the seed")
    try:
        if not path.is_file():
            raise Invalid(where, f"there is no file `{named}`", f"it is looked for in `{folder}`")
        if path.stat().st_size > LARGEST:
            raise Invalid(where, f"`{named}` is larger than {LARGEST >> 20} MiB", "seed a smaller file")
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            where, f"`{named}` cannot be read: {error.strerror}", "check its permissions"
        ) from error
