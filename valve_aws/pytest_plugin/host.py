"""The environment of the test process itself, and its chance.

Knows variables, report files and whether somebody listens. Does not know what is in a report.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from valve_aws.settings import PLACE

NOWHERE = os.devnull
"""A file in which there is no configuration."""


def service_endpoints() -> tuple[str, ...]:
    """Return the names of the variables that send one service elsewhere (`AWS_ENDPOINT_URL_S3`; AWS SDKs
    and tools reference, service-specific endpoints)."""
    return tuple(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))


def place() -> dict[str, str]:
    """Return what the environment says of where LocalStack is and whose account is meant."""
    return {name: os.environ[name] for name in PLACE if name in os.environ}


def chance(number: int) -> bytes:
    """Return so many random bytes."""
    return os.urandom(number)


def on_github() -> bool:
    """Say whether this is a job of GitHub's runner (GitHub Actions, default environment variables)."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def written(path: Path, text: str) -> None:
    """Write a report; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def answers(host: str, port: int) -> bool:
    """Say whether somebody takes connections there, within five seconds."""
    try:
        with socket.create_connection((host, port), 5):
            return True
    except OSError:
        return False
