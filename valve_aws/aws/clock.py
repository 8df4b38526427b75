"""The door to the clock: what time it is, for signatures that expire.

Knows the system's clock. Does not know what is compared with it.
"""

from __future__ import annotations

import time


def now() -> float:
    """Return seconds since the epoch."""
    return time.time()
