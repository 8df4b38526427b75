"""What a platform tells of an environment, and who in it listens.

Knows the shape of an event and of a subscription. Does not know what AWS calls any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.model.value import value


@value
class Told:
    """One thing that the platform tells, or one line of a log."""

    kind: str
    """`platform.start`, `platform.report` …; `function` or `extension` for a line."""
    record: Mapping[str, Any] | str
    lines: tuple[str, ...] = ()
    """How a log of plain text has it; none where that is silent."""
    level: str = "INFO"


@value
class Subscription:
    """One listener inside an environment."""

    extension: str
    api: str
    """`Telemetry` or `Logs`."""
    schema: str
    types: frozenset[str]
    """Of `platform`, `function`, `extension`."""
    port: int
    path: str = ""
    """Where it takes POST requests; "": it takes lines of JSON over TCP."""
    items: int = 10000
    size: int = 262144
    """Bytes of a batch."""
    wait: float = 1.0
    """Seconds that a batch waits for more."""


@value
class Crashed:
    """An extension that ended, or could not begin, so that its environment is to end."""

    error_type: str
    words: str
    """`exit status 1`."""
