"""Hosts that lead nowhere: the template's own API, whose id is made up here, nobody's name, and this machine.

Knows the way out. Does not know the judgement.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from tests.playbook.exchanges import Heard, ask_for
from tests.playbook.play import PII
from valve_aws.course import commands as ask
from valve_aws.model.stack import Resource
from valve_aws.model.verdict import Mode

HOST = "abc.execute-api.eu-west-1.amazonaws.com"
API = Resource("Api", "AWS::ApiGateway::RestApi", "abc", "arn:aws:execute-api:eu-west-1:123456789012:abc")


def test_the_templates_own_api_is_not_looked_for_elsewhere() -> None:
    heard = Heard()
    stage = heard.stage(Mode.AUDIT)
    stage.passage.stack = replace(stage.passage.stack, resources={"Api": API})
    said: list[str] = []
    stage.passage.tell = said.append
    status, _, _ = ask_for(stage, stage.subject(PII), "GET", f"http://{HOST}/")
    assert (status >= 500, heard.reached) == (True, [])
    assert f"--resolve {HOST}:80" in said[0]
    stage.passage.resolve = {(HOST, 80): ("127.0.0.1", 8080)}
    ask_for(stage, stage.subject(PII), "GET", f"http://{HOST}/")
    assert heard.reached == ["127.0.0.1:8080"]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot be found (Name or service not known)"),
        ([(2, 1, 6, "", ("127.0.0.1", 443))], "is an address of this machine"),
    ],
    ids=["nobody", "here"],
)
def test_a_host_that_leads_nowhere_is_told_with_how_a_stub_is_put_there(found: Any, says: str) -> None:
    stage = Heard().stage(Mode.AUDIT)

    async def place() -> None:
        async def asked(*_: Any, **__: Any) -> Any:
            if isinstance(found, OSError):
                raise found
            return found

        loop: Any = asyncio.get_running_loop()
        loop.getaddrinfo = asked
        await stage.passage.place("mail.partner.test", 443)

    with pytest.raises(ask.Lost) as lost:
        asyncio.run(place())
    told = str(lost.value)
    assert f"`mail.partner.test` {says}; " in told
    assert told.endswith("--resolve mail.partner.test:443=127.0.0.1:8080")
