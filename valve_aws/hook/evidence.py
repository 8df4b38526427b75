"""The line of source that is calling: the nearest one that is neither of an SDK nor of ours.

Knows frames. Does not know what is called.
"""

from __future__ import annotations

import sys
from types import CodeType

Place = tuple[str, int]

BETWEEN = frozenset(
    """
    aioboto3 aiobotocore asyncio boto3 botocore concurrent contextlib functools moto s3transfer threading
    valve_aws
    """.split()
)
"""Packages that stand between a line of source and its call."""

DEEPEST = 200


_between: dict[CodeType, bool] = {}
"""Which code is of those packages, asked once."""


def calling_line() -> Place | None:
    """Return (file, line) of the call that is being made; None where no line of source is on this stack."""
    frame = sys._getframe(1)
    for _ in range(DEEPEST):
        code = frame.f_code
        between = _between.get(code)
        if between is None:
            between = frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN
            _between[code] = between
        if not between:
            return code.co_filename, frame.f_lineno
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None
