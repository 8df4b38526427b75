"""The door to the process that has loaded us: its variables, and what its log is told.

Knows names and defaults. Does not know what any of it leads to.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from valve_aws.model.source import Invalid, Where
from valve_aws.settings import Settings
from valve_aws.valve import own

MODES = ("", "off", "audit", "enforce")

LOG = logging.getLogger("valve_aws")


def settings(url: str, account: str, region: str) -> Settings:
    """Return what LocalStack's operator told us by variables. Raises `Invalid`.

    `VALVE_POLICY`, `VALVE_MODE`, `VALVE_AUDIT` and `VALVE_LABELS` are the command line's `--policy`,
    `--mode`, `--audit` and `--labels`. `url` is LocalStack's own gateway.
    """
    mode = os.environ.get("VALVE_MODE", "")
    if mode not in MODES:
        raise Invalid(Where("VALVE_MODE"), f"there is no mode `{mode}`", "say `off`, `audit` or `enforce`")
    policy, home = _path("VALVE_POLICY"), Path.cwd() / ".valve"
    if policy:
        home = policy.resolve().parent / ".valve"
    return Settings(
        region=region,
        account=account,
        policy=policy,
        mode=mode or ("" if policy else "audit"),
        backend=url,
        audit=_path("VALVE_AUDIT") or own(home / "audit.jsonl"),
        labels=_path("VALVE_LABELS") or own(home / "labels.db"),
    )


def keep(settings: Settings, name: str, content: str) -> Path:
    """Write a file of ours beside the records, for the operator to look at; return its path."""
    assert settings.audit is not None
    path = settings.audit.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # Why: where there is a link, it leads where somebody else likes
    path.write_text(content, encoding="utf-8")
    return path


def policy_stamp() -> str:
    """Return what differs once the policy's file has been written again; "" where there is none."""
    policy = _path("VALVE_POLICY")
    try:
        return str(policy.stat().st_mtime_ns) if policy else ""
    except OSError:
        return "gone"


def _path(variable: str) -> Path | None:
    written = os.environ.get(variable)
    return Path(written) if written else None


def say(text: str) -> None:
    """Tell the operator, in LocalStack's log: a refusal is a warning, most else is for those who ask."""
    told = "REFUSED" in text or text.startswith("valve:")
    for line in text.splitlines():
        LOG.log(logging.WARNING if told else logging.INFO, "%s", line)


now, tick, chance = time.time, time.monotonic, os.urandom
