"""What an environment says: lines of its code and events of its platform, to its log and to its listeners.

Knows which of them a log has, by the function's own format and levels. Does not know who reads a log.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from valve_aws.environments.lines import parted
from valve_aws.environments.telemetry import Telemetry
from valve_aws.model.stack import Logging
from valve_aws.model.telemetry import Told

HELD = 1000
"""Lines that an init may write before its event is known."""
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SAME = {"WARNING": "WARN", "CRITICAL": "FATAL"}
TEXT_ALONE = frozenset({"platform.end"})
"""What a log of JSON has no line of."""


class Telling:
    """The voice of one environment."""

    def __init__(
        self,
        log: Callable[[str, str], None],
        telemetry: Telemetry,
        logging: Logging,
        time: Callable[[], str],
        external: bool,
        overflow: Callable[[], None],
    ) -> None:
        """`log` takes (stream, line). `external`: there are extensions with processes of their own, whose
        output is the second stream. `overflow` is called when more is held than may be."""
        self._log, self._telemetry, self._logging, self._time = log, telemetry, logging, time
        self._external, self._overflow = external, overflow
        self._held: list[tuple[str, str]] | None = None

    @property
    def curious(self) -> bool:
        """Say whether anybody is told of what a log of text is silent about."""
        return self._telemetry.heard or self._logging.format == "JSON"

    def hold(self) -> None:
        """Say nothing for now."""
        self._held = []

    def release(self) -> None:
        """Say what was held, and everything from now on."""
        held, self._held = self._held or [], None
        for stream, line in held:
            self._log(stream, line)

    def line(self, stream: str, line: str) -> None:
        """Take a line that code has written."""
        kind = "extension" if self._external and stream == "stderr" else "function"
        self._telemetry.tell(Told(kind, parted(line)))
        if self._logging.format != "JSON" or at_least(level_of(line), self._logging.application or "INFO"):
            self._say("extension" if kind == "extension" else stream, line)

    def platform(self, told: Told) -> None:
        """Take what the platform tells."""
        self._telemetry.tell(told)
        if self._logging.format != "JSON":
            for line in told.lines:
                self._say("platform", line)
        elif told.kind not in TEXT_ALONE and at_least(told.level, self._logging.system or "INFO"):
            event = {"time": self._time(), "type": told.kind, "record": told.record}
            self._say("platform", json.dumps(event, separators=(",", ":"), default=str))

    def _say(self, stream: str, line: str) -> None:
        if self._held is None:
            self._log(stream, line)
        elif len(self._held) < HELD:
            self._held.append((stream, line))
        else:
            self._overflow()


def level_of(line: str) -> str:
    """Return the level of a line; one that is no JSON, or does not say, is of `INFO` (AWS: log-level
    filtering)."""
    if not line.startswith("{"):
        return "INFO"
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return "INFO"
    said = str(read.get("level", "")).upper() if isinstance(read, dict) else ""
    said = SAME.get(said, said)
    return said if said in LEVELS else "INFO"


def at_least(level: str, least: str) -> bool:
    """Say whether a level is no less than another; what is no level is `INFO`."""
    rank = {name: number for number, name in enumerate(LEVELS)}
    return rank.get(level, 2) >= rank.get(least.upper(), 2)
