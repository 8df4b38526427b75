"""A29: What is delivered later.

Knows the row, and pairs of trials of which one leaves and the other takes. Does not know how it is refused.
"""

import pytest

from tests.attacks.claims import Claims
from valve_aws.attack.stage import Stage
from valve_aws.model.verdict import Mode, Rule

LATER = [
    ("leaves_late", "takes_late", ()),
    ("leaves_late", "takes_again", ()),
    ("leaves_failing", "takes_dead", ()),
    ("leaves_image", "takes_image", ("perimeter",)),
]
"""(who leaves it, who takes it from a clean environment, what is lifted so that labels alone decide)."""


class TestLater(Claims):
    attack = "a29"

    @pytest.mark.parametrize(("leaves", "takes", "lifted"), LATER)
    def test_what_another_left_keeps_its_label(
        self, stage: Stage, leaves: str, takes: str, lifted: tuple[str, ...]
    ) -> None:
        arrived = {}
        for mode in (Mode.OFF, Mode.ENFORCE):
            stage.cloud.look(("sqs:later-jobs", "sqs:dead-jobs"))
            (left,) = stage.run(self.row, leaves, mode, ("sdk",), lifted)
            (taken,) = stage.run(self.row, takes, mode, ("sdk",), lifted)
            arrived[mode] = stage.found("sqs:open-jobs", left.trial)
        assert arrived == {Mode.OFF: True, Mode.ENFORCE: False}, (left, taken)
        assert taken.refused("sqs:SendMessage", Rule.ACCEPTS), taken

    def test_a_stream_is_read_by_nobody_who_was_not_given_it(self, stage: Stage) -> None:
        (outcome,) = stage.run(self.row, "takes_image", Mode.ENFORCE, ("sdk",))
        assert outcome.refused("dynamodbstreams:DescribeStream", Rule.PERIMETER), outcome

    def test_nothing_is_put_into_a_schedule(self, stage: Stage) -> None:
        """Why no leak first: the embedded cloud keeps schedules and never runs one."""
        (outcome,) = stage.run(self.row, "by_schedule", Mode.ENFORCE, ("sdk",))
        assert outcome.refused("scheduler:CreateSchedule", Rule.UNKNOWN), outcome
        assert outcome.refused("events:PutRule", Rule.CONFIGURE), outcome
        assert outcome.refused("events:PutTargets", Rule.CONFIGURE), outcome
