"""Says in a header of each request which line of source made it; makes a refusal the `ClientError` users
expect; spares botocore TLS on its way to the valve.

The header `x-valve-source: file:line` is added after signing, so no signature covers it. The valve shows it
to people, strips it and believes none of it. Costs one look-up an import until botocore's clients or
`http.client`, which all clients of Python stand on, are imported, if ever.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # Why not typing's own: importing it would cost more than all the rest here.
    from types import FrameType
    from typing import Any

SOURCE = "x-valve-source"
REFUSED = "x-valve-refused"
LONGEST = 256
DEEPEST = 200

BETWEEN = frozenset(
    (
        "aioboto3",
        "aiobotocore",
        "boto3",
        "botocore",
        "s3transfer",
        "urllib3",
        "urllib",
        "http",
        "requests",
        "asyncio",
        "concurrent",
        "contextlib",
        "functools",
        "threading",
        "_valve_evidence",
    )
)
"""Packages that stand between a line of source and its request."""

BEHIND_WALLS = "/var/runtime"
"""Where this file is when the valve is all that can be reached."""
AWS_NAMES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
BUNDLES = ("/certifi/cacert.pem", "/botocore/cacert.pem")
"""What botocore trusts by itself; behind the walls both are the valve's."""
TOLD = ("_tunnel_host", "proxy", "cert_file", "key_file")
"""What a connection of urllib3 may be told beside them."""


def line_of(frame: FrameType | None, root: str) -> tuple[str, bool]:
    """Return (`file:line` of the nearest frame in `root`, True), else (the nearest beyond the SDK, False)."""
    beyond = ""
    for _ in range(DEEPEST):
        if frame is None:
            break
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in BETWEEN:
            file = frame.f_code.co_filename
            if file.startswith(root):
                return f"{file}:{frame.f_lineno}", True
            beyond = beyond or f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return beyond, False


def calling_line(root: str) -> str:
    """Return the line that is calling now.

    A transfer works in threads that no line of source started; the line that waits for it is where
    the main thread is.
    """
    found, inside = line_of(sys._getframe(1), root)
    if inside:
        return found
    import threading

    waiting, inside = line_of(sys._current_frames().get(threading.main_thread().ident or 0), root)
    return waiting if inside else found


VALUES: dict[str, str] = {}
"""Lines escaped before. Why: escaping is half of what the evidence costs a call."""
MOST_VALUES = 1024


def header_value(line: str) -> str:
    """Return `line` escaped for a header, from memory where it was met before."""
    value = VALUES.get(line)
    if value is None:
        if len(VALUES) >= MOST_VALUES:
            VALUES.clear()
        value = VALUES[line] = escaped(line)
    return value


def escaped(line: str) -> str:
    """Escape `line` for a header; of one that is too long the end is kept, which has the file's name."""
    from urllib.parse import quote

    value = quote(line[-LONGEST:], safe="/:._-+@=,", errors="replace")
    while len(value) > LONGEST:
        line = line[-LONGEST:][16:]
        value = quote(line, safe="/:._-+@=,", errors="replace")
    return value


def attach(client: Any, root: str) -> None:
    """Register on one client. Failing here must never fail the function."""

    def add_source(request: Any, **_: Any) -> None:
        try:
            request.headers[SOURCE] = header_value(calling_line(root))
        except Exception:
            pass

    def refuse(http_response: Any, parsed: Any, **_: Any) -> None:
        ident = http_response.headers.get(REFUSED)
        if ident and http_response.status_code == 403 and isinstance(parsed, dict):
            # Why Code too: the answer to HEAD has no body, and each protocol has a code of its own.
            parsed["Error"] = {"Code": "AccessDenied", "Message": f"Access Denied ({ident})"}

    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    if type(session).__module__ != "botocore.httpsession":  # which stands on `http.client`, and that says it
        client.meta.events.register("before-send", add_source)
    client.meta.events.register("after-call", refuse)


def watch_clients(module: Any, root: str) -> None:
    """Make every client that botocore's creator makes carry our two handlers."""
    creator = module.ClientCreator
    create = creator.create_client

    def create_client(self: Any, *args: Any, **kwargs: Any) -> Any:
        client = create(self, *args, **kwargs)
        try:
            attach(client, root)
        except Exception:
            pass
        return client

    creator.create_client = create_client


def watch_connections(module: Any, root: str) -> None:
    """Make every request that the library's own client sends say its line, if it does not say it yet."""
    connection = module.HTTPConnection
    end = connection.endheaders
    mark = b"\n" + SOURCE.encode() + b":"

    def endheaders(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if mark not in b"\n".join(self._buffer).lower():  # one look at all: there are some fifteen
                self.putheader(SOURCE, header_value(calling_line(root)))
        except Exception:
            pass
        return end(self, *args, **kwargs)

    connection.endheaders = endheaders


def spare_tls(module: Any, _: str) -> None:
    """Have botocore's connections to AWS go to the valve as they are, not encrypted (ADR 11).

    Behind the walls it is the valve that answers at every address, on the environment's own loopback, and it
    reads both. Budget: a guarded call adds less than 1 ms, of which this was a tenth, and some 3 ms of each
    connection. Whoever is told anything about TLS does as he is told.
    """
    if os.path.dirname(os.path.realpath(__file__)) != BEHIND_WALLS:
        return
    connection, plain = module.AWSHTTPSConnection, module.HTTPConnection
    secured = connection.connect

    def connect(self: Any) -> None:
        if not told_nothing(self):
            secured(self)
            return
        plain.connect(self)
        self.is_verified = True  # else urllib3 warns

    connection.connect = connect


def told_nothing(connection: Any) -> bool:
    """Say whether this goes to AWS, directly, with all about its TLS as botocore has it by itself."""
    seen = vars(connection)
    return (
        connection.port == 443
        and connection.host.endswith(AWS_NAMES)
        and str(seen.get("ca_certs")).endswith(BUNDLES)
        and not any(map(seen.get, TOLD))
    )


WATCHED = {
    "botocore.client": watch_clients,
    "botocore.awsrequest": spare_tls,
    "http.client": watch_connections,
}


class Loader:
    """Loads a module with its own loader, then watches it. Everything else is the own loader's."""

    def __init__(self, own: Any, spec: Any, watch: Any, root: str) -> None:
        self._own, self._spec, self._watch, self._root = own, spec, watch, root

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: Any) -> Any:
        """Make the module as its own loader would."""
        return self._own.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module, with nothing of ours left in its place, and watch what it defined."""
        self._spec.loader = self._own
        module.__loader__ = self._own
        self._own.exec_module(module)
        try:
            self._watch(module, self._root)
        except Exception:
            pass


ahead: Any = None
"""In a child of a zygote: the modules that were imported beforehand (`_valve_ahead.Stash`)."""


class Finder:
    """Stands first among the finders, and does nothing for any module but the watched and those imported
    beforehand."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that another finder has for the watched module, with our loader around its own."""
        there = ahead and ahead.give(name, WATCHED, self._root)
        watch = WATCHED.get(name)
        if there or watch is None:
            return there or None
        for finder in sys.meta_path:
            spec: Any = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = Loader(spec.loader, spec, watch, self._root)
                return spec
        return None


def install(task: str) -> None:
    """Watch for clients. `task` is the folder of the function's code."""
    sys.meta_path.insert(0, Finder(task.rstrip(os.sep) + os.sep))
    if ahead:
        ahead.settle()
