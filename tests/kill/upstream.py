"""A fake cloud in a process of its own, so that somebody is left to ask when the valve is dead.

Keeps S3 objects by path, DynamoDB items and SQS messages. `GET /_state` tells all, `POST /_reset` forgets it.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import sys
import uuid
from typing import Any

STATE: dict[str, Any] = {"objects": {}, "messages": [], "items": {}, "asked": []}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        if self.path == "/_state":
            self._answer(200, json.dumps(STATE).encode())
            return
        found = STATE["objects"].get(self.path)
        self._answer(200 if found is not None else 404, (found or "").encode())

    def do_PUT(self) -> None:
        body = self._body()
        STATE["asked"].append(["PutObject", self.path])
        STATE["objects"][self.path] = body.decode()
        self._answer(200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def do_DELETE(self) -> None:
        STATE["asked"].append(["DeleteObject", self.path])
        STATE["objects"].pop(self.path, None)
        self._answer(204)

    def do_POST(self) -> None:
        if self.path == "/_reset":
            STATE.update(objects={}, messages=[], items={"c1": "secret"}, asked=[])
            self._answer(200)
            return
        told = json.loads(self._body())
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        STATE["asked"].append([operation, ""])
        self._answer(
            200, json.dumps(ANSWERS[operation](told)).encode(), {"Content-Type": "application/x-amz-json-1.0"}
        )

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def get_item(told: dict[str, Any]) -> dict[str, Any]:
    return {"Item": {**told["Key"], "email": {"S": STATE["items"]["c1"]}}}


def put_item(told: dict[str, Any]) -> dict[str, Any]:
    STATE["items"][told["Item"]["id"]["S"]] = told["Item"]["email"]["S"]
    return {}


def send_message(told: dict[str, Any]) -> dict[str, Any]:
    ident = str(uuid.uuid4())
    STATE["messages"].append([ident, told["MessageBody"]])
    return {"MessageId": ident, "MD5OfMessageBody": hashlib.md5(told["MessageBody"].encode()).hexdigest()}


ANSWERS = {"GetItem": get_item, "PutItem": put_item, "SendMessage": send_message}

if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
