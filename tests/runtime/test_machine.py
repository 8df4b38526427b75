"""The Runtime API's states, without any socket."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.model.invocation import Answer, Begun, Done, Invocation, Kind, Reply, Wait
from valve_aws.model.telemetry import Crashed, Told
from valve_aws.runtime import RESPONSE_LIMIT, Machine, State
from valve_aws.runtime.machine import TABLE, Step

API = "/2018-06-01/runtime"
ID = "3f8d0000-0000-4000-8000-000000000000"
EVENT = Invocation(ID, b'{"a":1}', 1_700_000_000.5, "arn:aws:lambda:us-east-1:1:function:fn", "Root=1-2-3")


def machine(*external: str) -> Machine:
    idents = count()
    return Machine(
        lambda: f"00000000-0000-0000-0000-{next(idents):012}",
        "fn",
        "app.handler",
        account="1",
        external=external,
    )


def ask(each: Machine, method: str, path: str, body: bytes = b"", **headers: str) -> Answer | Wait:
    return each.answer(method, path, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def busy() -> Machine:
    """A machine whose runtime has an event."""
    each = machine()
    waiting = ask(each, "GET", f"{API}/invocation/next")
    each.give(EVENT)
    (reply,) = each.drain()
    assert isinstance(waiting, Wait)
    assert isinstance(reply, Reply)
    assert reply.ticket == waiting.ticket
    return each


def told(answer: Answer | Wait | None) -> tuple[int, Any]:
    assert isinstance(answer, Answer)
    return answer.status, json.loads(answer.body)["errorType"]


def test_the_runtime_waits_until_an_event_is_given() -> None:
    each = machine()
    assert not each.idle
    assert isinstance(ask(each, "GET", f"{API}/invocation/next"), Wait)
    assert each.idle
    assert each.drain() == []
    each.give(EVENT)
    (reply,) = each.drain()
    assert isinstance(reply, Reply)
    assert (reply.answer.status, reply.answer.body) == (200, EVENT.payload)
    assert dict(reply.answer.headers) == {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": ID,
        "Lambda-Runtime-Deadline-Ms": "1700000000500",
        "Lambda-Runtime-Invoked-Function-Arn": EVENT.arn,
        "Lambda-Runtime-Trace-Id": "Root=1-2-3",
    }


def test_an_event_given_before_the_runtime_asks_is_its_first_answer() -> None:
    each = machine()
    each.give(EVENT)
    answer = ask(each, "GET", f"{API}/invocation/next")
    assert isinstance(answer, Answer)
    assert answer.body == EVENT.payload


@pytest.mark.parametrize(("what", "kind"), [("response", Kind.RESPONSE), ("error", Kind.ERROR)])
def test_what_the_runtime_posts_ends_the_invocation(what: str, kind: Kind) -> None:
    each = busy()
    answer = ask(
        each,
        "POST",
        f"{API}/invocation/{ID}/{what}",
        b'"x"',
        Lambda_Runtime_Function_Error_Type="Runtime.Odd",
    )
    assert answer == Answer(202, (("Content-Type", "application/json"),), b'{"status":"OK"}\n')
    assert each.drain() == [Done(kind, b'"x"', "Runtime.Odd" if kind is Kind.ERROR else "")]
    assert not each.idle
    ask(each, "GET", f"{API}/invocation/next")
    assert each.idle


def test_another_invocations_id_is_refused_with_400_and_changes_nothing() -> None:
    each = busy()
    assert told(ask(each, "POST", f"{API}/invocation/other/response", b"1")) == (400, "InvalidRequestID")
    assert each.state is State.RUNNING
    assert each.drain() == []


def test_a_second_response_is_refused_with_403() -> None:
    each = busy()
    ask(each, "POST", f"{API}/invocation/{ID}/response", b"1")
    assert told(ask(each, "POST", f"{API}/invocation/{ID}/response", b"2")) == (403, "InvalidStateTransition")
    assert each.drain() == [Done(Kind.RESPONSE, b"1")]


def test_a_second_poller_gets_nothing() -> None:
    each = machine()
    ask(each, "GET", f"{API}/invocation/next")
    assert told(ask(each, "GET", f"{API}/invocation/next")) == (403, "InvalidStateTransition")


def test_whoever_asks_while_an_event_is_served_is_given_that_one_again() -> None:
    each = busy()
    answer = ask(each, "GET", f"{API}/invocation/next")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, EVENT.payload)
    assert dict(answer.headers)["Lambda-Runtime-Aws-Request-Id"] == EVENT.ident
    with pytest.raises(RuntimeError):
        each.give(EVENT)


def test_a_method_that_a_path_does_not_take_is_told_nothing() -> None:
    for path in (f"{API}/invocation/next", f"{API}/init/error", "/2020-01-01/extension/register"):
        assert ask(machine(), "PATCH", path) == Answer(405)


def test_a_refused_step_says_which_in_awss_words() -> None:
    answer = ask(machine(), "POST", f"{API}/invocation/{ID}/response", b"1")
    assert told(answer) == (400, "InvalidRequestID")
    answer = ask(busy(), "POST", f"{API}/init/error", b"{}")
    assert isinstance(answer, Answer)
    assert json.loads(answer.body)["errorMessage"] == (
        "State transition from Running to InitError failed for runtime. "
        "Error: State transition is not allowed"
    )


def test_an_init_error_ends_everything() -> None:
    each = machine()
    answer = ask(
        each,
        "POST",
        f"{API}/init/error",
        b'{"errorMessage":"m"}',
        Lambda_Runtime_Function_Error_Type="Runtime.ImportModuleError",
    )
    assert isinstance(answer, Answer)
    assert answer.status == 202
    assert each.drain() == [Done(Kind.INIT_ERROR, b'{"errorMessage":"m"}', "Runtime.ImportModuleError")]
    assert told(ask(each, "GET", f"{API}/invocation/next")) == (403, "InvalidStateTransition")
    with pytest.raises(RuntimeError):
        each.give(EVENT)


@pytest.mark.parametrize("claimed", ["", "x" * 300, "Runtime.Evil\r\nX", "no dot", "Runtime.\u00e9"])
def test_an_error_type_that_is_none_is_unknown(claimed: str) -> None:
    each = busy()
    ask(each, "POST", f"{API}/invocation/{ID}/error", b"{}", Lambda_Runtime_Function_Error_Type=claimed)
    assert each.drain() == [Done(Kind.ERROR, b"{}", "Runtime.Unknown")]


@pytest.mark.parametrize("size", [RESPONSE_LIMIT, RESPONSE_LIMIT + 1])
def test_a_response_over_the_limit_is_413_and_awss_error(size: int) -> None:
    each = busy()
    answer = ask(each, "POST", f"{API}/invocation/{ID}/response", b"x" * size)
    (done,) = each.drain()
    assert isinstance(answer, Answer)
    assert isinstance(done, Done)
    if size == RESPONSE_LIMIT:
        assert (answer.status, done.kind) == (202, Kind.RESPONSE)
    else:
        assert told(answer) == (413, "RequestEntityTooLarge")
        assert (done.kind, done.error_type) == (Kind.ERROR, "Function.ResponseSizeTooLarge")


def test_a_streamed_response_is_taken_whole() -> None:
    each = busy()
    ask(
        each,
        "POST",
        f"{API}/invocation/{ID}/response",
        b"x",
        Lambda_Runtime_Function_Response_Mode="streaming",
    )
    assert each.drain() == [Done(Kind.RESPONSE, b"x")]


def test_an_unknown_response_mode_is_refused() -> None:
    each = busy()
    answer = ask(
        each, "POST", f"{API}/invocation/{ID}/response", b"x", Lambda_Runtime_Function_Response_Mode="odd"
    )
    assert told(answer) == (400, "InvalidFunctionResponseMode")
    (done,) = each.drain()
    assert isinstance(done, Done)
    assert done.error_type == "Runtime.InvalidResponseModeHeader"


def test_a_poller_that_has_gone_may_come_back() -> None:
    each = machine()
    waiting = ask(each, "GET", f"{API}/invocation/next")
    assert isinstance(waiting, Wait)
    each.forget(waiting.ticket)
    assert not each.idle
    assert isinstance(ask(each, "GET", f"{API}/invocation/next"), Wait)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/2018-06-01/nothing", 404),
        ("GET", "/2015-03-31/functions", 404),
        ("POST", f"{API}/invocation/next", 405),
        ("GET", f"{API}/invocation/{ID}/response", 405),
        ("POST", f"{API}/invocation/{ID}/other", 404),
        ("GET", f"{API}/invocation/next/", 404),
        ("GET", "/2018-06-01/ping", 200),
        ("GET", f"{API}/restore/next", 200),
        ("GET", "/2018-06-01/ping?x=1", 200),
    ],
)
def test_unknown_paths_and_methods(method: str, path: str, status: int) -> None:
    answer = ask(machine(), method, path)
    assert isinstance(answer, Answer)
    assert answer.status == status


@pytest.mark.parametrize("field", ["ident", "trace", "arn", "client_context"])
def test_nothing_that_breaks_a_header_gets_into_one(field: str) -> None:
    each = machine()
    evil: dict[str, Any] = {field: "x\r\nLambda-Runtime-Aws-Request-Id: other"}
    with pytest.raises(ValueError):
        each.give(replace(EVENT, **evil))
    each.give(EVENT)


def test_a_client_context_of_any_script_is_written_in_ascii() -> None:
    each = machine()
    each.give(Invocation(ID, b"{}", 0, "arn", client_context='{"k": "ż\u2028"}'))
    answer = ask(each, "GET", f"{API}/invocation/next")
    assert isinstance(answer, Answer)
    assert json.loads(dict(answer.headers)["Lambda-Runtime-Client-Context"]) == {"k": "ż\u2028"}


def test_one_event_at_a_time() -> None:
    each = machine()
    each.give(EVENT)
    with pytest.raises(RuntimeError):
        each.give(EVENT)


# Every step in every state: what the table does not name is refused and changes nothing.

PATHS = {
    Step.NEXT: ("GET", f"{API}/invocation/next"),
    Step.RESPONSE: ("POST", f"{API}/invocation/{ID}/response"),
    Step.ERROR: ("POST", f"{API}/invocation/{ID}/error"),
    Step.INIT_ERROR: ("POST", f"{API}/init/error"),
    Step.RESTORE_NEXT: ("GET", f"{API}/restore/next"),
    Step.RESTORE_ERROR: ("POST", f"{API}/restore/error"),
}


@given(st.lists(st.sampled_from([*PATHS, Step.GIVE]), max_size=12))
def test_the_table_alone_decides_what_follows_what(steps: list[Step]) -> None:
    each = machine()
    ended = 0
    for step in steps:
        before, after = each.state, TABLE.get((each.state, step))
        if step is Step.GIVE:
            if before is State.READY:
                each.give(EVENT)
                assert each.state is State.RUNNING
            continue
        answer = ask(each, *PATHS[step], b"{}")
        each_done = [out for out in each.drain() if isinstance(out, Done)]
        if after is None:
            assert isinstance(answer, Answer)
            assert answer.status in {400, 403}
            assert each.state is before
            assert each_done == []
        else:
            assert each.state is TABLE.get((after, Step.SENT), after)  # what is whole is sent at once
            ended += len(each_done)
            finishing = {Step.RESPONSE, Step.ERROR, Step.INIT_ERROR, Step.RESTORE_ERROR}
            assert len(each_done) == (step in finishing)


# Responses in pieces

PIECES = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/html"}


def streaming(streams: bool = True) -> Machine:
    """A machine whose runtime has an event of a caller who takes pieces, or does not."""
    each = machine()
    each.give(replace(EVENT, streams=streams))
    ask(each, "GET", f"{API}/invocation/next")
    return each


def test_a_response_in_pieces_is_open_until_its_end() -> None:
    each = streaming()
    assert each.opens("POST", f"{API}/invocation/{ID}/response", PIECES) == Begun("text/html")
    assert each.piece(10) is None
    assert told(ask(each, "GET", f"{API}/invocation/next")) == (403, "InvalidStateTransition")
    with pytest.raises(RuntimeError):
        each.give(EVENT)
    assert each.closes({}).status == 202
    assert each.drain() == [Done(Kind.RESPONSE, b"")]
    assert isinstance(ask(each, "GET", f"{API}/invocation/next"), Wait)


def test_only_a_streamed_answer_to_who_takes_it_so_is_taken_in_pieces() -> None:
    path = f"{API}/invocation/{ID}/response"
    assert streaming(False).opens("POST", path, PIECES) is None
    assert streaming().opens("POST", path, {}) is None
    assert streaming().opens("POST", f"{API}/invocation/{ID}/error", PIECES) is None
    assert told(streaming().opens("POST", f"{API}/invocation/other/response", PIECES)) == (
        400,
        "InvalidRequestID",
    )
    twice = streaming()
    twice.opens("POST", path, PIECES)
    assert told(twice.opens("POST", path, PIECES)) == (403, "InvalidStateTransition")


def test_a_response_in_pieces_may_be_of_two_hundred_mebibytes() -> None:
    each = streaming()
    each.opens("POST", f"{API}/invocation/{ID}/response", PIECES)
    assert each.piece(200 << 20) is None
    assert told(each.piece(1)) == (413, "RequestEntityTooLarge")
    (done,) = each.drain()
    assert isinstance(done, Done)
    assert done.error_type == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(("body", "payload"), [("e30=", b"{}"), ("?", b""), ("", b"")])
def test_trailers_tell_of_an_error(body: str, payload: bytes) -> None:
    trailers = {"Lambda-Runtime-Function-Error-Type": "A.B", "Lambda-Runtime-Function-Error-Body": body}
    each, whole = streaming(), streaming(False)
    each.opens("POST", f"{API}/invocation/{ID}/response", PIECES)
    each.closes(trailers)
    whole.answer("POST", f"{API}/invocation/{ID}/response", PIECES, b"some", trailers)
    assert each.drain() == whole.drain() == [Done(Kind.ERROR, payload, "A.B")]


def test_pieces_that_break_off_are_an_error_once() -> None:
    each = streaming()
    each.opens("POST", f"{API}/invocation/{ID}/response", PIECES)
    each.breaks()
    each.breaks()
    assert [done.error_type for done in each.drain() if isinstance(done, Done)] == [
        "Runtime.TruncatedResponse"
    ]


# Extensions


def register(each: Machine, *events: str, name: str = "probe") -> str:
    answer = ask(
        each,
        "POST",
        "/2020-01-01/extension/register",
        json.dumps({"events": events}).encode(),
        Lambda_Extension_Name=name,
    )
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "functionName": "fn",
        "functionVersion": "$LATEST",
        "handler": "app.handler",
    }
    return dict(answer.headers)["Lambda-Extension-Identifier"]


def extension_next(each: Machine, ident: str) -> Answer | Wait:
    return ask(each, "GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=ident)


def test_an_extension_is_woken_by_events_and_waited_for() -> None:
    each = machine("probe")
    ident = register(each, "INVOKE", "SHUTDOWN")
    runtime = ask(each, "GET", f"{API}/invocation/next")
    assert not each.idle
    waiting = extension_next(each, ident)
    assert each.idle
    each.give(EVENT)
    assert isinstance(waiting, Wait)
    assert isinstance(runtime, Wait)
    replies = {out.ticket: out.answer for out in each.drain() if isinstance(out, Reply)}
    event = json.loads(replies[waiting.ticket].body)
    assert event == {
        "eventType": "INVOKE",
        "deadlineMs": 1700000000500,
        "requestId": ID,
        "invokedFunctionArn": EVENT.arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"},
    }
    ask(each, "POST", f"{API}/invocation/{ID}/response", b"1")
    ask(each, "GET", f"{API}/invocation/next")
    assert not each.idle
    extension_next(each, ident)
    assert each.idle


def test_an_extension_is_told_of_the_end() -> None:
    assert not machine().shut("spindown", 5.0)
    each = machine("probe")
    ident = register(each, "SHUTDOWN")
    extension_next(each, ident)
    assert each.shut("spindown", 5.0)
    (reply,) = each.drain()
    assert isinstance(reply, Reply)
    assert json.loads(reply.answer.body) == {
        "eventType": "SHUTDOWN",
        "shutdownReason": "spindown",
        "deadlineMs": 5000,
    }


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("", b'{"events":[]}', "Extension.InvalidExtensionName"),
        ("x" * 256, b'{"events":[]}', "Extension.InvalidExtensionName"),
        ("x", b'{"events":["OTHER"]}', "Extension.InvalidEventType"),
        ("x", b"{", "InvalidRequestFormat"),
        ("x", b"[]", "InvalidRequestFormat"),
        ("x", b'{"events":[[]]}', "InvalidRequestFormat"),
        ("x", b"[" * 100_000, "InvalidRequestFormat"),
    ],
)
def test_a_registration_that_cannot_be_is_refused(name: str, body: bytes, error: str) -> None:
    answer = ask(machine(), "POST", "/2020-01-01/extension/register", body, Lambda_Extension_Name=name)
    assert told(answer) == (403, error)


def test_registration_closes_with_init_and_with_ten() -> None:
    each = machine()
    for number in range(10):
        register(each, name=f"probe-{number}")
    answer = ask(each, "POST", "/2020-01-01/extension/register", b"{}", Lambda_Extension_Name="x")
    assert told(answer) == (403, "Extension.TooManyExtensions")
    each = busy()
    answer = ask(each, "POST", "/2020-01-01/extension/register", b"{}", Lambda_Extension_Name="x")
    assert told(answer) == (403, "Extension.RegistrationClosed")


def test_an_extension_nobody_registered_is_refused() -> None:
    assert told(extension_next(machine(), "")) == (403, "Extension.MissingExtensionIdentifier")
    assert told(extension_next(machine(), "other")) == (403, "Extension.InvalidExtensionIdentifier")
    another = "00000000-0000-0000-0000-999999999999"
    assert told(extension_next(machine(), another)) == (403, "Extension.UnknownExtensionIdentifier")


ERROR = "Lambda_Extension_Function_Error_Type"


@pytest.mark.parametrize(
    ("what", "fatal"), [("init/error", "Extension.InitError"), ("exit/error", "Extension.ExitError")]
)
def test_an_error_that_an_extension_tells_of_is_the_environments(what: str, fatal: str) -> None:
    for external in ((), ("probe",)):
        each = machine(*external)
        path, who = f"/2020-01-01/extension/{what}", {"Lambda_Extension_Identifier": register(each)}
        assert told(ask(each, "POST", path, **who)) == (403, "Extension.MissingHeader")
        assert getattr(ask(each, "POST", path, **who, **{ERROR: "Mine.Own"}), "status", 0) == 202
        ask(each, "GET", f"{API}/invocation/next")
        assert (each.idle, each.fatal) == (False, fatal)
        assert [due.error_type for due in each.drain() if isinstance(due, Crashed)] == (
            [] if external else [fatal]
        )
        (state,) = each.begun()
        assert dict(state.record)["errorType"] == "Mine.Own"  # type: ignore[arg-type]  # a record of the platform is no line


def test_an_extension_that_ends_takes_the_environment_along_unless_that_ends() -> None:
    def ended(each: Machine, status: str) -> list[Crashed]:
        ask(each, "POST", f"/valve/extensions/exited?name=probe&status={status}")
        return [due for due in each.drain() if isinstance(due, Crashed)]

    assert ended(machine("probe"), "1") == [Crashed("Extension.Crash", "exit status 1")]
    assert ended(machine("probe"), "0") == [Crashed("Extension.Crash", "exit code 0")]
    assert ended(machine("probe"), "-9") == [Crashed("Extension.Crash", "signal: killed")]
    assert ended(machine("probe"), "launch:no") == [Crashed("Extension.LaunchError", "no")]
    assert ended(machine("other"), "1") == []
    each = machine("probe")
    register(each, "SHUTDOWN")
    each.shut("spindown", 5.0)
    assert not each.gone
    assert ended(each, "0") == []
    assert each.gone


def test_the_launcher_waits_for_registrations_and_for_the_end() -> None:
    each = machine("one", "two")
    waits = {what: ask(each, "GET", f"/valve/extensions/{what}") for what in ("registered", "shutdown")}
    register(each, name="one")
    assert each.drain() == []
    register(each, name="two")
    assert [due.ticket for due in each.drain() if isinstance(due, Reply)] == [waits["registered"].ticket]  # type: ignore[union-attr]  # what else it may be fails here
    each.shut("spindown", 5.0)
    assert [due.ticket for due in each.drain() if isinstance(due, Reply)] == [waits["shutdown"].ticket]  # type: ignore[union-attr]  # what else it may be fails here


def test_what_was_launched_registers_once_and_what_was_not_hears_of_no_end() -> None:
    each = machine("probe")
    register(each)
    path = "/2020-01-01/extension/register"
    again = ask(each, "POST", path, b"{}", Lambda_Extension_Name="probe")
    assert told(again) == (403, "Extension.InvalidExtensionState")
    inner = ask(each, "POST", path, b'{"events":["SHUTDOWN"]}', Lambda_Extension_Name="inner")
    assert told(inner) == (403, "Extension.InvalidEventType")
    register(each, name="inner")
    twice = ask(each, "POST", path, b"{}", Lambda_Extension_Name="inner")
    assert told(twice) == (403, "Extension.InvalidExtensionState")


def test_the_account_is_told_to_who_asks_for_it() -> None:
    features = {"Lambda_Extension_Name": "x", "Lambda_Extension_Accept_Feature": "other, accountId"}
    answer = ask(machine(), "POST", "/2020-01-01/extension/register", b"{}", **features)
    assert isinstance(answer, Answer)
    assert json.loads(answer.body)["accountId"] == "1"


# Subscriptions

TO = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/take"}


def subscribe(each: Machine, ident: str, path: str, **asked: object) -> Answer:
    body = {"destination": TO, "types": ["platform"]} | asked
    answer = ask(each, "PUT", path, json.dumps(body).encode(), Lambda_Extension_Identifier=ident)
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(
    ("path", "api"), [("/2022-07-01/telemetry", "Telemetry"), ("/2020-08-15/logs", "Logs")]
)
def test_who_has_registered_may_listen_by_one_api_until_the_init_ends(path: str, api: str) -> None:
    each = machine()
    ident = register(each)
    assert told(subscribe(each, "other", path))[0] == 403
    assert subscribe(each, ident, path).body == b'"OK"'
    listener, event = each.drain()
    assert (listener.port, listener.path, listener.api) == (4243, "/take", api)  # type: ignore[union-attr]  # what else it may be fails here
    assert isinstance(event, Told)
    assert dict(event.record)["types"] == ["platform"]  # type: ignore[arg-type]  # a record of the platform is no line
    other = {"Telemetry": "/2020-08-15/logs", "Logs": "/2022-07-01/telemetry"}[api]
    assert subscribe(each, ident, other).status == 403
    each.begun()
    assert told(subscribe(each, ident, path)) == (403, f"{api}.SubscriptionClosed")


@pytest.mark.parametrize(
    "asked",
    [
        {"destination": {"protocol": "HTTP", "URI": "http://example.org:4243"}},
        {"destination": {"protocol": "HTTP", "URI": "http://127.0.0.1:4243"}},
        {"destination": {"protocol": "HTTP", "URI": "https://sandbox:4243"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:99999"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:4243/a b"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox"}},
        {"destination": {"protocol": "TCP", "port": 9001}},
        {"destination": {"protocol": "TCP", "port": True}},
        {"destination": {"protocol": "UDP", "port": 4243}},
        {"destination": None},
        {"types": []},
        {"types": ["all"]},
        {"schemaVersion": "2019-01-01"},
        {"buffering": {"maxItems": 1}},
        {"buffering": {"timeoutMs": 1e9}},
    ],
)
def test_a_subscription_that_cannot_be_is_refused(asked: dict[str, object]) -> None:
    each = machine()
    ident = register(each)
    assert told(subscribe(each, ident, "/2022-07-01/telemetry", **asked)) == (400, "ValidationError")
    assert each.drain() == []
