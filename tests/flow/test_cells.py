"""How far a cell rule reaches the names that a request tells.

Knows keys, prefixes, fields. Does not know labels.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.flow.cells import Reach, known, reach
from valve_aws.model.cell import Extent, Part, Span

NONE, SOME, EVERY = Reach.NONE, Reach.SOME, Reach.EVERY


def of(pattern: str, name: str, span: Span = Span.ONE) -> tuple[Reach, dict[str, str]]:
    return reach({"": pattern}, known(Extent("arn:aws:s3:::b", Part.CONTENT, span, name), ()))


@pytest.mark.parametrize(
    ("pattern", "name", "span", "found"),
    [
        ("{t}/*", "a/x/y", Span.ONE, (EVERY, {"t": "a"})),
        ("{t}/*", "plain", Span.ONE, (NONE, {})),
        ("{t}/*", "a/x\0upload\0001", Span.ONE, (EVERY, {"t": "a"})),
        ("doc.txt", "doc.txt\0upload\0", Span.PREFIX, (EVERY, {})),
        ("{t}/*", "a/", Span.PREFIX, (EVERY, {"t": "a"})),
        ("{t}/*", "a", Span.PREFIX, (SOME, {})),
        ("{t}/*", "", Span.ALL, (SOME, {})),
        ("*", "", Span.ALL, (EVERY, {})),
        ("{t}/{id}/x", "a/", Span.PREFIX, (SOME, {"t": "a"})),
        ("in/{t}/*", "out/", Span.PREFIX, (NONE, {})),
        ("in/{t}/*", "i", Span.PREFIX, (SOME, {})),
        ("{t}/*", "", Span.NEW, (SOME, {})),
    ],
)
def test_a_rule_reaches_what_the_request_tells(pattern: str, name: str, span: Span, found: object) -> None:
    assert of(pattern, name, span) == found


@pytest.mark.parametrize(
    ("name", "span", "found"),
    [
        ("a#1/2024", Span.ONE, (EVERY, {"tenant": "a", "id": "1"})),
        ("a%2Fb#1/2024", Span.ONE, (NONE, {})),
        ("a#1/", Span.PREFIX, (EVERY, {"tenant": "a", "id": "1"})),
        ("a#1/20", Span.PREFIX, (EVERY, {"tenant": "a", "id": "1"})),
        ("a#", Span.PREFIX, (SOME, {"tenant": "a"})),
        ("", Span.ALL, (SOME, {})),
        ("", Span.ONE, (SOME, {})),
    ],
)
def test_an_items_key_is_matched_by_attribute_as_it_was_before_escaping(
    name: str, span: Span, found: object
) -> None:
    extent = Extent("arn:aws:dynamodb:r:1:table/t", Part.CONTENT, span, name)
    assert reach({"pk": "{tenant}#{id}"}, known(extent, ("pk", "sk"))) == found


def test_a_table_whose_keys_are_not_known_may_hold_any_name() -> None:
    extent = Extent("arn:aws:dynamodb:r:1:table/t", Part.CONTENT, Span.ONE, "a#1")
    assert reach({"pk": "{tenant}#{id}"}, known(extent, None)) == (SOME, {})


def test_two_keys_with_one_field_must_agree() -> None:
    extent = Extent("arn:aws:dynamodb:r:1:table/t", Part.CONTENT, Span.ONE, "a/b")
    assert reach({"pk": "{t}", "sk": "{t}"}, known(extent, ("pk", "sk"))) == (NONE, {})


LETTERS = st.text("ab/#-", min_size=1, max_size=6)
PATTERNS = st.sampled_from(
    ["{t}/*", "{t}#{id}", "{t}-{id}/*", "a/{t}/*", "{t}", "*", "{t}/b/{id}", "a*", "{t}-a{id}"]
)


@given(PATTERNS, LETTERS, LETTERS)
def test_what_a_beginning_settles_holds_for_every_name_that_begins_so(
    pattern: str, head: str, tail: str
) -> None:
    begun, fields = of(pattern, head, Span.PREFIX)
    for name in (head, head + tail):
        whole, exact = of(pattern, name)
        if whole is Reach.NONE:
            assert begun is not Reach.EVERY
        else:
            assert begun is not Reach.NONE
            assert fields.items() <= exact.items()
