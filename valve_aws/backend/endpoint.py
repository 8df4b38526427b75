"""Where requests go upstream.

Knows addresses and the credential that is good there. Does not know how a request is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from valve_aws.model.call import Key
from valve_aws.model.source import Invalid, Where

LOCAL_KEY = Key("testing", "testing", "testing")
"""Why: emulators take any key; a 12-digit one would select an account on LocalStack."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address for every service. `generation` is part of every cell's identity (ADR 2)."""

    kind: str
    """`moto`, `localstack` or `url`."""
    host: str
    port: int
    tls: bool
    account: str
    generation: str
    credential: Key = LOCAL_KEY

    @property
    def url(self) -> str:
        """`http://127.0.0.1:4566`."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

ACCOUNTS = {"moto": "123456789012", "localstack": "000000000000", "url": "123456789012"}
"""The account that each kind takes an unknown key for (moto's `ACCOUNT_ID`, LocalStack's default)."""


def endpoint(written: str, account: str = "") -> Endpoint:
    """Read `--backend`: `localstack` (127.0.0.1:4566) or a URL of an endpoint that serves every service.

    Raises `Invalid` for anything else.
    """
    kind = "localstack" if written == "localstack" else "url"
    parts = urlsplit("http://127.0.0.1:4566" if kind == "localstack" else written)
    where = Where("--backend")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Invalid(where, f"`{written}` has no usable port", "give a number from 1 to 65535") from error
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise Invalid(
            where,
            f"`{written}` is no backend",
            "say `moto`, `localstack` or a URL such as `http://127.0.0.1:4566`",
        )
    if parts.hostname.endswith(AWS):
        raise Invalid(where, f"`{written}` is AWS itself", "name an emulator: nothing here calls real AWS")
    account = account or ACCOUNTS[kind]
    name = f"{parts.scheme}://{parts.hostname}:{port}"
    return Endpoint(kind, parts.hostname, port, parts.scheme == "https", account, f"{name}/{account}")
