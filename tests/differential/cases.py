"""The cases: functions, and the events that each is given in order, on AWS's emulator and on ours.

Knows what is sent. Does not know what comes back: neither side's answer is written down here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.differential.code import app


@dataclass(frozen=True, slots=True)
class Case:
    """One event, with the headers that its Invoke request has."""

    name: str
    event: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """One function and its cases. They share an environment for as long as it lives."""

    name: str
    cases: tuple[Case, ...]
    handler: str = "app.handler"
    language: str = "python"
    """`python`, `node`, or `own`: a bootstrap."""
    timeout: int = 30
    memory: int = 256
    variables: Mapping[str, str] = field(default_factory=dict)
    starts: bool = False
    """What is compared is its start, or its end: it takes a process for nearly every case."""


def told(name: str, do: str, headers: Mapping[str, str] | None = None, **more: Any) -> Case:
    """Return a case whose event says what is to be done."""
    return Case(name, json.dumps({"do": do, **more}).encode(), headers or {})


def one(handler: str, event: str = "{}", times: int = 1, name: str = "", **more: Any) -> Tried:
    """Return a function with the same event once or more: what follows a failed start is its own case."""
    cases = tuple(Case(f"event {n + 1}" if times > 1 else "event", event.encode()) for n in range(times))
    return Tried(name or handler or "no handler", cases, handler, starts=True, **more)


def texts(events: Iterable[tuple[str, str]]) -> tuple[Case, ...]:
    """Return cases whose events are spelled out."""
    return tuple(Case(name, text.encode()) for name, text in events)


EVENTS = texts(
    (
        ("object", '{"a": 1}'),
        ("empty object", "{}"),
        ("list", '[1, "two", null]'),
        ("text", '"text"'),
        ("null", "null"),
        ("true", "true"),
        ("integer", "42"),
        ("integer beyond 2^53", "9007199254740993"),
        ("integer beyond 64 bits", "123456789012345678901234567890"),
        ("negative zero", "-0"),
        ("negative zero with a fraction", "-0.0"),
        ("fraction", "1.10"),
        ("many digits", "0.1000000000000000055511151231257827"),
        ("exponent", "1e3"),
        ("exponent beyond what a float holds", "1e400"),
        ("exponent below what a float holds", "1e-400"),
        ("escapes", r'"\"\\\/\b\f\n\r\t"'),
        ("escaped letters", r'"\u00e4\u20AC"'),
        ("pair of surrogates", r'"\ud83d\ude00"'),
        ("lone surrogate", r'"\ud83d"'),
        ("surrogates the wrong way round", r'"\ude00\ud83d"'),
        ("letters as they are", '"ä € 😀"'),
        ("zero byte", r'"\u0000"'),
        ("separators of lines", '"\u2028\u2029"'),
        ("what HTML would escape", "\"<a href='x'>&</a>\""),
        ("same key twice", '{"a": 1, "a": 2}'),
        ("empty key", '{"": 1}'),
        ("keys in no order", '{"b": 1, "a": 2, "c": 3}'),
        ("blanks", ' \t\r\n{ "a" :\n[ 1 ,2 ] }\r\n '),
        ("deep", "[" * 100 + "]" * 100),
        ("deeper than Python reads", "[" * 100_000 + "]" * 100_000),
        ("long text", '"' + "x" * 300_000 + '"'),
        ("many keys", json.dumps({f"k{n}": n for n in range(2000)})),
        ("names that JavaScript knows", '{"__proto__": 1, "constructor": 2}'),
        ("shape of an error", '{"errorMessage": "no error", "errorType": "None"}'),
        (
            "shape of a queue's records",
            '{"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]}',
        ),
        ("shape of a gateway's request", '{"version": "2.0", "rawPath": "/ä", "isBase64Encoded": false}'),
    )
)

BROKEN = (
    Case("no body", b""),
    Case("no JSON", b"{broken"),
    Case("two values", b"1 2"),
    Case("not a number", b"NaN"),
    Case("infinity", b"-Infinity"),
    Case("single quotes", b"{'a': 1}"),
    Case("comma at the end", b"[1,]"),
    Case("bytes that are no UTF-8", b'"\xff"'),
    Case("byte order mark", b'\xef\xbb\xbf{"a": 1}'),
    Case("UTF-16", '{"a": 1}'.encode("utf-16")),
    Case("blanks alone", b"   "),
    Case("a letter of control within a text", b'"\x01"'),
)
"""What is no JSON, in the eyes of one or the other."""

CLIENT = {
    "custom": {"a": "ä", "n": 1},
    "env": {"locale": "de"},
    "client": {"installation_id": "i", "app_title": "t", "app_version_name": "v", "app_package_name": "p"},
}


def context_of(content: str) -> dict[str, str]:
    """Return the header that carries a client context."""
    return {"X-Amz-Client-Context": base64.b64encode(content.encode()).decode()}


CONTEXT = (
    told("what the context says", "about"),
    told("no client context", "client"),
    told("client context", "client", context_of(json.dumps(CLIENT))),
    told("client context in letters as they are", "client", context_of('{"custom": {"a": "ä"}}')),
    told("empty client context", "client", context_of("{}")),
    told("client context of one part", "client", context_of('{"custom": {}}')),
    told("tenant", "about", {"X-Amz-Tenant-Id": "tenant-1"}),
    told("where it runs", "around"),
    told(
        "variables",
        "variables",
        names=(
            "AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_REGION "
            "AWS_DEFAULT_REGION LAMBDA_TASK_ROOT _HANDLER AWS_LAMBDA_INITIALIZATION_TYPE CHOSEN EMPTY "
            "UNICODE NO_SUCH_VARIABLE"
        ).split(),
    ),
)

API, EXTENSION = "/2018-06-01/runtime", "/2020-01-01/extension"
NAMED = {"Lambda-Extension-Name": "inner"}
KNOWN = {"Lambda-Extension-Identifier": "{lambda-extension-identifier}"}
UNKNOWN = {"Lambda-Extension-Identifier": "00000000-0000-0000-0000-000000000000"}
JSON = {"Content-Type": "application/json"}
REQUESTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("unknown path", ("GET", "/no/such/path", {}, "")),
    ("unknown version", ("GET", "/2015-01-01/runtime/invocation/next", {}, "")),
    ("root", ("GET", "/", {}, "")),
    ("path with a slash more", ("GET", f"{API}/invocation/next/", {}, "")),
    ("next with another method", ("POST", f"{API}/invocation/next", {}, "")),
    ("response with another method", ("GET", f"{API}/invocation/{{id}}/response", {}, "")),
    ("response to another event", ("POST", f"{API}/invocation/not-this-one/response", {}, "{}")),
    ("error of another event", ("POST", f"{API}/invocation/not-this-one/error", JSON, "{}")),
    ("error of the start, after it", ("POST", f"{API}/init/error", JSON, "{}")),
    ("restored, after the start", ("GET", f"{API}/restore/next", {}, "")),
    ("error of restoring, after it", ("POST", f"{API}/restore/error", JSON, "{}")),
    ("next while at work", ("GET", f"{API}/invocation/next", {}, "")),
    ("registration, after the start", ("POST", f"{EXTENSION}/register", NAMED, '{"events": ["INVOKE"]}')),
    ("registration without a name", ("POST", f"{EXTENSION}/register", {}, '{"events": ["INVOKE"]}')),
    ("registration with another method", ("GET", f"{EXTENSION}/register", NAMED, "")),
    ("event of an extension without a name", ("GET", f"{EXTENSION}/event/next", {}, "")),
    ("event of an unknown extension", ("GET", f"{EXTENSION}/event/next", UNKNOWN, "")),
    (
        "event of an extension with no identifier",
        ("GET", f"{EXTENSION}/event/next", {**UNKNOWN, "Lambda-Extension-Identifier": "x"}, ""),
    ),
    ("error of the start of an unknown extension", ("POST", f"{EXTENSION}/init/error", UNKNOWN, "{}")),
    ("error at the end of an unknown extension", ("POST", f"{EXTENSION}/exit/error", UNKNOWN, "{}")),
)
"""Requests to the Runtime API beside the runtime's own, one each, made while an event is at work."""

PYTHON = (
    Tried("events, given back", EVENTS, "app.echo"),
    Tried("events, as Python sees them", EVENTS, "app.seen"),
    Tried("events that are no JSON", BROKEN, "app.seen"),
    Tried("results", tuple(told(of, "result", of=of) for of in app.RESULTS)),
    Tried("errors", tuple(told(of, "error", of=of) for of in app.ERRORS)),
    Tried("context", CONTEXT, variables={"CHOSEN": "mine", "EMPTY": "", "UNICODE": "ä €"}),
    Tried("requests to the runtime's API", tuple(told(name, "ask", requests=[r]) for name, r in REQUESTS)),
    Tried(
        "an answer given twice",
        (
            told(
                "by the function first",
                "ask",
                requests=[("POST", f"{API}/invocation/{{id}}/response", JSON, '"first"')],
            ),
            told("what follows", "count"),
            told(
                "an error first",
                "ask",
                requests=[("POST", f"{API}/invocation/{{id}}/error", JSON, '{"errorType": "Mine"}')],
            ),
            told("what follows that", "count"),
        ),
    ),
    Tried(
        "an environment that stays",
        (
            told("first", "count"),
            told("second", "count"),
            told("after an error", "error", of="own class"),
            told("third", "count"),
            told("what is written is no result", "write"),
            told("a thread goes on", "go_on"),
            told("a child", "child"),
            told("a loop", "loop"),
            told("a variable of the context", "leave"),
            told("a variable of the context, again", "leave"),
            told("last", "count"),
        ),
    ),
    Tried(
        "sizes",
        (
            told("a response of the greatest size", "sized", bytes=6 * 1024 * 1024 + 100),
            told("a response of one byte more", "sized", bytes=6 * 1024 * 1024 + 101),
            told("what follows", "count"),
            Case("an event of the greatest size", b'{"do": "count"' + b" " * (6 * 1024 * 1024 - 15) + b"}"),
            Case("an event of one byte more", b'{"do": "count"' + b" " * (6 * 1024 * 1024 - 14) + b"}"),
        ),
    ),
    Tried(
        "ends",
        tuple(
            case
            for name, how, status in (
                ("exit with 0", "exit", 0),
                ("exit with 3", "exit", 3),
                ("sys.exit()", "sys.exit", None),
                ("sys.exit(2)", "sys.exit", 2),
                ("sys.exit with a text", "sys.exit", "a text"),
                ("killed", "signal", 9),
                ("terminated", "signal", 15),
                ("aborted", "signal", 6),
                ("a user's signal", "signal", 10),
                ("segmentation fault", "segmentation fault", 0),
                ("interrupt", "interrupt", 0),
                ("base exception", "base exception", 0),
                ("generator exit", "generator exit", 0),
            )
            for case in (told(name, "end", how=how, status=status), told(f"{name}, then another", "count"))
        ),
        starts=True,
    ),
    Tried(
        "times",
        (
            told("in time", "sleep", seconds=0.2),
            told("not in time", "sleep", seconds=30),
            told("what follows", "count"),
        ),
        timeout=1,
    ),
    Tried(
        "shapes of handlers",
        tuple(
            Case(shape, json.dumps({"shape": shape}).encode())
            for shape in (
                "asynchronous generating without_arguments one_argument three_arguments defaults "
                "any_arguments keywords_only Callable decorated instance bound partial lambda_ not_callable "
                "none no_such_name"
            ).split()
        ),
        "app.shaped",
    ),
    *(one(f"app.{handler}") for handler in ("no_such_name", "Callable.static")),
    *(
        one(handler)
        for handler in ("no_such_module.handler", "handler", "", ".handler", "app.", "app..handler")
    ),
    *(
        one(handler)
        for handler in ("package/inner.handler", "package.inner.handler", "./app.echo", "package.handler")
    ),
    *(
        one(f"{module}.handler", times=2 if module in {"bad_import", "raises", "exits"} else 1)
        for module in (
            "bad_syntax bad_indent bad_import bad_name raises raises_own exits exits_well exits_at_once "
            "killed interrupted recursive empty prints slow circle_one"
        ).split()
    ),
)
"""What runs under awslambdaric."""
