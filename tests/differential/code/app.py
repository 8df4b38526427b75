"""Functions whose answers are compared. Knows Lambda's interface alone, and not which of the two runs it."""

import asyncio
import contextvars
import ctypes
import datetime
import decimal
import enum
import functools
import http.client
import os
import signal
import sys
import threading
import time
import uuid

CALLS = []


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Known(Exception):
    """An error of the function's own."""


class Silent(Exception):
    def __str__(self):
        raise ValueError("an error has no words")


class Named(Exception):
    def __init__(self, code, detail):
        super().__init__(code, detail)


class Text(str):
    pass


class Plain:
    def __repr__(self):
        return "<plain>"


def echo(event, context):
    return event


def seen(event, context):
    """What Python made of the event, in its own spelling."""
    return f"{type(event).__name__} {event!r}"[:2000]


def handler(event, context):
    CALLS.append(event["do"])
    return DEEDS[event["do"]](event, context)


def circular():
    ring = []
    ring.append(ring)
    return ring


def deep(levels):
    found = None
    for _ in range(levels):
        found = [found]
    return found


RESULTS = {
    "none": lambda: None,
    "true": lambda: True,
    "text": lambda: "text",
    "empty text": lambda: "",
    "unicode": lambda: "ä € 😀 \u2028 \x00 \x7f",
    "lone surrogate": lambda: "\ud83d",
    "a text of a class of its own": lambda: Text("mine"),
    "integer": lambda: 7,
    "big integer": lambda: 2**70,
    "float": lambda: 0.1 + 0.2,
    "float without a fraction": lambda: 3.0,
    "small float": lambda: 5e-324,
    "great float": lambda: 1.7976931348623157e308,
    "negative zero": lambda: -0.0,
    "not a number": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "decimal": lambda: decimal.Decimal("1.10"),
    "great decimal": lambda: decimal.Decimal("1E+2"),
    "decimal that is no number": lambda: decimal.Decimal("NaN"),
    "list": lambda: [1, "two", None],
    "tuple": lambda: (1, 2),
    "named keys": lambda: {"b": 1, "a": {"c": []}},
    "keys of other kinds": lambda: {1: "one", None: "none", False: "no", 1.5: "float"},
    "two keys that become one": lambda: {1: "number", "1": "text"},
    "a key that is a tuple": lambda: {(1, 2): 3},
    "integer of an enumeration": lambda: Number.ONE,
    "member of an enumeration": lambda: Colour.RED,
    "bytes": lambda: b"bytes",
    "set": lambda: {1},
    "moment": lambda: datetime.datetime(2026, 1, 2),
    "unique identifier": lambda: uuid.UUID(int=0),
    "object": Plain,
    "class": lambda: Plain,
    "generator": lambda: (n for n in range(2)),
    "map": lambda: map(str, [1]),
    "range": lambda: range(3),
    "memoryview": lambda: memoryview(b"x"),
    "exception": lambda: ValueError("returned, not raised"),
    "circle": circular,
    "deep list": lambda: deep(80),
    "deeper than Python goes": lambda: deep(200_000),
    "response of a gateway": lambda: {
        "statusCode": 200,
        "headers": {"Content-Type": "text/html; charset=utf-8"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": "<p>ä</p>",
        "isBase64Encoded": False,
    },
    "failed items of a batch": lambda: {"batchItemFailures": [{"itemIdentifier": "1"}]},
}


def result(event, context):
    return RESULTS[event["of"]]()


def grouped():
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])


def chained():
    try:
        int("x")
    except ValueError as error:
        raise Known("the second") from error


def suppressed():
    try:
        int("x")
    except ValueError:
        raise Known("alone") from None


def noted():
    error = Known("with notes")
    error.add_note("a note")
    raise error


def throw(error):
    raise error


def recursion():
    return recursion()


def named_module_missing():
    import no_such_module_anywhere

    return no_such_module_anywhere


def compiled():
    exec(compile("def broken(:", "made.py", "exec"))


def evaluated():
    return eval("1 / zero", {"zero": 0})


def asserted():
    assert [] == [1], {"left": []}


ERRORS = {
    "own class": lambda: throw(Known("mine")),
    "no words": lambda: throw(Known()),
    "several arguments": lambda: throw(Named("E1", {"detail": True})),
    "whose text raises": lambda: throw(Silent()),
    "unicode": lambda: throw(Known("ä € 😀")),
    "lone surrogate": lambda: throw(Known("\udc80")),
    "lines": lambda: throw(Known("one\ntwo\ttabs\r\nthree")),
    "quotes": lambda: throw(Known('"double" \\ \'single\'')),
    "long": lambda: throw(Known("x" * 100_000)),
    "bytes for words": lambda: throw(Known(b"\xff")),
    "chained": chained,
    "suppressed": suppressed,
    "noted": noted,
    "grouped": grouped,
    "key": lambda: {}["missing"],
    "index": lambda: [][1],
    "division": lambda: 1 / 0,
    "attribute": lambda: None.missing,
    "type": lambda: "1" + 1,
    "name": lambda: no_such_name,  # noqa: F821  it is not there
    "decoding": lambda: b"\xff".decode(),
    "encoding": lambda: "ä".encode("ascii"),
    "operating system": lambda: open("/no/such/file"),
    "assertion": asserted,
    "import": named_module_missing,
    "syntax": compiled,
    "evaluated": evaluated,
    "recursion": recursion,
    "stop iteration": lambda: throw(StopIteration("done")),
    "memory": lambda: throw(MemoryError()),
    "not implemented": lambda: throw(NotImplementedError("later")),
    "time out of one's own": lambda: throw(TimeoutError("mine")),
    "what is no exception": lambda: throw("text"),
}


def error(event, context):
    return ERRORS[event["of"]]()


def about(event, context):
    """What the context says, but for what changes from one invocation to the next."""
    identity = context.identity
    return {
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "log_group_name": context.log_group_name,
        "identity": identity and [identity.cognito_identity_id, identity.cognito_identity_pool_id],
        "tenant_id": getattr(context, "tenant_id", "no such attribute"),
        "request id": len(context.aws_request_id),
        "log_stream_name": bool(context.log_stream_name),
        "remaining": 0 < context.get_remaining_time_in_millis() <= 30_000,
        "attributes": sorted(name for name in dir(context) if not name.startswith("_")),
    }


def client(event, context):
    told = context.client_context
    if told is None:
        return None
    app = told.client
    return {
        "custom": told.custom,
        "env": told.env,
        "client": app and [app.installation_id, app.app_title, app.app_version_name, app.app_package_name],
    }


def variables(event, context):
    return {name: os.environ.get(name) for name in event["names"]}


def around(event, context):
    return {
        "cwd": os.getcwd(),
        "file": __file__,
        "name": __name__,
        "handler": os.environ["_HANDLER"],
        "thread": threading.current_thread() is threading.main_thread(),
        "signals": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "version": list(sys.version_info[:2]),
        "recursion": sys.getrecursionlimit(),
        "encodings": [sys.getdefaultencoding(), sys.getfilesystemencoding()],
    }


def ask(event, context):
    """Say what the Runtime API answers to requests made beside the runtime's own."""
    answers = []
    headers_of_before = {}
    for method, path, headers, body in event["requests"]:
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
        path = path.replace("{id}", context.aws_request_id)
        named = {name: headers_of_before.get(value, value) for name, value in headers.items()}
        connection.request(method, path, body.encode(), named)
        answer = connection.getresponse()
        text = answer.read().decode()
        headers_of_before = {f"{{{name.lower()}}}": value for name, value in answer.getheaders()}
        answers.append([answer.status, answer.getheader("content-type"), text])
        connection.close()
    return answers


def sized(event, context):
    """A result of exactly so many bytes, its two quotes included."""
    return "x" * (event["bytes"] - 2)


def count(event, context):
    return len(CALLS)


def write(event, context):
    print("to standard output", flush=True)
    print("to standard error", file=sys.stderr, flush=True)
    os.write(1, b"without a line's end")
    os.write(2, b"\xff\xfe not text\n")
    sys.stdout.write('{"looks": "like a result"}\n')
    return "written"


def go_on(event, context):
    thread = threading.Thread(target=time.sleep, args=(0.05,), daemon=True)
    thread.start()
    return "the thread goes on"


def child(event, context):
    return os.waitstatus_to_exitcode(os.spawnvp(os.P_WAIT, "sh", ["sh", "-c", "exit 3"]) << 8)


def loop(event, context):
    async def work():
        await asyncio.sleep(0)
        return "awaited"

    return asyncio.run(work())


def leave(event, context):
    var = contextvars.ContextVar("var", default="unset")
    before = var.get()
    var.set("set")
    return before


def end(event, context):
    how = event["how"]
    if how == "exit":
        os._exit(event["status"])
    if how == "sys.exit":
        sys.exit(event["status"])
    if how == "signal":
        os.kill(os.getpid(), event["status"])
        time.sleep(1)
    if how == "segmentation fault":
        ctypes.string_at(0)
    if how == "interrupt":
        raise KeyboardInterrupt("no more")
    if how == "base exception":
        raise BaseException("the base of all")
    if how == "generator exit":
        raise GeneratorExit
    return "went on"


def sleep(event, context):
    time.sleep(event["seconds"])
    return "slept"


DEEDS = {
    deed.__name__: deed
    for deed in (
        result,
        error,
        about,
        client,
        variables,
        around,
        ask,
        sized,
        count,
        write,
        go_on,
        child,
        loop,
        leave,
        end,
        sleep,
    )
}


async def asynchronous(event, context):
    return "nobody awaits this"


def generating(event, context):
    yield 1


def without_arguments():
    return "never called"


def one_argument(event):
    return "never called"


def three_arguments(event, context, third):
    return "never called"


def defaults(event, context, third="third"):
    return third


def any_arguments(*args, **kwargs):
    return [len(args), len(kwargs)]


def keywords_only(*, event, context):
    return "never called"


class Callable:
    def __call__(self, event, context):
        return ["called", event]

    def method(self, event, context):
        return ["method", event]

    @staticmethod
    def static(event, context):
        return ["static", event]


def wrapped(function):
    @functools.wraps(function)
    def inner(event, context):
        try:
            return function({"wrapped": event}, context)
        finally:
            CALLS.append("wrapped")

    return inner


def shaped(event, context):
    """Call a handler of another shape as awslambdaric would."""
    handler = globals()[event["shape"]]
    return handler(event, context)


decorated = wrapped(lambda event, context: event)
instance = Callable()
bound = instance.method
partial = functools.partial(any_arguments, extra=1)
lambda_ = lambda event, context: ["lambda", event]  # noqa: E731  a handler may be one
not_callable = "text"
none = None
