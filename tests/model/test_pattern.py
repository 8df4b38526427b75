"""Patterns with fields and stars: what they match and bind, and that hostile names cannot slow them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.model.pattern import FIELD, compiled, literal_prefix, unify


@pytest.mark.parametrize(
    ("pattern", "text", "fields"),
    [
        ("{tenant}/*", "acme/a/b", {"tenant": "acme"}),
        ("{tenant}/*", "acme", None),
        ("{tenant}/*", "/x", None),
        ("{a}#{b}", "x#y", {"a": "x", "b": "y"}),
        ("{a}-{b}", "x-y-z", {"a": "x", "b": "y-z"}),
        ("{a}-x", "p-x-x", {"a": "p-x"}),
        ("{tenant}-in/*", "acme-x-in/a/b", {"tenant": "acme-x"}),
        ("{tenant}-in/*", "acme-out/a-in/b", None),
        ("{a}--{b}", "x-y--z--", {"a": "x-y", "b": "z--"}),
        ("{a}^{b}", "x^y", {"a": "x", "b": "y"}),
        ("{a}]{b}", "x]y", {"a": "x", "b": "y"}),
        ("{a}/{a}", "x/x", {"a": "x"}),
        ("{a}/{a}", "x/y", None),
        ("*", "", {}),
        ("logs/*.txt", "logs/a/b.txt", {}),
        ("logs/*.txt", "logs/a.txt.gz", None),
        ("*/in/*.csv", "a/in/b/in/c.csv", {}),
        ("a.c", "abc", None),
        ("{x}", "a\nb", {"x": "a\nb"}),
    ],
)
def test_a_pattern_binds_what_stands_where_its_fields_are(
    pattern: str, text: str, fields: dict[str, str] | None
) -> None:
    assert unify(pattern, text) == fields


def test_a_field_that_is_bound_already_must_have_the_same_value() -> None:
    assert unify("{t}/*", "acme/x", {"t": "acme"}) == {"t": "acme"}
    assert unify("{t}/*", "acme/x", {"t": "other"}) is None


def test_what_every_match_starts_with_ends_at_the_first_field_or_star() -> None:
    assert literal_prefix("a/{b}/c") == "a/"
    assert literal_prefix("a*") == "a"
    assert literal_prefix("abc") == "abc"


LETTERS = st.text("ab-/", min_size=1, max_size=2)
HEADS = st.lists(LETTERS, max_size=3)
TAILS = st.lists(LETTERS, max_size=2)


@given(HEADS, TAILS, st.booleans(), st.text("ab-/", max_size=9))
def test_matching_without_going_back_answers_as_matching_with_it(
    heads: list[str], tails: list[str], starred: bool, text: str
) -> None:
    pattern = "".join(f"{{f{i}}}{head}" for i, head in enumerate(heads))
    pattern += "*".join(["", *tails] if starred else tails)
    slow = (
        re.escape(FIELD.sub("\0", pattern))
        .replace("\\\0", "\0")
        .replace("\0", "([^/#]+?)")
        .replace(r"\*", ".*")
    )
    found, expected = compiled(pattern)[0].fullmatch(text), re.fullmatch(slow, text, re.DOTALL)
    assert (found and found.groups()) == (expected and expected.groups())


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{a}-{b}-{c}-{d}-{e}x", "-" * 2048),
        ("*a*a*a*a*b", "a" * 2048),
        ("{a}-{b}/*x*y*z", "-" * 1024 + "/" + "xy" * 512),
    ],
)
def test_a_hostile_name_is_matched_in_no_time(pattern: str, text: str) -> None:
    began = time.process_time()
    assert unify(pattern, text) is None
    assert time.process_time() - began < 0.5
