"""Imports modules beforehand, out of sight, and gives them where an import would have found the same files.

Knows imports: which module needs which, what each registers, which variables are read. Does not know what
for, nor processes; that is the zygote's. Standard library only.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # Why not typing's own: importing it would cost more than all the rest here.
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    Redo = tuple[int, list[Any] | dict[str, Any] | None, bool, Any]

NEVER_COMPARED = {"sys", "builtins", "__main__", "__mp_main__", "_valve_evidence"}
"""Modules whose attributes change in every start; nothing that is kept takes its own from them."""


class Ahead:
    """Watches imports while they are made."""

    def __init__(self) -> None:
        self.needs: dict[str, set[str]] = {}
        self.effects: dict[str, list[Redo]] = {}
        """Module → what its import has added to what the interpreter keeps: (number in the order of all,
        where, at its front, what)."""
        self._changed = 0
        self.asked: set[str] = set()
        self._running: list[str] = []
        self._at_exit: list[Any] = []
        self._import = builtins.__import__
        self._variables: Any = os._Environ
        self._look_up = os._Environ.__getitem__
        self._walk = os._Environ.__iter__
        self._seen: dict[str, Any] = {}
        self._lists: dict[str, list[Any]] = {}

    def __enter__(self) -> Ahead:
        look_up, walk = self._look_up, self._walk

        def asking(environ: Any, name: str) -> str:
            self.asked.add(name)
            found: str = look_up(environ, name)
            return found

        def walking(environ: Any) -> Any:
            self.asked.add("*")
            return walk(environ)

        self._variables.__getitem__ = asking
        self._variables.__iter__ = walking
        builtins.__import__ = self._importing
        sys.meta_path.insert(0, self)
        self._seen = self.state()
        return self

    def __exit__(self, *_: object) -> None:
        self._variables.__getitem__ = self._look_up
        self._variables.__iter__ = self._walk
        builtins.__import__ = self._import
        exits: Any = sys.modules.get("atexit")
        if exits and self._at_exit:
            exits.register = self._at_exit[0]
        sys.meta_path.remove(self)

    def _importing(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        got = self._import(name, globals, locals, fromlist, level)
        told = (globals or {}).get("__name__", "")
        absolute = name
        if level:
            package = (globals or {}).get("__package__") or told
            stem = package.rsplit(".", level - 1)[0] if level > 1 else package
            absolute = f"{stem}.{name}" if name else stem
        if told not in self._running:  # a function of a module that was imported before: for who calls it
            told = self._running[-1] if self._running else ""
        wanted = {absolute, *(f"{absolute}.{each}" for each in fromlist or ())}
        self.needs.setdefault(told, set()).update(each for each in wanted if each in sys.modules)
        return got

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return another finder's spec, its loader watched while it runs."""
        for finder in sys.meta_path:
            spec: Any = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Watched(spec.loader, spec, self)
                return spec
        return None

    def run(self, name: str, execute: Callable[[], None]) -> None:
        """Execute a module's code, and note what it brought."""
        before = set(sys.modules)
        self._running.append(name)
        try:
            execute()
        finally:
            self._running.pop()
        brought = {each for each in sys.modules if each not in before}
        self.needs.setdefault(name, set()).update(brought - {name})
        if name == "atexit":
            self._watch_exits()
        self.effects.setdefault(name, []).extend(self._changes())

    def _watch_exits(self) -> None:
        module: Any = sys.modules["atexit"]
        true = module.register
        self._at_exit.append(true)

        def register(function: Any, *args: Any, **kwargs: Any) -> Any:
            self._at_exit.append((function, args, kwargs))
            return true(function, *args, **kwargs)

        module.register = register

    def state(self) -> dict[str, Any]:
        """Return copies of what imports add to, by name."""
        found: dict[str, Any] = {"finders": (sys.meta_path, list(sys.meta_path))}
        for module, name in (("warnings", "filters"), ("threading", "_threading_atexits")):
            there = getattr(sys.modules.get(module), name, None)
            # Why not another list: within `catch_warnings` there is one that lasts as long as the block.
            if isinstance(there, list) and self._lists.setdefault(name, there) is there:
                found[name] = (there, list(there))
        root = getattr(sys.modules.get("logging"), "root", None)
        if root:
            found["loggers"] = (root.manager.loggerDict, dict(root.manager.loggerDict))
        for name in ("_cache", "_cache2"):
            patterns = getattr(sys.modules.get("re"), name, None)
            if isinstance(patterns, dict):
                found[name] = (patterns, dict(patterns))
        found["exits"] = (self._at_exit, list(self._at_exit))
        return found

    def _changes(self) -> list[Redo]:
        """Return what was added since the last look."""
        changes: list[tuple[Any, bool, Any]] = []
        state = self.state()
        for what, (there, now) in state.items():
            then = self._seen.get(what, (there, now))[1]
            if what == "loggers":
                new = [item for item in now.items() if then.get(item[0]) is not item[1]]
                changes += [(there, False, item) for item in new]
            elif what == "exits":
                changes += [(None, False, each) for each in now[len(then) :] if type(each) is tuple]
            elif isinstance(now, list):
                front = bool(then) and now[-1] is then[-1]
                new = [entry for entry in now if not any(entry is each for each in then)]
                changes += [(there, front, entry) for entry in (reversed(new) if front else new)]
        self._seen |= state
        first, self._changed = self._changed, self._changed + len(changes)
        return [(first + number, *change) for number, change in enumerate(changes)]

    def closure(self, names: Iterable[str]) -> set[str]:
        """Return these modules and all that they need, the packages that they are in included."""
        found: set[str] = set()
        ahead = list(names)
        while ahead:
            name = ahead.pop()
            if name in found or name not in sys.modules:
                continue
            found.add(name)
            ahead += self.needs.get(name, ())
            ahead += [name.rpartition(".")[0]]
        return found


class _Watched:
    """Loads a module with its own loader, which is all that stays of it."""

    def __init__(self, own: Any, spec: Any, ahead: Ahead) -> None:
        self._own, self._spec, self._ahead = own, spec, ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: Any) -> Any:
        return self._own.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._spec.loader = module.__loader__ = self._own
        self._ahead.run(module.__name__, lambda: self._own.exec_module(module))


class Given:
    """The loader of a module that is there already."""

    def __init__(self, module: Any) -> None:
        self._module, self._made_by = module, (module.__spec__, module.__loader__)

    def create_module(self, _: Any) -> Any:
        """Return the module itself."""
        return self._module

    def exec_module(self, module: Any) -> None:
        """Leave it as its own loader has made it."""
        module.__spec__, module.__loader__ = self._made_by


class Stash:
    """Gives a module that was imported beforehand if an import now would make the same one.

    The same: every module that it needs, however far down, would come from the same file, and none that has
    been imported meanwhile is another or has had an attribute changed. Otherwise it knows nothing, and the
    module is imported as if nothing were here. So a function's own copy of whatever is here wins, wherever
    and whenever it puts that on its path.
    """

    def __init__(
        self, ahead: Ahead, shown: set[str], state: dict[str, Any], importers: dict[str, Any]
    ) -> None:
        """Put everything out of sight but `shown`, and the lists of the interpreter back to `state`.

        `importers` are those of folders that only packages out of sight lie in.
        """
        self._importers = importers
        self._all = dict(sys.modules)
        self._kept = {name: module for name, module in self._all.items() if name not in shown}
        self._groups = {name: ahead.closure([name]) for name in self._kept}
        self._effects = ahead.effects
        self._finders: list[Any] = []
        self._cut: dict[str, Any] = {}
        """What modules out of sight were as attributes of packages that are in sight."""
        self._given: list[Any] = []
        """Loggers that came with modules."""
        for name in self._kept:
            package, _, last = name.rpartition(".")
            if package in shown:
                self._cut[name] = vars(sys.modules[package])[last]
                delattr(sys.modules[package], last)
            for _, where, _, what in self._effects.get(name, ()):
                if where is None:
                    sys.modules["atexit"].unregister(what[0])
            del sys.modules[name]
        for what, (there, then) in state.items():
            if what != "exits":
                there.clear()
                there.extend(then) if isinstance(there, list) else there.update(then)
        _filters_changed()
        self._as_made = {name: _content(module) for name, module in self._all.items()}

    def settle(self) -> None:
        """Take what is there at this moment, after the fork, for what a start without us has made."""
        self._finders = list(sys.meta_path)
        self._as_made |= {name: _content(module) for name, module in sys.modules.items()}

    def give(self, name: str, watched: dict[str, Any], root: str) -> Any:
        """Return a spec that gives the module, and put all that it needs in place; None if it is another.

        `watched` has what is to be done with modules by name once they are there.
        """
        if name not in self._kept or not self._usual():
            return None
        group = self._groups[name]
        if not all(map(self._same, group)):
            return None
        given = [each for each in self._all if each in group and each in self._kept]
        effects = sorted(
            (effect for each in given for effect in self._effects.get(each, ())), key=lambda effect: effect[0]
        )
        if not all(map(self._free, effects)):
            return None
        module = self._kept[name]
        for each in given:
            there = self._kept.pop(each)
            if each != name:  # what is there already would be loaded by its own loader, once more
                sys.modules[each] = there
        for each in given:
            if each in self._cut:
                package, _, last = each.rpartition(".")
                setattr(sys.modules[package], last, self._cut[each])
            for path in getattr(self._all[each], "__path__", ()):
                if path in self._importers:
                    sys.path_importer_cache.setdefault(path, self._importers[path])
            if each in watched:
                watched[each](self._all[each], root)
        self._redo(effects)
        specification: Any = type(sys.__spec__)  # ModuleSpec, whose own module may not be imported
        return specification(name, Given(module), origin=getattr(module.__spec__, "origin", None))

    def _free(self, effect: Redo) -> bool:
        """Say whether no logger of this name is there that the function has made itself."""
        _, where, _, what = effect
        if not isinstance(where, dict) or what[0] not in where:
            return True
        return any(where[what[0]] is each for each in self._given)

    def _redo(self, effects: list[Redo]) -> None:
        """Register what these modules have registered when they were imported."""
        for _, where, front, what in effects:
            if where is None:
                sys.modules["atexit"].register(what[0], *what[1], **what[2])
            elif isinstance(where, dict):
                where[what[0]] = what[1]
                self._given.append(what[1])
            else:
                if front and what in where:
                    where.remove(what)
                where.insert(0 if front else len(where), what)
                self._finders.append(what)
        if effects:
            _filters_changed()

    def _usual(self) -> bool:
        """Say whether nobody but us has a say in where modules come from."""
        return all(any(finder is each for each in self._finders) for finder in sys.meta_path)

    def _same(self, name: str) -> bool:
        """Say whether a module is as it was made, or would be made from the same file."""
        here, there = sys.modules.get(name), self._all[name]
        if here is None:
            return name in self._kept and ("." in name or _same_place(name, there))
        made = self._as_made[name]
        return here is there and all(here.__dict__.get(key, made) is value for key, value in made)


def _same_place(name: str, module: Any) -> bool:
    origin = getattr(module.__spec__, "origin", None)
    if origin in {"built-in", "frozen"} or module.__spec__ is None:
        return True
    for finder in sys.meta_path:
        if type(finder).__module__ != "_valve_evidence":
            spec = finder.find_spec(name, None)
            if spec is not None:
                return spec.origin == origin
    return False


def _content(module: ModuleType) -> list[tuple[str, Any]]:
    return [] if module.__name__ in NEVER_COMPARED else list(vars(module).items())


def _filters_changed() -> None:
    """Have the interpreter look at `warnings.filters` anew; leaving the block is what says so."""
    import warnings

    with warnings.catch_warnings():
        pass
