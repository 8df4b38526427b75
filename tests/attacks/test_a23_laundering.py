"""A23: Leaves it where the stack may keep it, and lets an innocent function carry it on.

Knows the row, and the two sides of stores that wake nobody. Does not know how it is refused.
"""

import pytest

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule


class TestLaundering(Claims):
    attack = "a23"

    @pytest.mark.parametrize(
        ("fetch", "call", "rule", "place"),
        [
            ("fetch_note", "sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            ("fetch_copy", "s3:CopyObject", Rule.ACCEPTS, "s3:open-files"),
            ("fetch_record", "sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
            ("fetch_forged", "sqs:SendMessage", Rule.ACCEPTS, "sqs:open-jobs"),
        ],
    )
    def test_what_one_environment_leaves_another_does_not_carry_out(
        self, stage: Stage, fetch: str, call: str, rule: Rule, place: str
    ) -> None:
        told = {}
        for mode, arrives in ((Mode.OFF, True), (Mode.AUDIT, True), (Mode.ENFORCE, False)):
            left = {outcome.trial.way: outcome.trial for outcome in stage.run(self.row, "leave", mode)}
            for outcome in stage.run(self.row, fetch, mode):
                came = stage.ledger.has(place, left[outcome.trial.way].markers)
                refused = outcome.refused(call, rule)
                if came is not arrives or refused is (mode is Mode.OFF):
                    told[mode, outcome.trial.way] = outcome
        assert not told
