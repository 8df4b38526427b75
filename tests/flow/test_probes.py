"""What a traced store leaves to be learned: a look that finds less than may be there is a probe (E07).

Knows one store. Does not know who counts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.orders import DONE, ask, policy, store, tags, worker
from valve_aws.audit import decode, encode
from valve_aws.model.call import Call, Effect
from valve_aws.model.cell import Extent, Part
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.record import Record
from valve_aws.model.verdict import Holding, Mode
from valve_aws.report import Tally

LOOK = Call("sqs", "ReceiveMessage", "", (DONE,), Effect(reveals=(Extent(DONE, Part.CONTENT),)))
PII: Label = frozenset({"pii"})


@pytest.mark.parametrize(
    ("line", "found", "knows", "probed"),
    [
        ({"accepts": tags("pii")}, CLEAN, CLEAN, True),
        ({"accepts": tags("pii")}, {"pii/email"}, CLEAN, True),
        ({"accepts": tags("pii")}, PII, CLEAN, False),
        ({"accepts": tags("pii")}, CLEAN, PII, False),
        ({"accepts": tags("pii"), "holds": tags("pii")}, CLEAN, CLEAN, False),
        ({"accepts": tags("pii"), "sealed": True}, CLEAN, CLEAN, False),
        ({}, CLEAN, CLEAN, False),
    ],
    ids=["nothing there", "less there", "it was there", "known already", "held", "sealed", "accepts nothing"],
)
def test_a_look_that_finds_less_than_may_be_there_is_a_probe(
    line: dict[str, object], found: Label, knows: Label, probed: bool
) -> None:
    rules = policy(store(DONE, "Done", **line))
    book = {LOOK.effect.reveals[0]: Holding(frozenset(found))}
    assert ask(LOOK, worker(set(knows)), rules, book=book).probed == ((DONE,) if probed else ())


def test_probes_are_in_the_records_and_counted_in_the_closing_line() -> None:
    blank = Record("r-1", "", "sqs", "ReceiveMessage", "", "", "allow", Mode.ENFORCE, "F", "e", "i")
    probe = replace(blank, probed=(DONE,))
    assert decode(encode(probe)).probed == (DONE,)
    assert "probed" not in encode(blank)
    tally = Tally()
    tally.add(blank)
    assert "probe" not in tally.text()
    tally.add(probe)
    assert tally.text().endswith("1 probe of a store that accepts more than was there")
    tally.add(probe)
    assert tally.text().endswith("2 probes of stores that accept more than was there")
