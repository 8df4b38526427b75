"""A real moto server in a process of its own.

Knows how it is started, reached and ended. Does not know what it holds.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import botocore.session
from botocore.config import Config

from valve_aws.aws.names import Place

PLACE = Place("123456789012", "us-east-1")


class Server:
    """moto on a loopback port of its own choosing."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        port = ""
        for line in self.process.stderr:
            if "Running on http://127.0.0.1:" in line:
                port = line.rpartition(":")[2].strip()
                break
        assert port, "moto did not come up"
        # Why a thread: it writes a line for every request, and would stand still once the pipe is full.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.session = botocore.session.Session()
        self.url = f"http://127.0.0.1:{port}"

    def client(self, service: str) -> Any:
        """Return a real client of botocore's; no retries, nothing from the host's configuration."""
        return self.session.create_client(
            service,
            region_name=PLACE.region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
            ),
        )

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
