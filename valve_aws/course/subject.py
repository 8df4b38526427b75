"""The environment as the courses know it: who it is, what it carries, what it has under way.

Knows its label and its outgoing calls. Does not know processes; the environment's life is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from valve_aws.model.call import Call
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.verdict import Principal, Way


@dataclass(slots=True)
class Outgoing:
    """One call whose bytes may still be leaving."""

    call: Call
    writes: Label
    """What the cells that it changes carry, risen or not."""
    raised: bool
    """The book keeps a rise open under its record."""


@dataclass(slots=True)
class Subject:
    """One environment's standing. Only courses change `label`; it never shrinks while the environment lives
    (law 12)."""

    environment: str
    function: str
    label: Label = CLEAN
    ways: dict[str, Way] = field(default_factory=dict)
    """Tag → how it came, the first time."""
    invocation: str = ""
    trigger: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""
    """The record that woke this environment."""
    outgoing: dict[str, Outgoing] = field(default_factory=dict)
    """Calls whose bytes may still be leaving, by record id (law 3: a rise decides them again)."""

    def principal(self) -> Principal:
        """Return what the judgement sees of it at this moment."""
        return Principal(
            self.environment, self.function, self.label, tuple(self.ways.values()), self.trigger, self.fields
        )

    def take(self, label: Label, ways: tuple[Way, ...]) -> bool:
        """Join `label`; say whether that was a rise."""
        if label <= self.label:
            return False
        for way in ways:
            self.ways.setdefault(way.tag, way)
        self.label = self.label | label
        return True
