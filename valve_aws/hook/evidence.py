"""The line of source that is calling: the nearest one that is neither of an SDK nor of ours.

Knows frames. Does not know what is called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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


_ASKED_AT: ContextVar[Place | None] = ContextVar("valve_asked_at", default=None)


@contextmanager
def asked_at(place: Place | None) -> Iterator[None]:
    """Let `place` be the line that is calling, where one is given: a coroutine is run from a loop's stack."""
    token = _ASKED_AT.set(place)
    try:
        yield
    finally:
        _ASKED_AT.reset(token)


def calling_line() -> Place | None:
    """Return (file, line) of the call that is being made; None where no line of source is on this stack."""
    if (place := _ASKED_AT.get()) is not None:
        return place
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
