"""What a body may hold is counted where it stands for values, and nowhere in its texts.

Knows JSON. Does not know what a service takes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.aws import bounds
from valve_aws.aws.unclear import Unclear

TEXTS = st.text(alphabet='a"\\,{[', max_size=8)
ANY = st.recursive(
    TEXTS | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
SMALL = 5


def marks(value: Any) -> int:
    """Return how many containers a value has, and how many commas between their members."""
    if not isinstance(value, list | dict):
        return 0
    members = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(len(members) - 1, 0) + sum(map(marks, members))


@given(ANY)
def test_a_body_is_refused_exactly_when_its_values_are_too_many(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "VALUES", SMALL)
        try:
            bounds.count_json(body)
            refused = False
        except Unclear:
            refused = True
    assert refused == (marks(value) > SMALL)


def test_a_text_without_its_end_goes_on_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "VALUES", SMALL)
    bounds.count_json(b'["' + b"," * 9 + b"\\")
    with pytest.raises(Unclear):
        bounds.count_json(b'["' + b"," * 9 + b'\\\\"' + b"," * 9)
