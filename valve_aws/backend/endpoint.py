"""Where requests go upstream.

Knows addresses, how users of LocalStack say them, and the credential that is good there. Does not know how a
request is signed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from valve_aws.model.call import Key
from valve_aws.model.source import Invalid, Where

LOCAL_KEY = Key("testing", "testing", "testing")
"""Why: moto takes any key."""


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
    session: str = ""
    """Which start of it answered (`/_localstack/info`); "" where that is not told."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:4566`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

ACCOUNTS = {"moto": "123456789012", "localstack": "000000000000", "url": "123456789012"}
"""The account that each kind takes an unknown key for (moto's `ACCOUNT_ID`, LocalStack's default)."""

PORT = 4566
"""LocalStack's (docs.localstack.cloud: `GATEWAY_LISTEN`), and that of what stands in for it."""

NAME = "localhost.localstack.cloud"
"""A public name of 127.0.0.1, as is every name below it. Why it is not looked up: without a network it is not
found."""

ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
OWN_KEY = re.compile(r"L[KS]IA[A-Z2-7]{16,}", re.ASCII)
"""A key that LocalStack's IAM or STS has issued. A real key (`AKIA…`, `ASIA…`) says no account to it."""


def endpoint(written: str, account: str = "", place: Mapping[str, str] | None = None) -> Endpoint:
    """Read `--backend`: `localstack`, or a URL of an endpoint that serves every service.

    `place` is what the environment says (`settings.PLACE`): for `localstack` where it is, as
    localstack-client reads it; for both the account, where `account` does not. Raises `Invalid` for anything
    else.
    """
    told = {name: value.strip() for name, value in (place or {}).items() if value.strip()}
    where, url = Where("--backend"), written
    if written == "localstack":
        where, url = _by_variables(told)
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Invalid(where, f"`{url}` has no usable port", "give a number from 1 to 65535") from error
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
            f"`{url}` is no backend",
            "say `moto`, `localstack` or a URL such as `http://127.0.0.1:4566`",
        )
    if parts.hostname.endswith(AWS):
        raise Invalid(where, f"`{url}` is AWS itself", "name an emulator: nothing here calls real AWS")
    named = f".{parts.hostname}".endswith(f".{NAME}")
    kind = "localstack" if written == "localstack" or port == PORT or named else "url"
    tls = parts.scheme == "https"
    # Why no TLS name of another kind: its certificate is for the name, so over TLS the name is kept.
    host = "127.0.0.1" if named and not tls else parts.hostname
    account = account or account_of(told.get("AWS_ACCESS_KEY_ID", "")) or ACCOUNTS[kind]
    generation = f"{parts.scheme}://{host}:{port}/{account}"
    return Endpoint(kind, host, port, tls, account, generation, Key(account, "test", ""))


def _by_variables(told: Mapping[str, str]) -> tuple[Where, str]:
    """Return which variable says where LocalStack is, and its URL, with localstack-client's precedence."""
    if url := told.get("AWS_ENDPOINT_URL"):
        return Where("AWS_ENDPOINT_URL"), url
    name = "LOCALSTACK_HOST" if "LOCALSTACK_HOST" in told else "LOCALSTACK_HOSTNAME"
    host = told.get(name) or "127.0.0.1"
    port = "" if re.search(r":[^\]:]*$", host) else f":{told.get('EDGE_PORT') or PORT}"
    scheme = "https" if told.get("USE_SSL", "").lower() in {"1", "true"} else "http"
    return Where(name), f"{scheme}://{host}{port}"


def account_of(key: str) -> str:
    """Return the account that LocalStack takes an access key for, "" where the key does not say.

    Source: docs.localstack.cloud, multi-account setups; in a key of IAM's the account is coded in base32.
    """
    if ACCOUNT.fullmatch(key):
        return key
    if not OWN_KEY.fullmatch(key):
        return ""
    coded = int.from_bytes(base64.b32decode(key[4:20])[:6], "big")
    account = f"{(coded & 0x7FFFFFFFFF80) >> 7:012}"
    return account if ACCOUNT.fullmatch(account) else ""
