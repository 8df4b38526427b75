"""The judgement of what an operator does: seeds, looks, test bodies. It follows labels and refuses nothing.

Knows which parts of the judgement are left out for him. Does not know who he is.
"""

from __future__ import annotations

from dataclasses import replace

from valve_aws.flow.judge import Judge
from valve_aws.model.call import Call
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Held, Mode, Principal, Verdict


class Bystander(Judge):
    """For the operator: what he writes carries what its cells hold by policy and what the service copies
    there, and nothing that he reads stays with him."""

    def decide(self, call: Call, who: Principal, held: Held, mode: Mode | None = None) -> Verdict:
        """See `Judge.decide`; nothing is refused and nothing joins."""
        verdict = super().decide(call, who, held, Mode.AUDIT)
        return replace(verdict, passes=True, refused=(), allowed=(), joins=CLEAN, probed=())

    def settle(self, call: Call, who: Principal, held: Held) -> Verdict:
        """See `Judge.settle`; nothing joins."""
        return Verdict(True)
