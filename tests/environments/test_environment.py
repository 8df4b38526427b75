"""Functions run by the real awslambdaric, in real processes."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.environments.conftest import COUNTS, PlainJail
from valve_aws.environments.environment import Environment
from valve_aws.environments.telemetry import Telemetry
from valve_aws.model.invocation import Done, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.environments.conftest import World

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
ID = "3f8d0000-0000-4000-8000-00000000000{}"


def run(environment: Environment, *events: bytes, **given: str) -> list[Done]:
    """Start an environment, serve events one after the other, end it."""

    async def life() -> list[Done]:
        await environment.start()
        try:
            return [
                await environment.invoke(ID.format(n), event, **given)
                for n, event in enumerate(events or (b"{}",))
            ]
        finally:
            await environment.close()

    return asyncio.run(life())


def error(done: Done) -> dict[str, Any]:
    payload = json.loads(done.payload)
    assert isinstance(payload, dict)
    return payload


def test_a_handler_answers_its_event(world: World) -> None:
    (done,) = run(world.environment("def handler(event, context): return {'got': event}"), b'{"a": 1}')
    assert (done.kind, json.loads(done.payload), done.failed) == (Kind.RESPONSE, {"got": {"a": 1}}, False)


def test_the_lines_of_a_cold_start_are_lambdas(world: World) -> None:
    run(world.environment("print('in init')\ndef handler(event, context): print('in event')", memory=256))
    patterns = [
        f"INIT_START Runtime Version: python:{re.escape(VERSION)}\\.v0\t"
        r"Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:0{64}",
        r"in init",
        f"START RequestId: {ID.format(0)} Version: \\$LATEST",
        r"in event",
        f"END RequestId: {ID.format(0)}",
        f"REPORT RequestId: {ID.format(0)}\tDuration: \\d+\\.\\d\\d ms\tBilled Duration: \\d+ ms\t"
        r"Memory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t",
    ]
    lines = [line for _, line in world.lines]
    assert len(lines) == len(patterns)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(patterns, lines, strict=True)), lines


@pytest.mark.parametrize(("fails", "told"), [("", ["before", "after"]), ("int", "Runtime.AfterRestoreError")])
def test_hooks_around_a_snapshot_run_where_snapstart_is_on(world: World, fails: str, told: object) -> None:
    source = f"""
import snapshot_restore_py as hooks
RAN = []
hooks.register_before_snapshot(RAN.append, "before")
hooks.register_after_restore({fails or "RAN.append"}, "after")
def handler(event, context): return RAN
"""
    (done,) = run(world.environment(source, restored=True, version="1"))
    assert (done.error_type or json.loads(done.payload)) == told
    assert "START RequestId: " + ID.format(0) + " Version: 1" in world.text("platform") or fails


def test_the_report_tells_the_memory_that_was_used(world: World) -> None:
    source = "held = bytearray(60 << 20)\ndef handler(event, context): pass"
    environment = world.environment(source, memory=512)
    run(environment)
    used = re.search(r"Max Memory Used: (\d+) MB", world.text("platform"))
    assert used
    assert 60 < int(used[1]) < 200


def test_an_error_of_the_handler_comes_with_its_stack(world: World) -> None:
    (done,) = run(world.environment("def handler(event, context):\n    raise KeyError('colour')"))
    assert (done.kind, done.failed) == (Kind.ERROR, True)
    told = error(done)
    assert (told["errorType"], told["errorMessage"]) == ("KeyError", "'colour'")
    assert told["requestId"] == ID.format(0)
    assert len(told["stackTrace"]) == 1
    assert 'app.py", line 2, in handler' in told["stackTrace"][0]
    assert "[ERROR] KeyError: 'colour'\rTraceback (most recent call last):" in world.text("stdout")


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        (
            "import nowhere_at_all",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'nowhere_at_all'",
        ),
        (
            "def handler(:",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        (
            "def other(event, context): pass",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'app'",
        ),
    ],
)
def test_a_module_that_does_not_load_is_an_init_error(
    world: World, source: str, error_type: str, message: str
) -> None:
    (done,) = run(world.environment(source))
    told = error(done)
    assert (done.kind, done.error_type) == (Kind.INIT_ERROR, error_type)
    assert (told["errorType"], told["errorMessage"]) == (error_type, message)
    assert f"Status: error\tError Type: {error_type}" in world.text("platform")
    assert "INIT_REPORT Init Duration: " in world.text("platform")


def test_an_error_during_import_is_an_init_error(world: World) -> None:
    (done,) = run(world.environment("1 / 0"))
    assert (done.kind, error(done)["errorType"]) == (Kind.INIT_ERROR, "ZeroDivisionError")


def test_leaving_during_init_is_an_exit(world: World) -> None:
    (done,) = run(world.environment("import sys\nsys.exit(7)"))
    assert (done.kind, error(done)) == (
        Kind.EXIT,
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {ID.format(0)} Error: Runtime exited with error: exit status 7",
        },
    )


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_a_runtime_that_ends_is_told_in_lambdas_words(world: World, ending: str, told: str) -> None:
    source = f"import os\ndef handler(event, context):\n    print('before')\n    {ending}"
    (done,) = run(world.environment(source))
    assert done.kind is Kind.EXIT
    assert error(done)["errorMessage"] == f"RequestId: {ID.format(0)} Error: {told}"
    assert world.text("stdout") == "before"
    assert f"Error: {told}\nRuntime.ExitError\nEND" in world.text("platform")


def test_an_event_that_takes_too_long_ends_the_environment(world: World) -> None:
    environment = world.environment("import time\ndef handler(event, context): time.sleep(60)", timeout=1)
    (done,) = run(environment)
    assert done.payload == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: '
        + ID.format(0).encode()
        + b' Error: Task timed out after 1.00 seconds"}'
    )
    assert not environment.alive
    assert re.search(r"Duration: [1-9]\d{3,}\.\d\d ms\t.*Status: timeout$", world.text("platform"))
    assert f"{ID.format(0)} Task timed out after 1.00 seconds" in world.text("platform")


def test_a_response_of_six_megabytes_passes_and_one_byte_more_does_not(world: World) -> None:
    source = "def handler(event, context): return 'x' * event"
    (most,) = run(world.environment(source), b"6291554")
    assert (most.kind, len(most.payload)) == (Kind.RESPONSE, 6291556)
    (more,) = run(world.environment(source), b"6291555")
    assert error(more) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_a_result_that_is_no_json_is_an_error(world: World) -> None:
    (done,) = run(world.environment("def handler(event, context): return {1, 2}"))
    assert (done.kind, error(done)["errorType"]) == (Kind.ERROR, "Runtime.MarshalError")


def test_text_of_all_scripts_passes_both_ways(world: World) -> None:
    event = json.dumps({"k": "żółć 漢字 🐍 \u2028"}, ensure_ascii=False).encode()
    source = "def handler(event, context):\n    print(event['k'])\n    return event"
    (done,) = run(world.environment(source), event)
    assert json.loads(done.payload) == json.loads(event)
    assert "żółć 漢字 🐍" in world.text("stdout")


def test_the_context_is_lambdas(world: World) -> None:
    source = """
def handler(event, context):
    return {k: getattr(context, k) for k in ("aws_request_id", "function_name", "function_version",
            "invoked_function_arn", "memory_limit_in_mb", "log_group_name", "log_stream_name")} | {
        "left": context.get_remaining_time_in_millis(), "custom": context.client_context.custom,
        "cognito": context.identity.cognito_identity_id}
"""
    (done,) = run(
        world.environment(source, timeout=20, memory=192),
        b"{}",
        arn="arn:aws:lambda:us-east-1:1:function:fn:live",
        client_context='{"custom": {"k": "ż"}}',
        cognito='{"cognitoIdentityId": "me"}',
    )
    told = error(done)
    assert 15_000 < told.pop("left") <= 20_000
    assert told == {
        "aws_request_id": ID.format(0),
        "function_name": "fn",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:1:function:fn:live",
        "memory_limit_in_mb": "192",
        "log_group_name": "/aws/lambda/fn",
        "log_stream_name": "2026/01/01/[$LATEST]0123456789abcdef",
        "custom": {"k": "ż"},
        "cognito": "me",
    }


def test_the_variables_are_lambdas_and_nothing_of_the_hosts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_SECRET", "s3cr3t")
    environment = world.environment(
        "import os\ndef handler(event, context): return dict(os.environ)",
        environment={"TABLE": "t", "AWS_REGION": "mars", "TZ": "Europe/Warsaw"},
    )
    (done,) = run(environment, b"{}", trace="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
    # Lambda has it from Python 3.12 on.
    localised = {"LC_CTYPE"} if tuple(map(int, VERSION.split("."))) >= (3, 12) else set[str]()
    assert set(error(done)) - localised == {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LD_LIBRARY_PATH",
        "PATH",
        "PWD",
        "PYTHONPATH",
        "SHLVL",
        "TABLE",
        "TZ",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
    told = error(done)
    assert localised <= set(told)
    assert (told["AWS_REGION"], told["TZ"], told["AWS_EXECUTION_ENV"]) == (
        "us-east-1",
        "Europe/Warsaw",
        f"AWS_Lambda_python{VERSION}",
    )


def test_a_warm_environment_serves_the_next_event_and_pays_its_start_once(world: World) -> None:
    source = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n"
    environment = world.environment(source)
    assert [done.payload for done in run(environment, b"{}", b"{}", b"{}")] == [b"1", b"2", b"3"]
    assert world.text("platform").count("Init Duration") == 1
    assert world.text("platform").count("INIT_START") == 1


def test_nothing_runs_between_events(world: World) -> None:
    environment = world.environment(COUNTS)

    async def life() -> float:
        await environment.start()
        await environment.invoke(ID.format(0), b"{}")
        await asyncio.sleep(0.3)
        done = await environment.invoke(ID.format(1), b"{}")
        await environment.close()
        return float(done.payload)

    assert asyncio.run(life()) > 0.29


def test_nothing_is_handed_to_a_listener_while_it_is_frozen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not take it, and would be told that it was too slow."""
    told: list[str] = []
    for cls, names in ((Telemetry, ("sleep", "wake")), (PlainJail, ("freeze", "thaw"))):
        for name in names:
            was = getattr(cls, name)
            monkeypatch.setattr(cls, name, lambda self, was=was, name=name: (told.append(name), was(self)))
    run(world.environment("def handler(event, context): pass"), b"1", b"2")
    assert told == ["sleep", "freeze", "thaw", "wake", "sleep", "freeze"]


def test_what_is_printed_without_a_line_end_is_a_line_of_its_event(world: World) -> None:
    run(world.environment("def handler(event, context): print(event, end='')"), b'"one"', b'"two"')
    lines = [line for _, line in world.lines]
    assert lines.index("one") < lines.index(f"END RequestId: {ID.format(0)}")
    assert lines.index("two") < lines.index(f"END RequestId: {ID.format(1)}")


def test_a_huge_line_comes_in_pieces_and_whole(world: World) -> None:
    run(world.environment("def handler(event, context): print('ż' * 400_000)"))
    pieces = [line for stream, line in world.lines if stream == "stdout"]
    assert "".join(pieces) == "ż" * 400_000
    assert max(len(piece.encode()) for piece in pieces) <= 256 * 1024


def test_both_streams_are_told_apart(world: World) -> None:
    run(world.environment("import sys\ndef handler(event, context): print('o'); print('e', file=sys.stderr)"))
    assert (world.text("stdout"), world.text("stderr")) == ("o", "e")


def test_the_code_is_found_from_its_own_folder(world: World) -> None:
    (world.folder / "note.txt").write_text("beside")
    (world.folder / "beside.py").write_text("value = 5")
    source = "import beside\ndef handler(event, context): return [open('note.txt').read(), beside.value]"
    (done,) = run(world.environment(source))
    assert json.loads(done.payload) == ["beside", 5]


def test_exit_by_name_works_as_it_does_with_site(world: World) -> None:
    (done,) = run(world.environment("def handler(event, context): exit(4)"))
    assert "exit status 4" in error(done)["errorMessage"]


def test_a_second_event_at_once_is_refused(world: World) -> None:
    environment = world.environment("import time\ndef handler(event, context): time.sleep(0.2)")

    async def life() -> None:
        await environment.start()
        first = asyncio.ensure_future(environment.invoke(ID.format(0), b"{}"))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await environment.invoke(ID.format(1), b"{}")
        assert (await first).kind is Kind.RESPONSE
        await environment.close()

    asyncio.run(life())


def test_a_response_that_the_function_posts_itself_is_the_only_one(world: World) -> None:
    source = """
import os, urllib.request
def handler(event, context):
    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
    urllib.request.urlopen(api + context.aws_request_id + "/response", data=b'"forged"')
    return "true"
"""
    environment = world.environment(source)
    (done,) = run(environment)
    assert done.payload == b'"forged"'
    assert not environment.alive


def test_the_next_event_cannot_be_taken_while_one_is_served(world: World) -> None:
    source = """
import os, urllib.request
def handler(event, context):
    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
    answer = urllib.request.urlopen(api + "/2018-06-01/runtime/invocation/next")
    return answer.headers["Lambda-Runtime-Aws-Request-Id"] == context.aws_request_id
"""
    assert [done.payload for done in run(world.environment(source), b"1", b"2")] == [b"true", b"true"]


def test_a_start_that_is_abandoned_leaves_no_process(world: World) -> None:
    environment = world.environment("def handler(event, context): pass")

    async def life() -> None:
        starting = asyncio.ensure_future(environment.start())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await environment.close()

    asyncio.run(life())
    assert environment.jail is None
    (jail,) = world.jails
    assert jail.wait(10) == -9


def test_an_event_that_nobody_waits_for_any_more_ends_the_environment(world: World) -> None:
    environment = world.environment("import time\ndef handler(event, context): time.sleep(60)")

    async def life() -> None:
        await environment.start()
        serving = asyncio.ensure_future(environment.invoke(ID.format(0), b"{}"))
        await asyncio.sleep(0)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert not environment.alive
        await environment.close()

    asyncio.run(life())


def test_an_endless_writer_holds_up_neither_its_event_nor_the_loop(world: World) -> None:
    source = """
import os, threading
def flood():
    while True: os.write(1, b"\\n" * 65536)
threading.Thread(target=flood, daemon=True).start()
def handler(event, context): return "done"
"""
    (done,) = run(world.environment(source))
    assert done.payload == b'"done"'
    assert "REPORT" in world.text("platform")


def test_the_last_words_of_a_runtime_that_ends_come_before_its_report(world: World) -> None:
    source = (
        "import os\ndef handler(event, context):\n    os.write(2, b'x' * 60_000 + b'last')\n    os._exit(1)"
    )
    run(world.environment(source))
    lines = [line for _, line in world.lines]
    (last,) = [n for n, line in enumerate(lines) if line.endswith("last")]
    assert last < lines.index(f"END RequestId: {ID.format(0)}")


def test_an_init_that_ends_by_itself_shows_what_it_wrote(world: World) -> None:
    run(world.environment("import os\nos.write(1, b'dying')\nos._exit(1)"))
    lines = [line for _, line in world.lines]
    assert lines.index("dying") < next(n for n, line in enumerate(lines) if line.startswith("INIT_REPORT"))


CLAIMING = """
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
told = {"Lambda-Runtime-Function-Error-Type": "Function.Alice"}
api.request("POST", "/2018-06-01/runtime/init/error", b"{}", told)
api.getresponse().read()
os._exit(1)
"""


@pytest.mark.parametrize(("label", "told"), [(frozenset(), "Function.Alice"), ({"pii"}, "Runtime.Unknown")])
def test_the_error_type_that_a_labelled_environment_claims_stays_out_of_the_platforms_lines(
    world: World, label: Iterable[str], told: str
) -> None:
    environment = world.environment(CLAIMING)
    environment.subject.take(frozenset(label), ())
    run(environment)
    assert re.findall(r"Error Type: (\S+)", world.text("platform")) == [told, told]
