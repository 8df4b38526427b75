"""The story: one application three times: the guard off, in audit, enforced. What arrived, and what did not.

Everything stays on this machine: the cloud is moto, the attacker is a server on loopback, and so is the
company that sends mail. Run it with `make demo`.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).resolve().parent
SECRETS = ("alice@example.org", "Alice Archer")
RUNS = (("Checkout", "events/order.json"), ("Anonymise", ""), ("Report", ""))
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ
BOLD, DIM, RED, GREEN, PLAIN = (
    ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if COLOURS else ("",) * 5
)


@dataclass
class Arrived:
    """What one run left behind, on either side."""

    results: dict[str, str] = field(default_factory=dict)
    leaks: dict[str, str] = field(default_factory=dict)
    invoices: str = ""
    mailed: int = 0
    said: str = ""


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Serve on a free loopback port; keep what is posted."""
    got: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers.get("content-length", 0))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def cloud() -> Iterator[str]:
    """Run a moto of our own for one run, with the attacker's bucket in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        client("s3", url).create_bucket(Bucket="attacker-drop")
        yield url
    finally:
        process.terminate()
        process.wait()


def client(service: str, url: str) -> Any:
    """Return a client that looks from outside: the operator's, or the attacker's."""
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def run(mode: str) -> Arrived:
    """Run the application once, and look at what arrived where."""
    seen = Arrived()
    with (
        listener() as (attacker, stolen),
        listener() as (partner, mailed),
        cloud() as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        log = Path(folder) / "functions.log"
        options = [
            "-t",
            os.path.relpath(HERE / "template.yaml"),
            "--mode",
            mode,
            "--backend",
            url,
            "--log-file",
            str(log),
            "--audit",
            f"{folder}/audit.jsonl",
            "--labels",
            f"{folder}/labels.db",
            "--resolve",
            f"telemetry.invoicely.example=127.0.0.1:{attacker}",
            "--resolve",
            f"mail.partner.test=127.0.0.1:{partner}",
        ]
        for number, (function, event) in enumerate(RUNS):
            more = ["-e", str(HERE / event)] if event else []
            seeds = ["--seed", str(HERE / "seed.yaml")] if number == 0 else []
            command = [
                sys.executable,
                "-m",
                "valve_aws.cli",
                "local",
                "invoke",
                function,
                *options,
                *more,
                *seeds,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seen.results[function] = done.stdout.strip()
            seen.said += done.stderr
            if done.returncode not in (0, 3):
                raise SystemExit(f"{function} ended with {done.returncode}:\n{done.stderr}")
        seen.leaks = leaks(url, stolen, log)
        seen.invoices = " ".join(sorted(contents(client("s3", url), "invoices")))
        seen.mailed = len(mailed)
    return seen


def contents(s3: Any, part: str) -> dict[str, str]:
    """Return key → content of the bucket whose name has `part` in it."""
    bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"] if part in b["Name"])
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


def leaks(url: str, stolen: list[bytes], log: Path) -> dict[str, str]:
    """Look into the five places that data are carried out to; "" where nothing of the customer is there."""
    s3, sqs = client("s3", url), client("sqs", url)
    names = [re.sub(r"^templates/", "", key) for key in contents(s3, "renderercache")]
    queue = next(q for q in sqs.list_queues()["QueueUrls"] if "metrics" in q)
    messages = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10).get(
        "Messages", []
    )
    found = {
        "foreign keys → attacker's bucket": " ".join(contents(s3, "attacker-drop").values()),
        "the name of an object": " ".join(base64.urlsafe_b64decode(name).decode() for name in names),
        "an attribute of a message": json.dumps([m.get("MessageAttributes") for m in messages]),
        "HTTPS → attacker's server": b" ".join(stolen).decode(),
        "the log store": log.read_text() if log.exists() else "",
    }
    return {way: next((secret for secret in SECRETS if secret in text), "") for way, text in found.items()}


def show(mode: str, seen: Arrived, seconds: float) -> None:
    """Print one run."""
    out = sys.stdout.write
    out(f"\n{BOLD}── mode {mode} {'─' * (60 - len(mode))}{PLAIN} {seconds:.0f} s\n")
    out(f"  Checkout  {seen.results['Checkout']}\n  Report    {seen.results['Report']}\n")
    out(f"  invoices  {seen.invoices}, {seen.mailed} mailed through the partner\n")
    for way, secret in seen.leaks.items():
        mark = f"{RED}arrived: {secret}{PLAIN}" if secret else f"{GREEN}nothing arrived{PLAIN}"
        out(f"    {way:<34} {mark}\n")
    if mode == "off":
        return
    blocks = [
        line
        for line in seen.said.splitlines()
        if line.startswith(
            ("✗", "!", "  because", "  carries", "  called", "  came by", "            →", "  fix")
        )
    ]
    out(DIM if mode == "audit" else "")
    out("".join(f"  {line}\n" for line in blocks if mode == "enforce" or line.startswith("!")))
    out(PLAIN)


def main() -> int:
    """Run all three and compare them."""
    began, seen = time.monotonic(), {}
    for mode in ("off", "audit", "enforce"):
        sys.stdout.write(f"{DIM}running the orders application with the guard in mode {mode} …{PLAIN}\n")
        sys.stdout.flush()
        start = time.monotonic()
        seen[mode] = run(mode)
        show(mode, seen[mode], time.monotonic() - start)
    honest = {(s.results["Checkout"], s.results["Report"], s.invoices, s.mailed) for s in seen.values()}
    checks = {
        "with the guard off every leak arrives": all(seen["off"].leaks.values()),
        "in audit nothing is stopped, and each leak is told": seen["audit"].said.count("WOULD REFUSE")
        >= len(seen["audit"].leaks),
        "enforced, nothing arrives": not any(seen["enforce"].leaks.values()),
        "the honest part gives the same in all three": len(honest) == 1,
    }
    sys.stdout.write(f"\n{BOLD}{'─' * 70}{PLAIN}\n")
    for claim, holds in checks.items():
        sys.stdout.write(f"  {GREEN + '✓' if holds else RED + '✗'}{PLAIN} {claim}\n")
    sys.stdout.write(f"  {time.monotonic() - began:.0f} s in all\n")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
