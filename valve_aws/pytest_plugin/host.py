"""The environment of the test process itself, and its chance.

Knows which of its variables name an endpoint of one service. Does not change any.
"""

from __future__ import annotations

import os

NOWHERE = os.devnull
"""A file in which there is no configuration."""


def service_endpoints() -> tuple[str, ...]:
    """Return the names of the variables that send one service elsewhere (`AWS_ENDPOINT_URL_S3`; AWS SDKs
    and tools reference, service-specific endpoints)."""
    return tuple(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))


def chance(number: int) -> bytes:
    """Return so many random bytes."""
    return os.urandom(number)
