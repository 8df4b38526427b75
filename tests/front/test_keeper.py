"""A policy that cannot be read stops every event until it is mended, not only the first.

Knows the keeper's own reading anew. Needs no LocalStack.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from valve_aws.localstack.keeper import Cloud, Keeper, Version
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Code, Function
from valve_aws.model.verdict import Mode

ACCOUNT, REGION = "000000000000", "us-east-1"


def test_no_event_is_served_under_the_policy_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: str, **__: str) -> Any:
        return None

    written = tmp_path / "valve.yaml"
    monkeypatch.setenv("VALVE_POLICY", str(written))
    function = Function(
        "worker", "worker", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:worker", "a.b", "", Code(inline="")
    )
    version = Version(function, ACCOUNT, REGION, "arn:aws:iam::000000000000:role/r")
    keeper = Keeper(Cloud("http://127.0.0.1:1", lambda account, region: nothing, set))
    keeper._versions = {function.key: version}
    try:
        written.write_text("version: 1\nmode: audit\n")
        front = keeper._front(version)
        written.write_text("version: 1\nlabel: {}\n")
        for _ in range(2):
            with pytest.raises(Invalid, match="label"):
                keeper._front(version)
        written.write_text("version: 1\nmode: enforce\n")
        assert keeper._front(version) is front
        assert front.mode is Mode.ENFORCE
        keeper.on_loop(front.close()).result()
    finally:
        keeper._loop.call_soon_threadsafe(keeper._loop.stop)
