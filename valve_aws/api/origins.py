"""Pages of others, in the browser of whoever runs a server of ours: what tells them from whoever is here.

Knows names and addresses that mean this machine. Does not know what is asked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

CLOUD = ("amazonaws.com", "amazonaws.com.cn", "on.aws")
"""What names of AWS end with: nobody else leads them here."""


def stranger(header: Callable[[str], str | None], host: str) -> str | None:
    """Return the page that asks and may not, as a browser tells of it, "" for one that it does not name; None
    where nobody, or a page of this machine, asks. `host` is what a server was asked to listen on.

    Why not a page of the very port: what is served there is what functions and objects say. Why `Referer`,
    too: no `Origin` comes with a GET for an image, nor with one to where the page itself is from (Fetch
    Standard, "Origin header"; Fetch Metadata, `Sec-Fetch-Site`).
    """
    page = header("origin")
    if not page:
        if header("sec-fetch-site") in {None, "", "none"}:
            return None
        page = header("referer") or ""
    return None if home(page, host) and _port(page) != _port(f"http://{header('host')}") else page


def _port(url: str) -> int | None:
    try:
        found = urlsplit(url)
        return found.port or {"http": 80, "https": 443}.get(found.scheme)
    except ValueError:
        return None


def home(origin: str, host: str) -> bool:
    """Say whether a page is of this machine, by its `Origin`; `host` is what a server was asked to listen on.

    Why neither AWS's names nor other addresses: anybody may have a page there.
    """
    try:
        name = (urlsplit(origin).hostname or "").lower()
    except ValueError:
        return False
    return _here(name) or (bool(name) and name == host.lower())


def addressed(authority: str, host: str) -> bool:
    """Say whether a `Host` can only mean this machine, or AWS. Any other may be led here by its owner."""
    name = re.sub(r":[0-9]*$", "", authority).strip("[]").lower()
    named = any(name == each or name.endswith(f".{each}") for each in CLOUD)
    return named or name == host.lower() or _here(name) or _address(name) is not None


def _here(name: str) -> bool:
    found = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (found is not None and found.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
