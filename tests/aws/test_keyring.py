"""A credential of this run is found in whatever leaves, in every spelling that is looked for.

Knows how careless code spells what it should not send. Does not know what is done about it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from urllib.parse import quote

import pytest

from valve_aws.aws import Keyring, issue
from valve_aws.model.call import Key
from valve_aws.model.spellings import MOST, Sieve

SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "in JSON": lambda text: json.dumps({"a": text.decode()}).encode(),
    "in JSON in JSON": lambda text: json.dumps({"body": json.dumps({"a": text.decode()})}).encode(),
    "in a URL": lambda text: quote(text).encode(),
    "hexadecimal": lambda text: text.hex().encode(),
    "HEXADECIMAL": lambda text: text.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 after one byte": lambda text: base64.b64encode(b"x" + text + b"y"),
    "base64 after two bytes": lambda text: base64.b64encode(b"xy" + text),
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 in lines": lambda text: base64.encodebytes(b'{"a": "' + text + b'"}'),
}


@pytest.fixture
def ring() -> Keyring:
    return Keyring(os.urandom)


@pytest.mark.parametrize("part", ["secret_key", "token"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_credential_is_found_in_every_spelling_and_masked(
    ring: Keyring, spell: Callable[[bytes], bytes], part: str
) -> None:
    secret = getattr(ring.issue("env-1", "Worker"), part).encode()
    text = b'{"before": 1, "it": "' + spell(secret) + b'", "after": 2}'
    assert ring.found(text).endswith("of an environment of Worker")
    masked = ring.masked(text)
    assert not ring.found(masked)
    assert masked.startswith(b'{"before": 1, "it": "')
    assert masked.endswith(b'"after": 2}')


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_credential_is_found_wherever_a_stream_is_cut(
    ring: Keyring, spell: Callable[[bytes], bytes]
) -> None:
    text = spell(ring.issue("env-1", "Worker").token.encode())
    for at in range(len(text) + 1):
        sieve = Sieve(ring.found)
        told = [sieve.look(piece) for piece in (b"x" * 5000, text[:at], text[at:], b"y" * 5000)]
        assert sum(map(bool, told)) >= 1, at


def test_what_another_run_issued_and_what_only_looks_like_it_is_not_ours(ring: Keyring) -> None:
    ring.issue("env-1", "Worker")
    other = issue(os.urandom)
    assert not ring.found(f"{other.secret_key} {other.token} ValveKept".encode())


def test_an_access_key_alone_is_no_secret(ring: Keyring) -> None:
    assert not ring.found(ring.issue("env-1", "Worker").access_key.encode())


def test_a_text_full_of_marks_is_not_searched_for_ever_and_does_not_pass(ring: Keyring) -> None:
    ring.issue("env-1", "Worker")
    assert not ring.found(b"ValveKept " * MOST)
    assert ring.found(b"ValveKept " * (MOST + 1))


def test_other_secrets_are_found_too(ring: Keyring) -> None:
    secret = os.urandom(32)
    ring.keep("the key of the valve's own authority", secret, b"a line of its file")
    for spell in (bytes, bytes.hex, base64.b64encode, lambda s: base64.b64encode(b"xx" + s + b"x")):
        text = spell(secret)  # type: ignore[operator]  # each takes bytes
        text = text.encode() if isinstance(text, str) else text
        assert ring.found(b"... " + text + b" ...") == "the key of the valve's own authority"
    assert ring.found(b"... a line of its file")


def test_a_session_ends_with_its_environment_and_is_recognised_ever_after(ring: Keyring) -> None:
    own, other = ring.issue("env-1", "Worker"), ring.issue("env-2", "Worker")
    upstream = Key("ASIAUPSTREAM", "secret", "token")
    session = ring.lend(own.access_key, upstream)
    assert ring.upstream(session.access_key, Key("a", "b", "c")) == upstream
    assert ring.upstream(other.access_key, Key("a", "b", "c")) == Key("a", "b", "c")
    ring.end("env-2")
    assert ring.of(session.access_key)
    ring.end("env-1")
    assert ring.of(session.access_key) is None
    assert ring.found(session.token.encode()) == "the session token of a session of an environment of Worker"


def test_the_keys_of_what_ended_long_ago_are_forgotten_and_no_others(
    ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valve_aws.aws.keyring.ENDED", 2)
    alive, *gone = [ring.issue(f"env-{n}", "Worker") for n in range(5)]
    session = ring.lend(gone[0].access_key, Key("ASIAUPSTREAM", "secret", "token"))
    for n in (1, 2, 3, 4, 4):
        ring.end(f"env-{n}")
    known = {n for n, key in enumerate((alive, *gone)) if ring.of(key.access_key)}
    found = {n for n, key in enumerate((alive, *gone)) if ring.found(key.secret_key.encode())}
    assert known == found == {0, 3, 4}
    assert not ring.found(session.token.encode())
