"""What is asked of an API in a case, and what is compared of its answer.

Knows how a case writes parameters (packages, what earlier answers said) and answers. Does not know any case.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ClientError

from tests.conformance.comparing import Marks
from valve_aws.api.reading import Request

AROUND = 118
"""Bytes of a package beside those of its one file, `handler.py`."""
PROGRAMS = Path(__file__).parent / "programs"
"""What other packages are made of."""


class Raw(io.BytesIO):
    """A body as botocore reads one."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        """Give all of it."""
        yield self.read()


def straight(client: Any, answer: Callable[[Request], Any]) -> None:
    """Have a Lambda client's requests answered without a socket.

    Why: sockets are shown elsewhere, and a thousand calls are quicker without.
    """

    def sent(request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        headers = {
            name.lower(): value if isinstance(value, str) else value.decode()
            for name, value in request.headers.items()
        }
        body = request.body.read() if hasattr(request.body, "read") else request.body
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        told = answer(Request(request.method, target, headers, body or b""))
        assert isinstance(told.body, bytes)
        length = ("content-length", str(len(told.body)))
        return AWSResponse(request.url, told.status, HeadersDict([*told.headers, length]), Raw(told.body))

    client.meta.events.register("before-send.lambda", sent)


def answered(client: Any, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a call and return what is compared of its answer."""
    try:
        told = client._make_api_call(operation, params)
    except ClientError as error:
        told = error.response
        meta = told["ResponseMetadata"]
        text = next((key for key in ("Message", "message") if key in told), "")
        more = {k: v for k, v in told.items() if k not in {"Error", "Message", "message", "ResponseMetadata"}}
        return {
            "error": told["Error"]["Code"],
            "message": told["Error"].get("Message"),
            "text": text,
            "more": more,
            "status": meta["HTTPStatusCode"],
            "headers": meta["HTTPHeaders"],
        }
    meta = told.pop("ResponseMetadata")
    for name in ("Statement", "Policy"):
        if isinstance(told.get(name), str):
            told[name] = json.loads(told[name])
    for name in ("Payload", "Body"):
        if hasattr(told.get(name), "read"):
            told[name] = _read(told[name].read())
    return {"is": json.loads(json.dumps(told, default=str)), "status": meta["HTTPStatusCode"]}


def _read(payload: bytes) -> Any:
    return json.loads(payload) if payload else ""


def compared(
    marks: Marks, wanted: Mapping[str, Any], found: Mapping[str, Any], before: Sequence[Any] = ()
) -> Iterator[str]:
    """Yield in what an answer is another than the one that was recorded.

    `has` are members that it has among others, as recorded before AWS had more of them; `names` those that
    each of its members has; `grown` is by how much numbers in it are larger than in an earlier answer.
    """
    if ("error" in wanted) != ("error" in found):
        yield f"is {found}, not {dict(wanted)}"
        return
    if "error" in wanted and "status" not in wanted:
        found = {k: v for k, v in found.items() if k != "status"}
    message = found.get("message")
    if isinstance(message, str):
        found = {**found, "message": steady(message)}
    if "has" in wanted:
        found = {**found, "has": narrowed(wanted["has"], found["is"])}
    if "headers" in wanted:
        found = {**found, "headers": narrowed(wanted["headers"], found["headers"])}
    if "names" in wanted:
        found = {**found, "names": {member: sorted(within) for member, within in found["is"].items()}}
    if "grown" in wanted:
        earlier, paths = before[wanted["since"]]["is"], wanted["grown"]
        grown = {path: at(found["is"], path) - at(earlier, path) for path in paths}
        found = {**found, "grown": grown, "since": wanted["since"]}
    if "each" in wanted:
        _, _, listed = str(found.get("message")).partition(" detected: ")
        found = {**found, "each": sorted(listed.split("; "))}
    yield from marks.differences(dict(wanted), {k: found[k] for k in wanted if k in found})
    if "more" not in wanted and found.get("more") and "each" not in wanted and "text" in wanted:
        yield f"has {found['more']} beside"


def narrowed(wanted: Any, found: Any) -> Any:
    """Return an answer without the members that are not asked for."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return {key: narrowed(wanted[key], found[key]) for key in wanted if key in found}
    return found


def at(found: Any, path: str) -> Any:
    """Return what an answer has at `Member.Member`."""
    for part in path.split("."):
        found = found[part]
    return found


def steady(message: str) -> str:
    """Return a message without what changes with the service's model: expressions, and long lists of "
    "values."""
    message = re.sub(
        r"(regular expression pattern: ).*?(?=; Value |, Member must |\]\s*$|$)", r"\1<pattern>", message
    )

    def listed(found: re.Match[str]) -> str:
        return found[0] if found[1].count(",") < 10 else "enum value set: [<values>]"

    return re.sub(r"enum value set: \[([^\]]*)\]", listed, message)


def filled(value: Any, answers: Any, code: Mapping[str, Any]) -> Any:
    """Return parameters with packages made, and with what earlier answers said."""
    if isinstance(value, Mapping):
        if "$files" in value:
            return of_programs(value["$files"])
        if "$zip" in value:
            number = value["$zip"]
            text = code.get(str(number), f"def handler(event, context):\n    return event  # {number}\n")
            return sized(text, value) if len(value) > 1 else packed(text)
        if "$times" in value:
            return str(value["$times"][0]) * int(value["$times"][1])
        if "$text" in value:
            return str(value["$text"]).encode("latin1")
        if "$from" in value:
            step, *path = value["$from"]
            found = answers[step]["is"]
            for part in path:
                found = found[part]
            return found
        return {key: filled(each, answers, code) for key, each in value.items()}
    return [filled(each, answers, code) for each in value] if isinstance(value, list) else value


def packed(code: str | Mapping[str, str]) -> bytes:
    """Return a package of a function: its files by name, or a module of Python or a script alone."""
    if isinstance(code, str):
        modules = ("handler.py", "index.py", "handlers.py", "python/shared.py")
        code = dict.fromkeys(("bootstrap",) if code.startswith("#!") else modules, code)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, text in code.items():
            entry = zipfile.ZipInfo(name)  # Why: no time, which a digest would show
            entry.external_attr = (0o755 if text.startswith("#!") else 0o600) << 16
            opened.writestr(entry, text)
    return content.getvalue()


def sized(code: str, told: Mapping[str, int]) -> bytes:
    """Return a package of so many `bytes`, or whose one file has so many, `stored` as it is or `packed`."""
    content, how = io.BytesIO(), zipfile.ZIP_DEFLATED if "packed" in told else zipfile.ZIP_STORED
    size = told["bytes"] - AROUND if "bytes" in told else told.get("stored") or told["packed"]
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr(zipfile.ZipInfo("handler.py"), code.encode().ljust(size, b"#"), how, 1)
    return content.getvalue()


def of_programs(files: Mapping[str, str]) -> bytes:
    """Return a package, given as path → the program of ours that lies there; each may be executed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for path, program in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            opened.writestr(entry, (PROGRAMS / program).read_bytes())
    return content.getvalue()


def whole(value: Any, like: Mapping[str, Any]) -> Any:
    """Return a recorded answer with what it shares with others."""
    if isinstance(value, Mapping):
        shared = whole(like[value["$like"]], like) if "$like" in value else {}
        return {**shared, **{key: whole(each, like) for key, each in value.items() if key != "$like"}}
    return [whole(each, like) for each in value] if isinstance(value, list) else value
