"""A file that exists in memory only, for the one library call that takes nothing but a path.

Knows memfd. Does not know what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_memory(content: bytes) -> Iterator[str]:
    """Give a path under which this process, and no other user's, can read `content` until the block ends
    (Linux)."""
    descriptor = os.memfd_create("valve", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view):]
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
