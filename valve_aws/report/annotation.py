"""A finding as GitHub's runner takes it from a job's output, to show it beside the line of source.

Knows the form. Does not know how anything was found.
"""

from __future__ import annotations

from valve_aws.model.safe import plain
from valve_aws.model.source import Where


def annotation(title: str, text: str, where: Where) -> str:
    """Return the workflow command of an error (GitHub Actions, workflow commands: setting an error message).

    It is the one line of ours that begins as a command; what is quoted in it cannot begin another.
    """
    told = {"file": where.file, "line": where.line, "col": where.column, "title": f"valve: {title}"}
    named = ",".join(f"{name}={_property(str(value))}" for name, value in told.items() if value)
    return f"::error {named}::{_escaped(plain(text))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(plain(text)).replace(":", "%3A").replace(",", "%2C")
