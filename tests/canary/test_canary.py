"""Decoys are found in whatever leaves, in every spelling and in parts, and nothing else is taken for one.

Knows how careless and how sly code spells what it should not send. Does not know where bytes come from;
`tests/canary/test_crossings.py` sends them.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
import zlib
from collections.abc import Callable, Iterable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.canary import Decoy, Flock, Lookout, Place, Sighting, hatch, told
from valve_aws.canary.inflating import MOST
from valve_aws.model.call import Evidence

FLOCK = hatch(random.Random(4).randbytes)
DECOYS = {decoy.kind: decoy for decoy in FLOCK}

Spell = Callable[[bytes], bytes]


def raw_deflate(text: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(text) + packing.flush()


SPELLINGS: dict[str, Spell] = {
    "plain": bytes,
    "in JSON": lambda text: json.dumps({"a": text.decode()}).encode(),
    "in JSON in JSON": lambda text: json.dumps({"body": json.dumps({"a": text.decode()})}).encode(),
    "UPPER": bytes.upper,
    "lower": bytes.lower,
    "URL-quoted": lambda text: quote(text, safe="").encode(),
    "every byte URL-quoted": lambda text: "".join(f"%{byte:02x}" for byte in text).encode(),
    "hexadecimal": lambda text: text.hex().encode(),
    "HEXADECIMAL": lambda text: text.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 after one byte": lambda text: base64.b64encode(b"x" + text + b"y"),
    "base64 after two bytes": lambda text: base64.b64encode(b"xy" + text),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"\xff\xfe>" + text).rstrip(b"="),
    "base64 in lines": lambda text: base64.encodebytes(b"h" * 40 + text),
    "reversed": lambda text: text[::-1],
    "reversed, then base64": lambda text: base64.b64encode(b"x" + text[::-1]),
    "base64, then reversed": lambda text: base64.b64encode(text)[::-1],
    "hexadecimal, then reversed": lambda text: text.hex().encode()[::-1],
}
PACKED: dict[str, Spell] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bare deflate": raw_deflate,
    "gzip behind a head": lambda text: b"head\n" + gzip.compress(text),
    "gzip in base64 in JSON": lambda text: json.dumps(
        {"z": base64.b64encode(gzip.compress(text)).decode()}
    ).encode(),
    "zlib in base64 in JSON": lambda text: json.dumps(
        {"z": base64.b64encode(zlib.compress(text)).decode()}
    ).encode(),
    "zlib at its fastest in base64": lambda text: b"z=" + base64.b64encode(zlib.compress(text, 1)),
    "zlib at its best in base64": lambda text: base64.urlsafe_b64encode(zlib.compress(text, 9)),
    "gzip of base64 of gzip": lambda text: gzip.compress(base64.b64encode(gzip.compress(text))),
}


def place(operation: str = "SendMessage", line: int = 1) -> Place:
    return Place("Worker", "sqs", operation, (f"queue-{line}",), Evidence("src/app.py", line, "send()"))


def seen(*texts: bytes, flock: Flock = FLOCK) -> list[Sighting]:
    """Return what is seen in calls that send these, one each."""
    lookout = Lookout(flock)
    for number, text in enumerate(texts):
        lookout.look(place(line=number), "its body", text)
    return lookout.sightings


def kinds(sightings: Iterable[Sighting]) -> list[str]:
    return [sighting.decoy.kind for sighting in sightings]


@pytest.mark.parametrize("kind", DECOYS)
@pytest.mark.parametrize("spell", [*SPELLINGS.values(), *PACKED.values()], ids=[*SPELLINGS, *PACKED])
def test_a_decoy_is_found_in_every_spelling_and_for_no_other(spell: Spell, kind: str) -> None:
    text = spell(DECOYS[kind].value.encode())
    assert kinds(seen(text)) == [kind]
    if spell not in PACKED.values():
        assert kinds(seen(b'{"a": "' + text + b'", "b": 1}')) == [kind]
    twin = spell(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY nora@example.com")
    assert seen(twin) == []


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_decoy_is_found_wherever_a_stream_is_cut(spell: Spell) -> None:
    text = spell(FLOCK.secret.value.encode())
    for at in range(len(text) + 1):
        lookout = Lookout(FLOCK)
        look = lookout.stream(place(), "its body")
        for piece in (b"x" * 3000, text[:at], text[at:], b"y" * 3000):
            look(piece)
        assert kinds(lookout.sightings) == ["secret"], at


PACKERS = {"gzip": gzip.compress, "zlib": zlib.compress, "bare deflate": raw_deflate}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("size", [1, 100, 4096])
def test_a_long_compressed_stream_is_unpacked_as_it_comes(size: int, pack: Spell) -> None:
    noise = "".join(random.Random(1).choices(string.printable, k=20_000)).encode()
    packed = pack(noise + FLOCK.secret_key.value.encode() + noise)
    lookout = Lookout(FLOCK)
    look = lookout.stream(place(), "its body")
    for at in range(0, len(packed), size):
        look(packed[at : at + size])
    assert kinds(lookout.sightings) == ["secret key"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "zlib"])
@pytest.mark.parametrize("size", [1, 3, 4096])
def test_what_is_compressed_within_a_stream_is_unpacked_as_it_comes(size: int, pack: Spell) -> None:
    """In base64, as a value of what is sent; and, where it has a mark of its own, as it is."""
    noise = "".join(random.Random(1).choices(string.printable, k=20_000)).encode()
    packed = pack(noise + FLOCK.secret_key.value.encode() + noise)
    texts = [b'{"name": "x", "z": "' + base64.b64encode(packed) + b'", "more": 1}']
    for text in [*texts, b"head\n" + packed] if pack is gzip.compress else texts:
        lookout = Lookout(FLOCK)
        look = lookout.stream(place(), "its body")
        for at in range(0, len(text), size):
            look(text[at : at + size])
        assert kinds(lookout.sightings) == ["secret key"]


@pytest.mark.parametrize("kind", DECOYS)
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_decoy_split_over_two_calls_is_found_wherever_it_is_cut(spell: Spell, kind: str) -> None:
    value = DECOYS[kind].body
    for at in range(len(value) + 1):
        sightings = seen(b"none", spell(value[:at]), b"none", spell(b"-" + value[at:]), b"none")
        assert set(kinds(sightings)) == {kind}, at
        assert {p.evidence.line for sighting in sightings for p in sighting.places} <= {1, 3}


def test_split_over_many_calls_each_is_named_and_the_order_means_nothing() -> None:
    value = FLOCK.secret_key.value.encode()
    parts = [value[at : at + 13] for at in range(0, 40, 13)]
    for order in (parts, parts[::-1]):
        (sighting,) = seen(*order)
        assert sighting.how == "plain, split"
        assert len(sighting.places) > 1
    assert seen(parts[0], parts[0], parts[0]) == [], "one part is not half of it, however often it goes"


def test_parts_of_two_decoys_make_no_whole() -> None:
    halves = [decoy.body[: len(decoy.body) // 2 - 1] for decoy in FLOCK]
    assert seen(*halves) == []


TOKENS = st.text(string.ascii_letters + string.digits + "+/=-_%", min_size=0, max_size=300)


NUMBERS = st.text(string.digits, max_size=400)


@given(st.binary(max_size=2000) | (TOKENS | NUMBERS).map(str.encode))
def test_random_content_is_taken_for_no_decoy(content: bytes) -> None:
    lookout = Lookout(FLOCK)
    for spell in (bytes, base64.b64encode, gzip.compress, bytes.hex):
        spelled = spell(content)
        lookout.look(place(), "its body", spelled if isinstance(spelled, bytes) else spelled.encode())
    assert lookout.sightings == []


OTHERS = "".join(
    letter
    for letter in string.ascii_letters + string.digits
    if all(letter.lower().encode() not in decoy.body.replace(FLOCK.mark, b"") for decoy in FLOCK)
)
"""Why without a decoy's own letters: beside a mark these are a part of it, and parts add up."""


@given(st.text(OTHERS, max_size=60), st.integers(0, 60))
def test_a_mark_alone_is_no_decoy_whatever_else_stands_around_it(text: str, at: int) -> None:
    content = text[:at].encode() + FLOCK.mark + text[at:].encode()
    assert seen(content, *[content[::-1]] * 3) == []


@given(st.randoms())
def test_no_two_decoys_look_alike_and_another_run_s_are_none_of_ours(source: random.Random) -> None:
    flock, other = hatch(source.randbytes), hatch(source.randbytes)
    for decoy in flock:
        assert kinds(seen(decoy.value.encode(), flock=flock)) == [decoy.kind]
        assert kinds(seen(decoy.value[::-1].encode(), flock=flock)) == [decoy.kind]
    if flock.mark != other.mark:
        assert seen(*(decoy.value.encode() for decoy in other), flock=flock) == []
    assert len(flock.access_key.value) == 20
    assert len(flock.secret_key.value) == 40
    assert set(flock.access_key.value) <= set(string.ascii_uppercase + "234567")


def test_a_bomb_costs_no_more_than_its_bound() -> None:
    bomb = gzip.compress(gzip.compress(bytes(64 << 20)))
    assert seen(bomb) == []
    late = gzip.compress(bytes(MOST) + FLOCK.secret.value.encode())
    assert seen(late) == [], "what lies behind the bound is not looked at"


def test_a_text_full_of_marks_is_not_searched_for_ever() -> None:
    assert seen(FLOCK.mark * 200_000) == []


def test_a_line_in_a_loop_is_told_of_once_and_another_run_begins_with_nothing() -> None:
    lookout = Lookout(FLOCK)
    for _ in range(5):
        lookout.look(place(), "its body", FLOCK.secret.value.encode())
    lookout.look(place(line=2), "its body", FLOCK.secret.value.encode())
    assert [sighting.places[0].evidence.line for sighting in lookout.sightings] == [1, 2]
    lookout.look(place(line=3), "its body", FLOCK.name.body[:9])
    lookout.clear()
    lookout.look(place(line=4), "its body", FLOCK.name.body[9:18])
    assert lookout.sightings == []


def test_a_sighting_names_every_call_and_its_line_and_not_the_decoy() -> None:
    value = FLOCK.secret_key.value
    lookout = Lookout(FLOCK)
    lookout.look(place(line=1), "its body", value[:14].encode())
    visit = Place("Other", "valve", "Visit", ("https://x.test/",), record="r-2")
    lookout.look(visit, "its head", value[14:33].encode())
    text = told(lookout.sightings[0], lambda resource: resource.title())
    assert text.splitlines() == [
        "✗ CANARY  the decoy secret key left: plain, split, in its head",
        "  by        Worker → sqs:SendMessage Queue-1",
        "  called    src/app.py:1  send()",
        "  by        Other → Https://X.Test/    r-2",
    ]
    assert value not in text


def test_every_decoy_shows_itself_only_by_its_kind() -> None:
    decoy = Decoy("secret", "value", b"body")
    assert "value" not in repr(decoy)
