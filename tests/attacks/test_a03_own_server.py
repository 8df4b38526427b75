"""A03: An SDK that talks to a server of the attacker's.

Knows the row. Does not know how it is refused.
"""

import pytest

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule


class TestOwnServer(Claims):
    attack = "a03"

    @pytest.mark.parametrize("mode", Mode)
    def test_what_its_own_keys_sign_goes_there_in_no_mode(self, stage: Stage, mode: Mode) -> None:
        """It is meant for AWS and named for somebody else, so it is read as neither."""
        for outcome in stage.run(self.row, "by_own_keys", mode):
            assert not stage.leaks(outcome.trial, "host:attackers.test"), outcome
            assert outcome.refused("valve:Unreadable", Rule.UNREADABLE), outcome.refusals
