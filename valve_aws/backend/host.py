"""The program that hosts moto: serves it, fills it, and ends with its parent.

Knows moto and boto3. Does not know the valve; for each line of JSON that it takes it answers one, the second
and later ones after it has forgotten all that it held. A line ``{"ahead": seconds}`` moves its time alone;
``{"keep": file}`` writes down what it holds, answered by ``{"lost": [str]}``. ``{"machines": url}`` says
where the executions of state machines ask for all that they call.

In: ``{"region", "url"?, "resources": [{"logical", "kind", "name", "arn", "properties"}], "seeds": [{"kind",
"name", "key", …}], "watch"?, "kept"?}``; it begins with what it once wrote into the file `kept`.
Out: ``{"port", "seeded": [{"index", "store", "name", "version"}], "warnings": [str]}`` or ``{"error": str}``.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # it is started by its path, and alone

from valve_aws.backend import keeping, machines, sizes
from valve_aws.backend.filling import Filler, filled
from valve_aws.backend.remembering import remember

SMALL = 8 << 20
"""Bytes of a body up to which its connection is kept for the next request."""


def serve(watch: str = "") -> int:
    """Serve moto on a free loopback port, in threads of this process; return the port. `watch`: `note`."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log(self, *_: Any) -> None:
            """Say nothing: our standard output belongs to the parent."""

        def run_wsgi(self) -> None:
            """Answer one request, and keep the connection for the next.

            Why not werkzeug's own: it ends every connection, and a new one for each call costs as much as the
            call. For that a body must be read whole first; where that is not possible the connection ends.
            """
            length = self.headers.get("content-length", "0")
            if "transfer-encoding" in self.headers or not length.isdigit() or int(length) > SMALL:
                self.close_connection = True
                super().run_wsgi()
                return
            if self.headers.get("expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            environ = self.make_environ()
            environ["wsgi.input"] = io.BytesIO(asked := self.rfile.read(int(length)))
            note(watch, self, asked)
            said: list[Any] = ["500 Internal Server Error", []]

            def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
                said[:] = status, headers
                return said.append

            try:
                content = b"".join(self.server.app(environ, start))
            except Exception as error:  # Why all: a fault of moto's is that one call's, and is told
                said[:], content = ["500 Internal Server Error", []], repr(error).encode()
            code, _, phrase = said[0].partition(" ")
            self.send_response(int(code), phrase)
            for name, value in said[1]:
                self.send_header(name, value)
            bare = self.command == "HEAD" or code in {"204", "304"}
            if not bare and all(name.lower() != "content-length" for name, _ in said[1]):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(b"" if bare else content)

    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port: int = server.server_port
    return port


def load() -> None:
    """Import what every cloud needs, whatever it holds, and change it where that is called for."""
    import boto3
    import moto.server  # noqa: F401  # `serve` takes it from here

    boto3.setup_default_session()
    follow()
    remember()
    amend()


def amend() -> None:
    """Let every address count as verified: there is no mailbox here in which to confirm one (SES, verified
    identities), and a send that fails for that alone would tell nothing about the function.

    And let what is visible again of an ordered queue come in its order (SQS developer guide, FIFO delivery
    logic): moto takes the next message of a group for the first, where the first was received before.

    And let an upload belong to its key, as on S3 (NoSuchUpload): moto finds it by its id alone, so an object
    would be written under another key than the request names.

    And let a record of a table's stream say of itself what AWS's say: moto counts the bytes of its own JSON.

    And let tables be asked for one thing after the other (DynamoDB developer guide, transaction isolation
    levels): where a transaction is cancelled moto puts back the whole table, and what others have overwritten
    meanwhile would be there again after its label was taken off. Nor does its stream tell what was cancelled.
    """
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import StreamRecord
    from moto.dynamodb.responses import DynamoHandler
    from moto.dynamodbstreams.responses import DynamoDBStreamsHandler
    from moto.s3.responses import S3Response
    from moto.ses.models import SESBackend
    from moto.sqs.models import SQSBackend

    receive = SQSBackend.receive_message

    def received(backend: Any, queue_name: str, *given: Any, **named: Any) -> Any:
        pending = backend.get_queue(queue_name).pending_messages
        pending -= {message for message in pending if message.visible}
        return receive(backend, queue_name, *given, **named)

    tell = StreamRecord.to_json

    def recorded(record: Any) -> Any:
        told = tell(record)
        change = told["dynamodb"]
        images = (change.get(name) or {} for name in ("Keys", "NewImage", "OldImage"))
        size = sum(map(sizes.attributes, images))
        return {**told, "eventVersion": "1.1", "dynamodb": {**change, "SizeBytes": size}}

    StreamRecord.to_json = recorded  # type: ignore[method-assign, assignment]  # moto has no switch

    SQSBackend.receive_message = received  # type: ignore[method-assign, assignment]  # moto has no switch

    tables = threading.RLock()
    for handler in (DynamoHandler, DynamoDBStreamsHandler):
        handler.call_action = _alone(tables, handler.call_action)  # type: ignore[method-assign]  # moto has no switch

    DynamoDBBackend.transact_write_items = _untold(DynamoDBBackend.transact_write_items)  # type: ignore[method-assign]  # moto has no switch
    SESBackend._is_verified_address = lambda *_: True  # type: ignore[method-assign]  # moto has no switch  # the one place moto asks
    for name in ("get", "put", "delete", "post"):
        method = f"_key_response_{name}"
        setattr(S3Response, method, _of_its_key(getattr(S3Response, method)))


def _alone(lock: threading.RLock, answer: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*given: Any) -> Any:
        with lock:
            return answer(*given)

    return locked


def _untold(transact: Callable[..., Any]) -> Callable[..., Any]:
    def transacted(backend: Any, *given: Any, **named: Any) -> Any:
        shards = {name: table.stream_shard for name, table in backend.tables.items() if table.stream_shard}
        told = {name: len(shard.items) for name, shard in shards.items()}
        try:
            return transact(backend, *given, **named)
        except Exception:
            for name, shard in shards.items():  # Why the same ones: whoever reads a stream holds its shard
                del shard.items[told[name] :]
                shard.table = backend.tables[name]
                shard.table.stream_shard = shard
            raise

    return transacted


def _of_its_key(answer: Callable[..., Any]) -> Callable[..., Any]:
    from moto.s3.exceptions import NoSuchUpload

    def checked(asked: Any, *given: Any, **named: Any) -> Any:
        ident, key = asked._get_param("uploadId"), named["key_name"] if "key_name" in named else given[-1]
        upload = asked.backend.get_bucket(asked.bucket_name).multiparts.get(ident) if ident else None
        if upload is not None and upload.key_name != key:
            raise NoSuchUpload(upload_id=ident)
        return answer(asked, *given, **named)

    return checked


AHEAD = [0.0]
"""Seconds that the cloud's time is ahead of the machine's."""


def follow() -> None:
    """Let moto's services go by a time that can be moved.

    All of them ask one function of its core; what does not is told in docs/TRIGGERS.md.
    """
    from moto.core import utils

    real = utils.utcnow

    def utcnow() -> datetime.datetime:
        return real() + datetime.timedelta(seconds=AHEAD[0])

    for module in [m for name, m in sys.modules.items() if name.startswith("moto.")]:
        if getattr(module, "utcnow", None) is real:
            module.utcnow = utcnow  # type: ignore[attr-defined]  # it was found there


def note(watch: str, request: Any, content: bytes) -> None:
    """Write down a request that arrived: ``{"method", "host", "path", "headers", "body"}``; "" is no file."""
    if not watch:
        return
    seen = {
        "method": request.command,
        "host": request.headers.get("host", ""),
        "path": request.path,
        "headers": dict(request.headers.items()),
        "body": content[:65536].decode("latin-1"),
    }
    with open(watch, "a", encoding="ascii") as file:
        file.write(json.dumps(seen) + "\n")


def main(*words: str) -> None:
    """Serve until the parent's end of our standard input closes; each line after the first begins anew.

    `filler` says that only what somebody else runs will be filled. Else moto is loaded before it is known
    what it is to hold: that takes longest.
    """
    if "filler" not in words:
        load()
    order, port, fill = json.loads(sys.stdin.readline() or "null"), 0, None
    while order:
        if "ahead" in order:
            AHEAD[0] = order["ahead"]
            order = answered(order)
            continue
        if "keep" in order:
            order = answered(kept(order["keep"]))
            continue
        if "machines" in order:
            machines.ADDRESS[0] = order["machines"]
            order = answered({})
            continue
        try:
            if fill:
                from moto.moto_api._internal import moto_api_backend

                AHEAD[0] = 0.0
                machines.stop()
                moto_api_backend.reset()
            elif not order.get("url"):
                if order.get("kept"):
                    with open(order["kept"], "rb") as file:
                        keeping.read(file)
                    machines.give_up()
                port = serve(order.get("watch", ""))
            if not order.get("url") and any(each["kind"] == machines.KIND for each in order["resources"]):
                machines.run(lambda: str(uuid.uuid4()), tell)
            fill = fill or Filler(order.get("url") or f"http://127.0.0.1:{port}", order["region"])
            answer: dict[str, Any] = {"port": port, **filled(fill, order)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        order = answered(answer)


def tell(url: str, headers: dict[str, str]) -> None:
    """Make a request that says something by its headers. Why nothing is done where nobody listens: the valve
    is gone then, and this process ends with it."""
    with contextlib.suppress(OSError, ValueError):
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5).close()


def kept(path: str) -> dict[str, Any]:
    """Write down what the cloud holds; say what was lost, or why nothing was written."""
    try:
        with open(path, "wb") as file:
            return {"lost": keeping.write(file)}
    except OSError as error:
        return {"error": f"{path}: {error.strerror}"}


def answered(answer: dict[str, Any]) -> Any:
    """Answer an order and return the next; None: there is none any more."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    return json.loads(line) if line else None


if __name__ == "__main__":
    main(*sys.argv[1:])
