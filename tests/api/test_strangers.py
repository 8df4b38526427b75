"""Pages of others, in the browser of whoever runs the API: they invoke nothing.

Knows what a browser sends. Does not know any function.
"""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.api.conftest import Town

PATH = "/2015-03-31/functions/echo/invocations"


def asked(town: Town, **headers: str) -> int:
    """Return the status of an invocation that is asked for with some headers."""
    request = Request(town.url + PATH, b"{}", headers, method="POST")
    try:
        with urlopen(request) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        {"Origin": "null"},
        {"Host": "rebound.evil.example"},
        {"Host": "127.0.0.1.evil.example:3001"},
        {"Origin": "https://localhost.evil.example"},
        {"Origin": "https://page.s3.amazonaws.com"},
        {"Origin": "http://203.0.113.7"},
    ],
)
def test_a_page_of_somebody_else_invokes_nothing(town: Town, headers: dict[str, str]) -> None:
    assert asked(town, **headers) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:3001"},
        {"Host": "lambda.us-east-1.amazonaws.com"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://127.0.0.1:5173"},
    ],
)
def test_whoever_is_here_invokes(town: Town, headers: dict[str, str]) -> None:
    assert asked(town, **headers) == 200
