"""A template's routes without sockets, and requests to them.

Knows how both are made. Does not judge anything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from valve_aws import template, text
from valve_aws.model.source import Node
from valve_aws.model.stack import Stack
from valve_aws.triggers.gateway.mounting import mount
from valve_aws.triggers.gateway.routes import Route

HEAD = "Transform: AWS::Serverless-2016-10-31\n"


def _load(path: Path) -> Node:
    return text.parse(path.read_bytes(), path.name, last=True)


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., Stack]:
    """Return a function that reads a template, with files beside it."""

    def read(written: str, **files: str) -> Stack:
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(dedent(content))
        file = tmp_path / "template.yaml"
        file.write_text(HEAD + dedent(written))
        return template.read(
            file,
            parameters={},
            stack="app",
            account="123456789012",
            region="eu-west-1",
            physical={},
            load=_load,
        )

    return read


@pytest.fixture
def routes(stack: Callable[..., Stack]) -> Callable[..., tuple[Route, ...]]:
    """Return a function that gives the routes of a template."""
    return lambda written, **files: mount(stack(written, **files))
