"""The program that hosts AWS's own local runner of durable executions, and ends with its parent.

Knows the runner's command line. Does not know the valve.
"""

from __future__ import annotations

import os
import sys
import threading

AT_ONCE = 1000
"""Invocations that the runner has under way at once, each on a thread: Lambda's own limit. By itself it has
four more than there are processors, and where functions wait for one another all of them may be waiting."""


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(*words: str) -> int:
    """Run the runner with these words of its command line until the end of our standard input."""
    from aws_durable_execution_sdk_python_testing import threads
    from aws_durable_execution_sdk_python_testing.cli import CliApp

    threads.default_max_workers = lambda: AT_ONCE
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return CliApp().run(list(words))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
