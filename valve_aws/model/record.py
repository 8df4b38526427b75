"""One line of what happened: CloudTrail's shape with the labels beside it (law 15).

Knows the fields. Does not know where records are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from valve_aws.model.call import Evidence
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.value import value
from valve_aws.model.verdict import ENFORCE, Mode, Reason, Rule, Way

ALWAYS = frozenset({Rule.UNREADABLE, Rule.BOOK})
"""Rules that refuse in every mode."""


@value
class Record:
    """One crossing. `ident` (`r-7c1e…`) is what people quote, what explains a refusal, and the opaque id
    inside."""

    ident: str
    time: str
    """ISO 8601, UTC, with milliseconds."""
    service: str
    operation: str
    region: str
    account: str
    verdict: str
    """`allow`, `refuse`; a `settled` line repeats an ident with what became of it."""
    mode: Mode
    function: str
    environment: str
    invocation: str
    resources: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the request named; values of content are left out."""
    label: Label = CLEAN
    """The environment's label after the call."""
    writes: Label = CLEAN
    """What the cells that it changes carry from now on."""
    changes: tuple[str, ...] = ()
    """Those cells, as text (`str(Cell)`), so that a way can be walked from records alone."""
    cells: Mapping[str, Label] = field(default_factory=dict)
    """What was found on the cells it looked at."""
    joined: Label = CLEAN
    """What the environment's label rose by, here."""
    ways: tuple[Way, ...] = ()
    """For each tag that matters here, how it came."""
    reasons: tuple[Reason, ...] = ()
    evidence: Evidence = Evidence()
    cause: str = ""
    """The record that led here: the invoke or the send that woke this environment."""
    outcome: str = ""
    """On `settled` lines: `done`, `failed`, `unknown`; with the HTTP status in `status`."""
    status: int = 0
    probed: tuple[str, ...] = ()
    """Stores that accept more than the call found there (`Verdict.probed`)."""

    @property
    def stopped(self) -> bool:
        """Say whether a refusal held: in `audit` most calls go on, and are listed."""
        return self.verdict == "refuse" and (
            self.mode is ENFORCE or any(reason.rule in ALWAYS for reason in self.reasons)
        )
