"""How often a test process looks for garbage.

Knows the collector. Does not know who makes any.
"""

from __future__ import annotations

import gc


def seldom() -> None:
    """Look less often than the default, which is meant for programs that keep little.

    Why: tests keep much (syntax trees of the whole project, models of services, generated examples) and make
    it in bulk. To parse the project takes 7.4 s of processor time with the default and 1.9 s with this.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
