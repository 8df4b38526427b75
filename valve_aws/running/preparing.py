"""A function made ready to be run, once its code has been looked at.

Knows where what is put inside lies. Does not know environments.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from valve_aws.environments.cache import Cache
from valve_aws.environments.host import cache_folder
from valve_aws.environments.prepare import Prepared, prepare
from valve_aws.model.stack import Function
from valve_aws.settings import Settings
from valve_aws.template import inspect


def ready(function: Function, settings: Settings, say: Callable[[str], None]) -> Prepared:
    """Prepare a function before anything is started. Raises `Invalid`."""
    return whole(function, Cache(cache_folder(), say), say, settings.allow_build)


def whole(function: Function, cache: Cache, say: Callable[[str], None], allow_build: bool) -> Prepared:
    """Prepare a function once nothing in its code or its layers leads out of them."""
    for code in (function.code, *(layer.code for layer in function.layers)):
        inspect(code)
    return prepare(function, cache, _shims(), say, allow_build)


def _shims() -> Path:
    """Return the folder of what is put inside: the wheel carries it, a checkout has it beside the package."""
    package = Path(__file__).parents[1]
    carried = package / "_shims" / "python"
    return carried if carried.is_dir() else package.parent / "shims" / "python"
