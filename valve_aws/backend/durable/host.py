"""The program that hosts AWS's own local runner of durable executions, and ends with its parent.

Knows the runner's command line. Does not know the valve.
"""

from __future__ import annotations

import os
import sys
import threading


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(*words: str) -> int:
    """Run the runner with these words of its command line until the end of our standard input."""
    from aws_durable_execution_sdk_python_testing.cli import CliApp

    threading.Thread(target=_end_with_parent, daemon=True).start()
    return CliApp().run(list(words))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
