"""Law 11: whatever an environment emits is a write: results and log lines are refused what their lines do not
accept.

Knows results and logs. Does not know payloads; that a refusal carries the callee's label is tried in
tests/playbook.
"""

from __future__ import annotations

import re

from hypothesis import given

from tests.laws.trial import LAW
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.label import Label, excess, fill
from valve_aws.model.policy import Tags
from valve_aws.model.verdict import Rule

LINE = "alice@example.org bought ORD-17 and ORD-18, not ORD-4444 nor XORD-5"


def over(label: Label, accepts: Tags, fields: dict[str, str]) -> Label:
    return excess(
        label, frozenset(fill(t, fields) for t in accepts.patterns if "{" not in t or fields.get("sub"))
    )


def holds(world: World) -> None:
    who, judge = world.who, Judge(world.policy, world.stack)
    fields = dict(who.fields)
    result = judge.result(who)
    beyond = over(who.label, world.policy.results[who.trigger or "default"], fields)
    assert result.passes is not bool(beyond)
    assert [(r.rule, r.excess) for r in result.refused] == ([(Rule.RESULT, beyond)] if beyond else [])

    verdict, leaves = judge.log(who, LINE)
    withheld = over(who.label, world.policy.logs.accepts, fields)
    assert verdict.passes is not bool(withheld)
    assert leaves == (LINE if not withheld else "order=ORD-17")
    assert re.fullmatch("ORD-[0-9]{1,3}", "ORD-17")


@LAW
@given(worlds)
def test_results_and_log_lines_leave_only_where_their_label_is_accepted(world: World) -> None:
    holds(world)
