"""Where a request goes that was let: never to this machine, and never written as anything but itself.

Knows the way out. Does not know the judgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from typing import Any

import pytest

from tests.playbook.exchanges import Heard, ask_for, carried, request_of, sdk
from tests.playbook.play import ACCOUNT
from valve_aws.aws import Unwritable
from valve_aws.model.verdict import Mode
from valve_aws.passage.driver import here


def own() -> set[str]:
    """Return this machine's addresses, as far as it tells them by itself."""
    found = {"127.0.0.1"}
    with contextlib.suppress(OSError):
        found |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), 80)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, contextlib.suppress(OSError):
        asked.connect(("198.51.100.1", 9))
        found.add(asked.getsockname()[0])
    return found


def test_an_own_address_is_known_for_one_and_others_are_not() -> None:
    assert {address for address in own() if here(address)} == own()
    assert not [a for a in ("198.51.100.1", "203.0.113.9", "2001:db8::1", "::ffff:198.51.100.1") if here(a)]


@pytest.mark.parametrize("address", [*sorted(own()), "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_name_that_leads_to_this_machine_leads_nowhere(
    address: str, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answered(_: Any, host: str, port: int, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answered)
    heard = Heard()
    stage = heard.stage(mode)
    status, _, _ = ask_for(stage, stage.subject(), "GET", "http://clean.test/")
    assert (status >= 500, heard.reached) == (True, [])


def test_a_name_that_leads_elsewhere_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answered(_: Any, host: str, port: int, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.9", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answered)
    heard = Heard()
    stage = heard.stage()
    ask_for(stage, stage.subject(), "GET", "http://clean.test/")
    assert heard.reached == ["203.0.113.9:80"]


def test_a_call_that_cannot_be_written_as_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    stage = heard.stage()

    def unwritable(*_: Any) -> Any:
        raise Unwritable("it would be two requests")

    monkeypatch.setattr(stage.passage.aws, "write", unwritable)
    head, body = request_of(sdk("s3"), "PutObject", Bucket="keep", Key="k", Body=b"x")
    status, _, _ = carried(stage, stage.subject(), head, body)
    assert (status, heard.reached) == (403, [])
    assert [r.outcome for r in stage.sink.records if r.verdict == "settled"] == ["failed"]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_call_to_another_accounts_host_name_never_reaches_our_own_account(mode: Mode) -> None:
    heard = Heard()
    stage = heard.stage(mode)
    head, body = request_of(sdk("dynamodb"), "GetItem", TableName="customers", Key={"id": {"S": "c1"}})
    for account, reached in (("111122223333", []), (ACCOUNT, ["127.0.0.1:9"])):
        heard.reached.clear()
        host = f"{account}.ddb.us-east-1.amazonaws.com"
        headers = tuple((n, v) for n, v in head.headers if n not in {"host", "authorization"})
        origin = replace(head.origin, sni=host)
        named = replace(head, host=host, headers=(("host", host), *headers), origin=origin)
        carried(stage, stage.subject(), named, body)
        assert heard.reached[:1] == (reached if mode is not Mode.ENFORCE else [])
