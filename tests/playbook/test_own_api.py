"""An address of the template's own API: its id is made up here, so nobody else is asked for it.

Knows the way out. Does not know the judgement.
"""

from __future__ import annotations

from dataclasses import replace

from tests.playbook.exchanges import Heard, ask_for
from tests.playbook.play import PII
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
