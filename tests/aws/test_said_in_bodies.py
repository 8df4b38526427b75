"""What a body says is all that any server might read in it; what is not certain says so.

Knows bodies as honest and as hostile functions write them. Does not know what a policy asks for.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from tracemalloc import get_traced_memory, start, stop
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.aws.bodies import FORM, said
from valve_aws.model.call import UNREAD, Head, Origin

DOCUMENT = "application/json"


ACCOUNT = frozenset({"/account"})


def read(
    body: bytes, kind: str = DOCUMENT, asked: Collection[str] = ACCOUNT, **headers: str
) -> list[tuple[str, str]]:
    named = (
        ("host", "a.test"),
        ("content-type", kind),
        *((n.replace("_", "-"), v) for n, v in headers.items()),
    )
    head = Head("POST", "/", named, "a.test", Origin("Worker-1", "https", "192.0.2.1", 443))
    return list(said(head, body, asked))


def under(body: bytes, name: str, kind: str = DOCUMENT) -> list[str]:
    return [value for each, value in read(body, kind, {name}) if each == name]


@pytest.mark.parametrize(
    ("body", "name", "values"),
    [
        ('{"account": "a1"}', "/account", ["a1"]),
        ('{"Account": "a1"}', "/account", ["a1"]),
        ('{"a": {"b": [{"c": 1.0}, true]}}', "/a/b/0/c", ["1.0"]),
        ('{"a": {"b": [{"c": 1.0}, true]}}', "/a/b/1", ["true"]),
        ('{"a": {"b": 1}}', "/a", [""]),
        ('{"a/b~c": "x"}', "/a~1b~0c", ["x"]),
        ('{"account": "a1", "account": "a2"}', "/account", ["a2", "a1"]),
        ('{"account": "a1", "\\u0061CCOUNT": "a2"}', "/account", ["a2", "a1"]),
        ('{"account": "a1", "\u212aey": "x"}', "/key", ["x"]),
        ('{"text": "&account=a2&"}', "/account", ["a2"]),
    ],
)
def test_every_member_of_a_document_is_told_by_its_pointer(body: str, name: str, values: list[str]) -> None:
    assert under(body.encode(), name) == values
    assert UNREAD not in read(body.encode())


@pytest.mark.parametrize(
    ("body", "name", "values"),
    [
        ("account=a1&b=2", "/account", ["a1"]),
        ("b=2;Account=a1", "/account", ["a1"]),
        ("account=a1&%61ccount=a2", "/account", ["a1", "a2"]),
        ("account=a1&+account=a2", "/account", ["a1", "a2"]),
        ("account=a1&account[0]=a2", "/account", ["a1", "a2"]),
        ("api.key=x", "/api_key", ["x"]),
        ("api_key", "/api_key", [""]),
    ],
)
def test_every_field_of_a_form_is_told_by_each_of_its_names(body: str, name: str, values: list[str]) -> None:
    assert under(body.encode(), name, FORM) == values
    assert UNREAD not in read(body.encode(), FORM)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"account": "a1"} {"account": "a2"}', DOCUMENT),
        (b'{"account": "a1"', DOCUMENT),
        (b"\xef\xbb\xbf{}", DOCUMENT),
        ('{"account": "a1"}'.encode("utf-16"), DOCUMENT),
        (b'{"account": NaN}', DOCUMENT),
        (b'{"account\\u0000x": "a2"}', DOCUMENT),
        (b"[" * 100_000, DOCUMENT),
        (b'{"account": "a2"}&account=a1', FORM),
        ("account=ä".encode(), FORM),
        (b"account=a1&account%00x=a2", FORM),
        (b'{"account": "a1"}', "text/plain"),
        (b'{"account": "a1"}', ""),
        (b"account=a1", "multipart/form-data"),
    ],
)
def test_a_body_that_readers_may_differ_in_is_told_to_be_one(body: bytes, kind: str) -> None:
    assert UNREAD in read(body, kind)


def test_a_body_that_is_packed_is_not_read() -> None:
    assert read(b"{}", content_encoding="gzip") == [UNREAD]
    assert UNREAD not in read(b"{}", content_encoding="identity")
    assert read(b"") == []


NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


def pointer(name: str) -> str:
    return "/" + name.casefold().replace("~", "~0").replace("/", "~1")


@given(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"))))
def test_an_honest_document_and_form_say_what_they_say(members: dict[str, str]) -> None:
    asked = {pointer(name) for name in members}
    document = read(json.dumps(members).encode(), asked=asked)
    form = read(urlencode(members).encode(), FORM, asked)
    assert UNREAD not in document + form
    for name, value in members.items():
        assert (pointer(name), value) in document
        assert (pointer(name), value) in form


@given(st.binary(max_size=300), st.sampled_from([DOCUMENT, FORM, "text/plain"]))
def test_whatever_is_sent_is_told_only_where_it_is_asked_for(body: bytes, kind: str) -> None:
    told = read(body, kind)
    assert {name for name, _ in told} <= {"/account", UNREAD[0]}
    assert UNREAD in told or kind != "text/plain" or not body


def test_a_body_costs_no_more_than_a_few_times_its_length() -> None:
    """Parts below one long name, and parts far within, have pointers a thousand times as long as they."""
    wide = b'{"%s": [%s]}' % (b"n" * 20_000, b",".join([b"1"] * 20_000))
    deep = b"[" * 900 + b",".join([b"1"] * 20_000) + b"]" * 900
    for body in (wide, deep):
        start()
        try:
            assert UNREAD not in read(body)
            assert get_traced_memory()[1] < 64 * len(body)
        finally:
            stop()


def test_a_form_of_more_fields_than_are_looked_at_is_not_read() -> None:
    assert read(b"account=a1" + b"&a=b" * 9_999, FORM) == [("/account", "a1")]
    assert read(b"account=a1" + b"&a=b" * 10_001, FORM) == [UNREAD]
