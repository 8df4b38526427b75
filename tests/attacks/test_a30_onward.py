"""A30: What the stack's own wiring hands on.

Knows the row, and edges that the embedded cloud does not follow. Does not know how it is refused.
"""

import pytest

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule


class TestOnward(Claims):
    attack = "a30"

    @pytest.mark.parametrize(
        ("part", "call"),
        [
            ("by_mail", "sns:Publish"),
            ("by_replica", "s3:PutObject"),
            ("by_stream", "dynamodb:PutItem"),
            ("by_destination", "lambda:Invoke"),
        ],
    )
    def test_an_edge_is_followed_by_the_judgement(self, stage: Stage, part: str, call: str) -> None:
        """Why no leak first: the embedded cloud sends no mail, copies no bucket, and feeds no stream."""
        (outcome,) = stage.run(self.row, part, Mode.ENFORCE, ("signed",))
        assert outcome.refused(call, Rule.ACCEPTS), outcome
