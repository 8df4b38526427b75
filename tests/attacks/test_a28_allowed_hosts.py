"""A28: The attacker's own account at an allowed host.

Knows the row. Does not know how it is refused.
"""

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode


class TestAllowedHosts(Claims):
    attack = "a28"

    def test_every_way_of_naming_another_account_is_refused(self, stage: Stage) -> None:
        for outcome in stage.run(self.row, "attack", Mode.ENFORCE, ("signed",)):
            tried = [status for call, status in outcome.told["statuses"] if "test" in call]
            assert tried, outcome
            assert set(tried) == {403}, (outcome.trial.name, outcome.told)
