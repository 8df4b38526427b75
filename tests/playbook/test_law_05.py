"""Law 5: a refused call is never sent, not even as a name look-up.

Knows every way a call is refused. What the judgement says of names is tried in tests/laws.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from tests.playbook.exchanges import Heard, ask_for
from tests.playbook.play import DROP, KEEP, PII, Stage, get, put, rules
from valve_aws.course.visit import connect, resolve, visit
from valve_aws.model.call import Call
from valve_aws.model.verdict import Mode

REFUSED: dict[str, tuple[Call, str]] = {
    "what its store does not accept": (put(DROP), "accepts"),
    "a store of somebody else": (put("arn:aws:s3:::theirs"), "perimeter"),
    "a foreign key": (replace(put(KEEP), foreign="signed with another key"), "foreign-credential"),
    "what nobody knows": (replace(put(KEEP), operation="PutOther", known=False), "unknown-operation"),
    "another host": (visit("https", "evil.test", 443, "/"), "undeclared-host"),
    "a raw connection": (connect("evil.test", 25), "undeclared-host"),
    "a name": (resolve("secret.evil.test"), "undeclared-host"),
}


@pytest.mark.parametrize(("call", "rule"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_not_forwarded(call: Call, rule: str) -> None:
    stage = Stage()
    assert rule in rules(stage.cross(call, stage.subject(PII)).end())
    assert not stage.forwarded()
    assert stage.order()[-2:] == ["Note", "Refuse"]


@pytest.mark.parametrize(("call", "rule"), REFUSED.values(), ids=REFUSED)
def test_with_the_guard_off_it_is(call: Call, rule: str) -> None:
    stage = Stage(Mode.OFF)
    stage.cross(call, stage.subject(PII)).end()
    assert stage.forwarded()


def test_what_is_allowed_is() -> None:
    stage = Stage()
    assert stage.cross(get(), stage.subject()).end().passes
    assert stage.forwarded()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the resolver was asked for, which knows none."""
    names: list[str] = []

    def unknown(host: str, *_: Any, **__: Any) -> Any:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    return names


HOSTS = ["evil.test", "c2vjcmv0.evil.test", "taken.test.evil.test"]


@pytest.mark.parametrize("host", HOSTS)
def test_nobody_is_asked_for_the_name_of_a_host_that_is_refused(host: str, looked_up: list[str]) -> None:
    stage = Heard().stage()
    assert ask_for(stage, stage.subject(PII), "GET", f"http://{host}/")[0] == 403
    assert looked_up == []


@pytest.mark.parametrize("host", HOSTS)
def test_with_the_guard_off_somebody_is(host: str, looked_up: list[str]) -> None:
    stage = Heard().stage(Mode.OFF)
    assert ask_for(stage, stage.subject(PII), "GET", f"http://{host}/")[0] == 503
    assert looked_up == [host]


def test_a_host_that_takes_the_label_is_reached() -> None:
    heard = Heard()
    stage = heard.stage()
    stage.passage.resolve = {("taken.test", 80): ("192.0.2.1", 80)}
    ask_for(stage, stage.subject(PII), "GET", "http://taken.test/")
    assert heard.reached == ["192.0.2.1:80"]
