"""What a guarded call costs on LocalStack, against the same code on the same LocalStack without a valve.

Knows how both are run. Does not judge.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.figures import Figures, Row
from tests.localstack.carrier import Carrier
from tests.localstack.conftest import LocalStack

ROUNDS, EACH = 5, 40
STORES = {"FILES": "Files", "NOTES": "Notes", "JOBS": "Jobs"}

Times = dict[str, list[float]]


def unguarded(carrier: Carrier) -> Times:
    """Run the same function in a plain process."""
    names = {variable: carrier.name(logical) for variable, logical in STORES.items()}
    queue = carrier.client("sqs").get_queue_url(QueueName=names["JOBS"])["QueueUrl"]
    told = {
        "AWS_ENDPOINT_URL": carrier.localstack.url,
        "AWS_ACCESS_KEY_ID": carrier.account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import app, json; print(json.dumps(app.timed({{'times': {EACH}}}, None)))"],
        cwd=Path(str(carrier.settings.template)).parent / "src",
        env={"PATH": os.environ["PATH"], **told, **names, "JOBS": queue},
        capture_output=True,
        check=True,
    )
    found: Times = json.loads(done.stdout)
    return found


@pytest.mark.bench
def test_what_a_guarded_call_costs_on_localstack(tmp_path: Path, localstack: LocalStack) -> None:
    carrier, figures = Carrier.made(tmp_path, localstack), Figures()
    taken: dict[str, Times] = {"no valve": {}, "valve": {}}
    carrier.lived()  # which fills it
    for _ in range(ROUNDS):
        for way, found in (
            ("no valve", unguarded(carrier)),
            ("valve", carrier.lived(("Timed", {"times": EACH}))[0]),
        ):
            for call, times in found.items():
                taken[way].setdefault(call, []).extend(times)
    for call in taken["valve"]:
        ways = {way: statistics.median(times[call]) for way, times in taken.items()}
        ways["x none"] = ways["valve"] / ways["no valve"]
        figures.add("an AWS call on LocalStack", Row(call, "ms", ways, runs=ROUNDS * EACH))
    print(figures.table())
