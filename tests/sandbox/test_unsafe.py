"""The child process without walls: it runs, ends and freezes like a sandbox, and hides nothing.

Knows the port it fills. Does not pretend that it guards.
"""

from __future__ import annotations

import os
import sys

from valve_aws import sandbox
from valve_aws.model.plan import Plan

CODE = """
import os, socket
s = socket.create_connection(('127.0.0.1', int(os.environ['PORT'])))
s.sendall(b'x'); s.recv(1)
print(os.path.exists('/etc/passwd'))
"""


def test_a_plan_runs_beside_the_listeners_it_was_told_of() -> None:
    listeners = sandbox.loopback_listeners()
    port = listeners.tcp[0].getsockname()[1]
    plan = Plan((sys.executable, "-c", CODE), {"PORT": str(port)}, "/")
    jail = sandbox.spawn_unsafe(plan, listeners)
    connection = listeners.tcp[0].accept()[0]
    assert connection.recv(1) == b"x"
    jail.freeze()
    assert jail.wait(0.05) is None
    assert jail.memory() <= jail.peak_memory()
    jail.thaw()
    connection.sendall(b"y")
    assert os.read(jail.stdout, 10) == b"True\n"
    assert jail.wait(10) == 0
    jail.kill()
    for descriptor in (jail.stdout, jail.stderr):
        os.close(descriptor)
    for each in (connection, *listeners.tcp):
        each.close()
    assert not listeners.all_ports
