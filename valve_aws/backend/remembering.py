"""Lets moto remember what it works out anew for every request although it never changes.

Knows moto's own functions. Does not know what is asked of them, and changes no answer.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

SHORT = 128
"""Characters of a name that is kept. Longer ones are whoever's who asks, and are worked out each time."""

MOST = 1024
"""Names that are kept of each kind."""


def remember() -> None:
    """Change moto so; whatever is imported later included.

    Budget: a guarded call adds less than 1 ms. To find the service that a host's name means, moto lists its
    own folder and looks at each of 175 entries, which took a fifth of a GetObject; to find an operation, it
    looks at all members of a class.
    """
    from moto.core import utils
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    kept: Mapping[str, Callable[[Any], Any]] = {
        "camelcase_to_underscores": short,
        "method_names_from_class": functools.cache,
    }
    for name, keep in kept.items():
        if own := getattr(utils, name, None):  # Why asked: a moto without it is as fast as it is
            _everywhere(name, own, keep(own))
    if find := getattr(DomainDispatcherApplication, "get_backend_for_host", None):
        setattr(DomainDispatcherApplication, "get_backend_for_host", hosts(find))  # noqa: B010  # moto has no switch


def short(function: Callable[[str], str]) -> Callable[[str], str]:
    """Return a function that remembers its answers for short texts."""
    kept = functools.lru_cache(MOST)(function)
    return lambda text: kept(text) if len(text) <= SHORT else function(text)


def hosts(find: Callable[..., Any]) -> Callable[..., Any]:
    """Return the search for a host's service so that it remembers what it has found."""
    kept: dict[str, Any] = {}

    def found(dispatcher: Any, host: str | None) -> Any:
        known = kept.get(host or "")
        if known is None and (known := find(dispatcher, host)) and len(host or "") <= SHORT:
            if len(kept) >= MOST:
                kept.clear()
            kept[host or ""] = known
        return known

    return found


def _everywhere(name: str, old: Any, new: Any) -> None:
    """Put a function in another's place in all of moto's modules that have it by name."""
    for module in [m for title, m in sys.modules.items() if title.startswith("moto.")]:
        if getattr(module, name, None) is old:
            setattr(module, name, new)
