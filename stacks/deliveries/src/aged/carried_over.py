"""What Python has dropped since 2019 and an SDK of that year still imports."""

import collections
import collections.abc
import email.message
import importlib.machinery
import importlib.util
import sys
import types


def prepare():
    """Put it back: names of `collections` (3.10), old importers (3.12), `cgi.parse_header` (3.13)."""
    for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSet", "Sequence"):
        setattr(collections, name, getattr(collections.abc, name))
    sys.meta_path.append(OldImporters())
    if importlib.util.find_spec("cgi") is None:
        sys.modules["cgi"] = types.ModuleType("cgi")
        sys.modules["cgi"].parse_header = parse_header


class OldImporters:
    """Asks the importers that know `find_module` only, as `six` of 2019 does."""

    def find_spec(self, name, path=None, target=None):
        for old in sys.meta_path:
            if not hasattr(old, "find_spec") and old.find_module(name, path):
                package = name.endswith(".moves")
                return importlib.machinery.ModuleSpec(name, OldLoader(old), is_package=package)
        return None


class OldLoader:
    """Loads with an importer's `load_module`."""

    def __init__(self, old):
        self.old = old

    def create_module(self, spec):
        return self.old.load_module(spec.name)

    def exec_module(self, module):
        """It is loaded."""


def parse_header(line):
    """A header's value and parameters."""
    message = email.message.Message()
    message["content-type"] = line
    (value, _), *rest = message.get_params()
    return value, dict(rest)
