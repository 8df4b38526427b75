"""C02: The Runtime API asked from inside: another's event taken, another's invocation answered.

Knows its requests. Does not know how the valve remembers who has which event.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from tests.attacks.residue import Residue, Send, Way, played
from tests.attacks.test_d01_swapped_runtime import POLL
from valve_aws.valve import Valve

TAKE = """
import http.client, json, os, sys, threading
sys.kept = []
def take():
    base = "/2018-06-01/runtime/invocation/"
    while True:
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        api.request("GET", base + "next")
        answer = api.getresponse()
        body = answer.read().decode()
        if answer.status == 200:
            sys.kept.append(body)
            ident = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            api.request("POST", base + ident + "/response", json.dumps({"x": sys.kept}))
            api.getresponse().read()
"""
ASK = """
import http.client, os
def answer(method, path, body=b"{}", **headers):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    return api.getresponse()
def ask(*request):
    return answer(*request).status
own = context.aws_request_id
other = ("0" if own[0] != "0" else "1") + own[1:]
told["next"] = answer("GET", "invocation/next").headers["Lambda-Runtime-Aws-Request-Id"]
told["other"] = [ask("POST", f"invocation/{other}/{what}") for what in ("response", "error")]
odd = ("..", "%2e%2e", own + "/../x", own.upper())
told["odd"] = [ask("POST", f"invocation/{ident}/response") for ident in odd]
told["init"] = ask("POST", "init/error")
told["own"] = own
"""


class TestTakenEvents(Residue):
    spies = True
    ways: ClassVar[dict[str, Way]] = {
        "a thread that polls": (
            TAKE + ""
            "import time, awslambdaric.lambda_runtime_client as c\n"
            "def instead(self):\n"
            "    threading.Thread(target=take, daemon=True).start()\n"
            "    time.sleep(900)\n"
            "c.LambdaRuntimeClient.wait_next_invocation = instead",
            "",
        ),
        "the handler itself": (POLL + "globals()['poll'](context.aws_request_id)", ""),
    }


def test_no_request_takes_an_event_or_answers_for_another_invocation(tmp_path: Path) -> None:
    async def life(send: Send, valve: Valve) -> list[dict[str, Any]]:
        return [await send("mallory", code=ASK) for _ in range(2)]

    first, second = played(tmp_path, life, "label")
    for told in (first, second):
        assert told["next"] == told["own"]
        assert told["other"] == [400, 400]
        assert all(status in {400, 404} for status in told["odd"])
        assert told["init"] == 403
    assert first["own"] != second["own"]
