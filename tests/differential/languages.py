"""The cases of Node, and of functions that bring a runtime of their own.

Knows what is sent. Does not know what comes back: neither side's answer is written down here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.differential.cases import CLIENT, EVENTS, Case, Tried, context_of, one, told

SCRIPT = (Path(__file__).parent / "code" / "script.cjs").read_text()
BOOTSTRAP = (Path(__file__).parent / "code" / "bootstrap").read_text()
NODE_HANDLER = "script.handler"


def of(table: str) -> tuple[str, ...]:
    """Return the names of the entries of a table of the script."""
    block = SCRIPT.split(f"const {table} = {{\n")[1].split("\n};")[0]
    return tuple(
        quoted or plain for quoted, plain in re.findall(r'^  (?:"([^"]+)"|(\w+))[:,]', block, re.MULTILINE)
    )


READ = tuple(case for case in EVENTS if case.name != "deeper than Python reads")
NODE = (
    Tried("Node: events, given back", READ, "script.echo", "node"),
    Tried(
        "Node: results", tuple(told(each, "result", of=each) for each in of("results")), NODE_HANDLER, "node"
    ),
    Tried("Node: errors", tuple(told(each, "error", of=each) for each in of("errors")), NODE_HANDLER, "node"),
    Tried(
        "Node: context",
        (
            told("what the context says", "about"),
            told("client context", "about", context_of(json.dumps(CLIENT))),
            told("empty client context", "about", context_of("{}")),
            told("tenant", "about", {"X-Amz-Tenant-Id": "tenant-1"}),
            told("where it runs", "around"),
        ),
        NODE_HANDLER,
        "node",
    ),
    Tried(
        "Node: an environment that stays",
        (
            told("first", "count"),
            told("after an error", "error", of="own class"),
            told("second", "count"),
            told("what is written is no result", "write"),
            told("what comes later", "later"),
            told("what is left behind", "left behind"),
            told("what was left behind", "later"),
            told("last", "count"),
            told("a response of the greatest size", "sized", bytes=6 * 1024 * 1024 + 100),
            told("a response of one byte more", "sized", bytes=6 * 1024 * 1024 + 101),
            told("what follows", "count"),
        ),
        NODE_HANDLER,
        "node",
    ),
    Tried(
        "Node: responses in pieces",
        tuple(Case(each, json.dumps({"of": each}).encode()) for each in of("streams")),
        "script.streamed",
        "node",
    ),
    Tried(
        "Node: times",
        (told("not in time", "sleep", seconds=30), told("what follows", "count")),
        NODE_HANDLER,
        "node",
        timeout=1,
        starts=True,
    ),
    Tried(
        "Node: ends",
        tuple(
            Case(f"{how} {status}".strip(), json.dumps({"how": how, "status": status}).encode())
            for how, status in (
                ("exit", 0),
                ("exit", 3),
                ("code", 5),
                ("signal", "SIGKILL"),
                ("signal", "SIGTERM"),
                ("abort", ""),
                ("uncaught", ""),
                ("unhandled", ""),
                ("never", ""),
                ("not at all", ""),
            )
        ),
        "script.ends",
        "node",
        starts=True,
    ),
    Tried(
        "Node: shapes of handlers",
        tuple(
            Case(shape, json.dumps({"shape": shape}).encode())
            for shape in (
                "called calledLater calledWithError calledWithText calledWithNothing calledTwice "
                "returned neverCalls succeeds fails done throwsAtOnce promised rejected thenable generator "
                "notAFunction Class noSuchName calledAtOnce"
            ).split()
        ),
        "script.shaped",
        "node",
    ),
    *(
        one(f"script.{handler}", language="node")
        for handler in ("notAFunction", "nested.deep.handler", "noSuchName")
    ),
    *(
        one(handler, language="node")
        for handler in ("module.handler", "module.default", "no_such_file.handler")
    ),
    *(one(handler, language="node") for handler in ("nodot", "../outside.handler", "package/none.handler")),
    *(
        one(f"{module}.handler", language="node")
        for module in (
            "js_syntax js_import js_throws js_throws_text js_exits js_empty js_slow mjs_syntax mjs_import "
            "mjs_name mjs_throws"
        ).split()
    ),
)
"""What runs under AWS's client for Node."""

OWN = (
    Tried(
        "own: answers",
        tuple(
            Case(each, json.dumps({"do": each, "ä": [1, "€"]}, ensure_ascii=False).encode())
            for each in (
                "echo plain nothing bytes chunked error error-without-type error-without-json "
                "error-of-odd-type twice error-then-response another headers"
            ).split()
        ),
        "by-event",
        "own",
    ),
    Tried(
        "own: requests before the first event",
        tuple(
            Case(each, json.dumps({"of": each}).encode())
            for each in re.findall(r"^    (?:ask|register) ([a-z-]+) ", BOOTSTRAP, re.MULTILINE)
        ),
        "asks-first",
        "own",
    ),
    one("mode", name="own: mode", language="own", timeout=1),
    *(
        one(handler, times=2, name=f"own: {handler}", language="own")
        for handler in "exits exits-after exits-well-after init-error init-error-without-words".split()
    ),
)
"""What a function's own bootstrap sends."""
