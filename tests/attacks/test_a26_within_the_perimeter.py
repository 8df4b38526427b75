"""A26: What services carry from store to store within the perimeter.

Knows the row, and the statements that the embedded cloud does not run. Does not know how it is refused.
"""

import pytest

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule


class TestWithinThePerimeter(Claims):
    attack = "a26"

    @pytest.mark.parametrize(
        ("part", "operation"),
        [
            ("by_statement", "ExecuteStatement"),
            ("by_statement_decided", "ExecuteStatement"),
            ("by_statements", "ExecuteTransaction"),
        ],
    )
    def test_a_statement_that_computes_or_decides_is_refused_as_well(
        self, stage: Stage, part: str, operation: str
    ) -> None:
        """Why no leak first: moto reads no PartiQL in which one attribute decides over another."""
        (outcome,) = stage.run(self.row, part, Mode.ENFORCE, ("signed",))
        assert outcome.refused(f"dynamodb:{operation}", Rule.ACCEPTS), outcome
        assert not stage.leaks(outcome.trial, "dynamodb:open-notes")
