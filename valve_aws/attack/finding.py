"""What an attack came to, and what all of them together mean for an exit code.

Knows outcomes. Does not know how they were reached nor how they are shown.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from valve_aws.model.source import NOWHERE, Where


class State(StrEnum):
    """How one attempt ended."""

    HELD = "held"
    """It was stopped, and was seen to get out with the guard off."""
    ALLOWED = "allowed by your policy"
    OUT = "got out"
    OVERDONE = "honest call refused"
    UNSHOWN = "not shown"
    """It did not get out with the guard off either, so its being stopped says nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One attempt, or one class of attack, and how it ended."""

    rule: str
    """`A01`, or a family of ways out: what results are grouped by."""
    title: str
    state: State
    text: str
    """What happened, in a line; parts of it may come from a template."""
    where: Where = NOWHERE
    function: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All of one run."""

    findings: tuple[Finding, ...]
    rules: dict[str, str]
    """Rule → in words."""
    lacking: tuple[str, ...] = ()
    """What this host cannot enforce."""
    unread: tuple[str, ...] = ()
    """What was left out, and why."""
    broken: bool = False
    """What should have been shown could not be: the cloud or the host does not work."""

    @property
    def counts(self) -> Counter[State]:
        """How many ended how."""
        return Counter(finding.state for finding in self.findings)

    @property
    def code(self) -> int:
        """Return the exit code: 1 something got out, 4 nothing can be said here, 0 all held."""
        return 1 if self.counts[State.OUT] else 4 if self.broken else 0
