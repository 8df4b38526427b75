"""A judgement that lacks some of its steps, to show that nothing else stops what they stop.

Knows the steps by name. Never judges for a user.
"""

from __future__ import annotations

from valve_aws.flow import Judge
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Principal, Verdict

RELEASES = frozenset({"result", "log", "admit"})
"""Steps that are no rows of the two tables."""


class Lacking(Judge):
    """The judgement without `steps`. Raises ValueError for a step that there is not."""

    def __init__(self, policy: FlowPolicy, stack: Stack, steps: frozenset[str]) -> None:
        super().__init__(policy, stack)
        known = {step.name for step in (*self._walls, *self._flows)} | RELEASES
        if strange := steps - known:
            raise ValueError(f"the judgement has no step {sorted(strange)}")
        self._lacks = steps
        self._walls = tuple(step for step in self._walls if step.name not in steps)
        self._flows = tuple(step for step in self._flows if step.name not in steps)

    def result(self, who: Principal) -> Verdict:
        """Judge a result, unless that is what is lacking."""
        return Verdict(True) if "result" in self._lacks else super().result(who)

    def log(self, who: Principal, line: str) -> tuple[Verdict, str]:
        """Judge a line, unless that is what is lacking."""
        return (Verdict(True), line) if "log" in self._lacks else super().log(who, line)
