"""Starts the programs in `/opt/extensions`, then the runtime once they have registered; tells which ended.

Knows processes, and three questions that the valve answers at the Runtime API's address. Runs inside, so
nothing it says is believed more than the function's own words. Standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from urllib.parse import quote

QUESTIONS = "/valve/extensions"
NOT_FOR_EXTENSIONS = frozenset(
    """
    AWS_EXECUTION_ENV AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_XRAY_CONTEXT_MISSING
    AWS_XRAY_DAEMON_ADDRESS LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT
    """.split()
)
"""Variables that are the runtime's alone (AWS: `Reserved environment variables not available to extensions`);
those that begin with `_` are as well."""
GRACE = 0.3
"""Seconds between SIGTERM and SIGKILL when the environment ends."""


def ask(method: str, what: str) -> None:
    """Put a question, or tell something; the answer may take as long as the environment lives."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
    with socket.create_connection((host, int(port))) as made:
        head = f"{method} {QUESTIONS}/{what} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"
        made.sendall(head.encode())
        made.recv(4096)


def launch(folder: str, name: str) -> threading.Thread | None:
    """Start one extension, its output apart from the runtime's; return what tells of its end."""
    variables = os.environ.items()
    told = {key: value for key, value in variables if key not in NOT_FOR_EXTENSIONS and key[:1] != "_"}
    path = f"{folder}/{name}"
    try:
        pid = os.posix_spawn(path, [path], told, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)], setsid=True)
    except OSError as problem:
        ask("POST", f"exited?name={quote(name)}&status=launch:{quote(problem.strerror or '')}")
        return None

    def follow() -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ask("POST", f"exited?name={quote(name)}&status={status}")

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    return following


def main() -> None:
    """Live as long as the runtime does, and end as it did."""
    folder, command, task = sys.argv[1], sys.argv[2:], os.environ["PWD"]
    os.chdir("/")
    following = [launch(folder, each.name) for each in sorted(os.scandir(folder), key=str) if each.is_file()]
    ask("GET", "registered")
    os.chdir(task)
    beside = [(os.POSIX_SPAWN_DUP2, 1, 2)]
    runtime = os.posix_spawnp(command[0], command, os.environ, file_actions=beside, setsid=True)
    ending = threading.Event()
    threading.Thread(target=shut, args=(runtime, ending), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(runtime, 0)[1])
    if ending.is_set():
        for each in filter(None, following):
            each.join()
        os._exit(0)
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def shut(runtime: int, ending: threading.Event) -> None:
    """End the runtime when the environment ends, while its extensions have their time."""
    ask("GET", "shutdown")
    ending.set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(-runtime, number)
        except ProcessLookupError:
            return
        threading.Event().wait(GRACE)


if __name__ == "__main__":
    main()
