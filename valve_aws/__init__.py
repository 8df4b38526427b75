"""Runs AWS Lambda functions on your own machine behind a valve that follows labelled data.

Knows its own version. Does not know any room; each is imported by whoever needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # Why not typing's own: importing it would cost every program that looks up the version.
    from valve_aws.cooperative.guarding import Guard, guard

__version__ = "0.1.0"

__all__ = ["Guard", "guard"]


def __getattr__(name: str) -> object:
    """Return the guard for tests within one process, imported when it is first asked for (PEP 562)."""
    if name in __all__:
        from valve_aws.cooperative import guarding

        found: object = getattr(guarding, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
