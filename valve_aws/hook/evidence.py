"""The line of source that is calling: the nearest one that is neither of an SDK nor of ours.

Knows frames. Does not know what is called.
"""

from __future__ import annotations

import linecache
import sys

from valve_aws.model.call import Evidence

BETWEEN = frozenset(
    """
    aioboto3 aiobotocore asyncio boto3 botocore concurrent contextlib functools moto s3transfer threading
    valve_aws
    """.split()
)
"""Packages that stand between a line of source and its call."""

DEEPEST = 200


def calling_line() -> Evidence:
    """Return where the call is made; nothing when no line of source is on this thread's stack."""
    frame = sys._getframe(1)
    for _ in range(DEEPEST):
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] not in BETWEEN:
            file, line = frame.f_code.co_filename, frame.f_lineno
            return Evidence(file, line, linecache.getline(file, line).strip())
        if frame.f_back is None:
            break
        frame = frame.f_back
    return Evidence()
