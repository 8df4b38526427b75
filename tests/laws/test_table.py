"""Which file tries which law.

Knows all eighteen by number. Does not try any.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]

LAWS = {
    1: "laws/test_law_01_admit.py",
    2: "laws/test_law_02_read.py",
    3: "laws/test_law_03_write.py",
    4: "laws/test_law_04_write_is_read.py",
    5: "laws/test_law_05_names.py",
    6: "laws/test_law_06_perimeter.py",
    7: "laws/test_law_07_unknown.py",
    8: "laws/test_law_08_configure.py",
    9: "laws/test_law_09_time.py",
    10: "laws/test_law_10_declassify.py",
    11: "laws/test_law_11_emitted.py",
    12: "environments/test_law_12.py",
    13: "triggers/test_law_13.py",
    14: "laws/test_law_14_refusals.py",
    15: "playbook/test_law_15.py",
    16: "playbook/test_law_16.py",
    17: "playbook/test_law_17.py",
    18: "laws/test_law_18_fields.py",
}

ALSO = {
    5: "playbook/test_law_05.py",
    14: "playbook/test_law_14.py",
}
"""What the judgement cannot see of a law: that nothing is sent, how a refusal is worded."""

PENDING: set[int] = set()
"""Laws whose file is still to come. A line goes when its file is there; in the end this is empty."""

PENDING_ALSO: set[int] = set()


def test_every_law_has_its_file() -> None:
    assert set(LAWS) == set(range(1, 19))
    assert {law for law, file in LAWS.items() if not (TESTS / file).exists()} <= PENDING


def test_nothing_is_pending_that_is_there() -> None:
    assert not {law for law in PENDING if (TESTS / LAWS[law]).exists()}
    assert not {law for law in PENDING_ALSO if (TESTS / ALSO[law]).exists()}
    assert {law for law, file in ALSO.items() if not (TESTS / file).exists()} <= PENDING_ALSO
