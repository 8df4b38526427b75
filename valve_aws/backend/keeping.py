"""All that an embedded cloud holds, as bytes, and from bytes again.

Knows how moto keeps its services. Does not know where the bytes are kept, nor that they belong to a book.
"""

from __future__ import annotations

import copyreg
import importlib
import io
import pickle
import threading
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from types import FunctionType
from typing import Any, BinaryIO

NEW = vars(copyreg)["__newobj__"]
"""By which pickle makes an object without its constructor."""

LOCK, RLOCK = type(threading.Lock()), type(threading.RLock())

PLAIN = frozenset(
    """
    builtins.set builtins.frozenset builtins.bytearray builtins.complex builtins.range builtins.slice
    builtins.object collections.OrderedDict collections.defaultdict collections.deque collections.Counter
    copyreg._reconstructor datetime.date datetime.datetime datetime.time datetime.timedelta datetime.timezone
    decimal.Decimal requests.structures.CaseInsensitiveDict uuid.UUID re._compile threading.Event
    builtins.list builtins.dict builtins.str builtins.int builtins.bytes builtins.float builtins.tuple
    """.split()
)
"""What may stand in a kept cloud beside moto's own classes; nothing in it is ever called but these."""

OURS = frozenset({"condition", "lock", "rlock", "nobody", "private_key"})

APART = ("moto.moto_proxy", "moto.moto_server", "moto.server", "moto.moto_api")
"""Modules of moto's that serve and hold nothing; some of their classes run programs."""

OF_EVERY = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})
"""What any `BackendDict` has; the rest is the service's own."""


class Unreadable(Exception):
    """The bytes are no cloud that this moto can be."""


def condition() -> Any:
    """Return a condition that nobody waits for."""
    return threading.Condition()


def lock() -> Any:
    """Return a lock that nobody holds."""
    return threading.Lock()


def rlock() -> Any:
    """Return such a lock that its holder may take again."""
    return threading.RLock()


def nobody() -> Any:
    """Stand for a function that has no name to be found by (`_revived` puts moto's own in its place)."""
    return _unnamed


def _unnamed() -> Any:
    raise LookupError("this was made by a function that could not be kept")


def private_key(written: bytes) -> Any:
    """Return a key of KMS."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(written, None)


class _Pickler(pickle.Pickler):
    def __init__(self, out: BinaryIO) -> None:
        super().__init__(out, protocol=5)
        self._places = _places()

    def persistent_id(self, value: Any) -> Any:
        """Return where a service stands that something refers to: it is there already when that is read."""
        return self._places.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        """Return how what cannot be written is made anew."""
        for kind, made in ((LOCK, lock), (RLOCK, rlock), (threading.Condition, condition)):
            if isinstance(value, kind):
                return made, ()
        if isinstance(value, FunctionType) and "<locals>" in value.__qualname__:
            return nobody, ()
        if isinstance(value, Enum):
            # Why not as it says itself: of old by `getattr`, which nothing that is kept may call.
            return type(value), (value.value,)
        if isinstance(value, defaultdict) and type(value) is not defaultdict:
            # Why anew: one of moto's own has another constructor than the one that it would be called by.
            state = vars(value), {"default_factory": value.default_factory}
            return NEW, (type(value),), state, None, iter(value.items())
        if hasattr(value, "private_bytes"):
            from cryptography.hazmat.primitives import serialization as to

            plain = to.NoEncryption()
            return private_key, (value.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, plain),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, written: BinaryIO) -> None:
        super().__init__(written)
        self._classes: dict[type, dict[str, Any]] = {}

    def load(self) -> Any:
        """Return what was written. Raises `Unreadable`.

        Why the classes are looked at: a pickle may give what it names a state, and what it names are classes.
        """
        try:
            return super().load()
        finally:
            self._unchanged()

    def _unchanged(self) -> None:
        changed = False
        for kind, before in self._classes.items():
            now = dict(vars(kind))
            for name in (now.keys() | before.keys()) - {"__annotations__"}:
                if now.get(name, kind) is before.get(name, kind):
                    continue
                changed = True
                if name in before:
                    setattr(kind, name, before[name])
                else:
                    delattr(kind, name)
        if changed:
            raise Unreadable("it changes a class, which no kept cloud does")

    def persistent_load(self, place: Any) -> Any:
        """Return the service that stands there."""
        module, service, account, region = place
        return _service(module, service)[account][region]

    def find_class(self, module: str, name: str) -> Any:
        """Return a class of moto, or one of the few plain ones: what else is named is not looked up.

        Why: the file lies in the user's folder, and what a pickle may name it may call.
        """
        if f"{module}.{name}" in PLAIN:
            found = super().find_class(module, name)
            if isinstance(found, type):
                self._classes.setdefault(found, dict(vars(found)))
            return found
        if module == __name__ and name in OURS:
            return globals()[name]
        if module.startswith("moto.") and not module.startswith(APART):
            found = super().find_class(module, name)
            own = isinstance(found, type) and not issubclass(found, type)
            if own and found.__module__.startswith("moto.") and not found.__module__.startswith(APART):
                self._classes.setdefault(found, dict(vars(found)))
                return found
        raise Unreadable(f"`{module}.{name}` has no place in a kept cloud")


def write(out: BinaryIO) -> list[str]:
    """Write down every service that is in use; return what could not be kept, in words."""
    found, lost, places = [], [], _places()
    for service in _services():
        for regions in service.values():
            for backend in regions.values():
                where = places[id(backend)]
                try:
                    # Why both ways: what cannot be read again is to be told now, not when it is missed.
                    _Unpickler(io.BytesIO(_dumped(vars(backend)))).load()
                except Exception as error:  # Why all: what moto keeps there is its own, and may be anything
                    lost.append(f"{service.service_name}: {error}")
                else:
                    found.append((where, vars(backend)))
        for name, value in vars(service).items():
            if name not in OF_EVERY:
                found.append(((service.__class__.__module__, service.service_name, name, ""), value))
    out.write(_dumped(found))
    return lost


def read(written: BinaryIO) -> None:
    """Put every service back as it was. Raises `Unreadable`."""
    try:
        found = _Unpickler(written).load()
        for (module, service, name, region), value in found:
            kept = _service(module, service)
            if region:
                backend = kept[name][region]
                for attribute, content in value.items():
                    setattr(backend, attribute, _revived(getattr(backend, attribute, None), content))
            else:
                setattr(kept, name, value)
    except Unreadable:
        raise
    except Exception as error:  # Why all: another moto's classes may differ in any way
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _dumped(value: Any) -> bytes:
    out = io.BytesIO()
    _Pickler(out).dump(value)
    return out.getvalue()


def _revived(fresh: Any, content: Any) -> Any:
    """Return what was kept, with moto's own maker of what is missing where it could not be kept."""
    if isinstance(content, defaultdict) and content.default_factory is _unnamed:
        content.default_factory = fresh.default_factory if isinstance(fresh, defaultdict) else None
    return content


def _places() -> dict[int, tuple[str, str, str, str]]:
    """Return where each service that is in use stands, by its identity."""
    return {
        id(backend): (type(backend).__module__, service.service_name, account, region)
        for service in _services()
        for account, regions in service.items()
        for region, backend in regions.items()
    }


def _services() -> Iterator[Any]:
    from moto.core.base_backend import BackendDict

    yield from vars(BackendDict)["_instances"]


def _service(module: str, name: str) -> Any:
    from moto.core.base_backend import BackendDict

    if not module.startswith("moto."):
        raise Unreadable(f"`{module}` is no service")
    for value in vars(importlib.import_module(f"moto.{module.removeprefix('moto.')}")).values():
        if isinstance(value, BackendDict) and value.service_name == name:
            return value
    raise Unreadable(f"there is no service `{name}` in `{module}`")
