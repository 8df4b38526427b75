"""B06: Hides it from whoever reads the wire.

Knows the row. Does not know how it is refused.
"""

from __future__ import annotations

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode


class TestHiddenOnTheWire(Claims):
    attack = "b06"

    def test_with_the_guard_off_every_way_arrives(self, stage: Stage) -> None:
        for outcome in stage.run(self.row, "attack", Mode.OFF):
            ways = [told for way, told in outcome.told["statuses"] if ":" not in way]
            assert (len(ways), set(ways)) == (6, {"HTTP/1.1 200 OK"}), outcome.told
