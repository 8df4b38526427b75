"""What every part of every store holds at least, may hold at most, and takes in: floors and ceilings (laws 3,
9, 18).

Knows the policy's `stores` and the clearances, compiled. Does not know the book: what is there now is added
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from valve_aws.flow.cells import Reach, known, reach
from valve_aws.flow.targets import Nearest, instance
from valve_aws.model.cell import ALL, CONFIG, CONTENT, NEW, ONE, Extent, Part
from valve_aws.model.label import ANY, CLEAN, Label, fill
from valve_aws.model.policy import NONE, FlowPolicy, StoreRule, Tags
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.stack import Function, Stack

T = TypeVar("T")

Named = Extent | tuple[str, Part, frozenset[str] | None]
"""What bounds are remembered by."""

REMEMBERED = 4096
"""Extents whose bounds are kept; a function can name any number of them, so the memory starts again when it
is full.
"""


@dataclass(frozen=True, slots=True)
class Bound:
    """Tags for certain, and patterns of tags whose fields the request does not tell."""

    label: Label = CLEAN
    open: tuple[str, ...] = ()
    places: Mapping[str, tuple[str, Where]] = field(default_factory=dict)
    """Tag → (attribute or "", the line that says so)."""

    def widest(self) -> Label:
        """Return the label with open patterns left as they are: such a one is within `a` when whatever fills
        it is.
        """
        return self.label.union(self.open) if self.open else self.label


@dataclass(frozen=True, slots=True)
class Store:
    """One place that content can be in, as the policy sees it."""

    name: str
    """As the request has it."""
    book: str
    """As the book has it: a destination is remembered under the line that names it."""
    title: str
    where: Where
    rule: StoreRule
    declared: bool
    """Some line of `stores` names it."""
    fields: Mapping[str, str]
    keys: tuple[str, ...] | None
    """Key attributes of a table; () where names are one text, None where they are not known."""
    function: Function | None = None
    attributes: frozenset[str] = frozenset()
    """Those that the policy declares."""

    @property
    def destination(self) -> bool:
        """Say whether it lies outside AWS."""
        return not self.name.startswith("arn:")

    @property
    def line(self) -> Where:
        """Return the line that says what it accepts."""
        return self.rule.accepts.where if self.rule.accepts.where.file else self.where


class Ceilings:
    """Every store's bounds, looked up once and remembered."""

    def __init__(self, policy: FlowPolicy, stack: Stack) -> None:
        self._policy, self._stack = policy, stack
        self._rules = {rule.target: rule for rule in policy.stores}
        self._nearest = Nearest(self._rules)
        self._owned = stack.by_arn()
        self._groups = {
            f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/aws/lambda/{f.name}"
            for f in stack.functions.values()
        }
        self._stores: dict[str, Store] = {}
        self._floors: dict[Named, Bound] = {}
        self._mosts: dict[Named, Bound] = {}
        self._takes: dict[Named, tuple[Label, ...]] = {}

    def store(self, name: str) -> Store:
        """Return what is known of a place by its ARN or destination."""
        found = self._stores.get(name)
        if found is None:
            if len(self._stores) >= REMEMBERED:
                self._stores.clear()
            found = self._stores[name] = self._look_up(name)
        return found

    def _look_up(self, name: str) -> Store:
        named = self._nearest.find(name)
        owner = self._owned.get(name)
        title = owner.logical if owner else name
        function = owner if isinstance(owner, Function) else None
        keys: tuple[str, ...] | None = ()
        if ":dynamodb:" in name and name.startswith("arn:"):
            keys = key_attributes(owner.properties) if owner and not isinstance(owner, Function) else None
        if named is None:
            where = owner.where if owner else NOWHERE
            logs = name in self._groups
            accepts = self._policy.logs.accepts if logs else NONE
            # Why sealed: its streams would tell who made a labelled one, and no line can say it.
            rule = StoreRule(name, title, accepts=accepts, sealed=logs, where=where)
            return Store(name, name, title, where, rule, False, {}, keys, function)
        target, fields = named
        rule = self._rules[target]
        book = name if name.startswith("arn:") else instance(target, fields)
        return Store(
            name,
            book,
            owner.logical if owner else rule.written or target,
            rule.where,
            rule,
            True,
            fields,
            keys,
            function,
            frozenset(rule.attributes),
        )

    def clearance(self, function: str, fields: Mapping[str, str] | None = None) -> tuple[Label, Where]:
        """Return what a function may ever learn, and the line that says so; a tag that cannot be filled
        clears nothing.
        """
        rule = self._policy.functions.get(function)
        if rule is None or rule.clearance is None:
            return frozenset({ANY}), NOWHERE
        return _bound([rule.clearance], fields or {}).label, rule.clearance.where

    def floor(self, extent: Extent) -> Bound:
        """Return what an extent carries whatever the book says: `holds` of the store, of its cells and of the
        attributes.
        """
        return self._remember(self._floors, extent, self._floor)

    def most(self, extent: Extent) -> Bound:
        """Return the most that an extent can carry under this policy: `holds` and `accepts` of all of it."""
        return self._remember(self._mosts, extent, self._most)

    def takes(self, extent: Extent) -> tuple[Label, ...]:
        """Return the ceilings that a label must fit, every one, to be written to all of an extent."""
        return self._remember(self._takes, extent, self._take)

    def _remember(self, kept: dict[Named, T], extent: Extent, work_out: Callable[[Extent], T]) -> T:
        store = self._stores.get(extent.store) or self.store(extent.store)
        # Why: where no rule is about keys, every cell of a store has the same bounds.
        named: Named = extent if store.rule.cells else (extent.store, extent.part, extent.attributes)
        found = kept.get(named)
        if found is None:
            if len(kept) >= REMEMBERED:
                kept.clear()
            found = kept[named] = work_out(extent)
        return found

    def _floor(self, extent: Extent) -> Bound:
        store = self.store(extent.store)
        if store.rule.sealed and not (store.function is not None and store.rule.declares_accepts):
            return self.most(extent)
        return self._gather(store, extent, accepts=store.rule.sealed)

    def _most(self, extent: Extent) -> Bound:
        store = self.store(extent.store)
        if store.function is not None and extent.part is CONTENT:
            # Why not what it accepts: that is of its events, and its answer carries what it has learned.
            return Bound(self.clearance(store.function.logical)[0])
        return self._gather(store, extent, accepts=True)

    def _gather(self, store: Store, extent: Extent, accepts: bool) -> Bound:
        rule = store.rule
        if extent.part is CONFIG and not rule.sealed:
            # Why: how a store is set up takes no label (`takes`), so it has none.
            return Bound()
        groups: list[tuple[Tags, Mapping[str, str], str]] = [(rule.holds, store.fields, "")]
        if accepts:
            groups.append((rule.accepts, store.fields, ""))
        names = known(extent, store.keys) if rule.cells else {}
        for cell in rule.cells:
            found, fields = reach(cell.key, names)
            if found:
                both = {**store.fields, **fields}
                groups.append((cell.holds, both, ""))
                if accepts:
                    groups.append((cell.accepts, both, ""))
        if extent.part is CONTENT:
            groups += [
                (tags, store.fields, name)
                for name, tags in rule.attributes.items()
                if extent.attributes is None or name in extent.attributes
            ]
        return _joined(groups)

    def _take(self, extent: Extent) -> tuple[Label, ...]:
        store = self.store(extent.store)
        rule = store.rule
        if store.function is not None and extent.part is CONTENT:
            cleared = self.clearance(store.function.logical)[0]
            own = _bound([rule.holds, rule.accepts], store.fields).label
            return (cleared, own) if rule.declares_accepts else (cleared,)
        if extent.part is CONFIG and not rule.sealed:
            return (CLEAN,)
        label = _bound([rule.holds, rule.accepts], store.fields).label
        names = known(extent, store.keys) if rule.cells else {}
        for cell in rule.cells:
            found, fields = reach(cell.key, names)
            if found is Reach.EVERY and (names or _everywhere(cell.key)):
                label |= _bound([cell.holds, cell.accepts], {**store.fields, **fields}).label
        if extent.part is CONTENT and extent.attributes and extent.attributes <= rule.attributes.keys():
            # Why each on its own: what may be in `email` may not be in `total` because both are written at
            # once.
            return tuple(
                {label | _bound([rule.attributes[a]], store.fields).label for a in sorted(extent.attributes)}
            )
        return (label,)

    def filled_by_name(self, extent: Extent) -> Label:
        """Return the tags that the fields of a cell's own name fill: they are stored when it is written (law
        18).
        """
        store = self.store(extent.store)
        if not store.rule.cells or extent.part is not CONTENT or extent.span is not ONE:
            return CLEAN
        names = known(extent, store.keys)
        found: Label = CLEAN
        for cell in store.rule.cells:
            reached, fields = reach(cell.key, names)
            fielded = tuple(p for p in cell.holds.patterns if "{" in p)
            if reached and fielded:
                found |= filled(Tags(fielded), {**store.fields, **fields})
        return found

    def canonical(self, extent: Extent) -> Extent:
        """Return the extent under the name that the book knows it by."""
        if extent.store.startswith("arn:"):
            return extent  # as `_look_up` has it
        store = self.store(extent.store)
        return extent if store.book == extent.store else replace(extent, store=store.book)

    def declared_attributes(self, extent: Extent) -> frozenset[str]:
        """Return the attributes of an extent that the policy declares, so that each has a cell of its own."""
        if extent.part is not CONTENT:
            return frozenset()
        declared = self.store(extent.store).attributes
        return declared if extent.attributes is None else declared & extent.attributes


def _everywhere(key: Mapping[str, str]) -> bool:
    return all(pattern == "*" for pattern in key.values())


def _joined(groups: Iterable[tuple[Tags, Mapping[str, str], str]]) -> Bound:
    label: set[str] = set()
    still: dict[str, None] = {}
    places: dict[str, tuple[str, Where]] = {}
    for tags, fields, attribute in groups:
        for pattern in tags.patterns:
            try:
                tag = fill(pattern, fields)
            except (KeyError, ValueError):
                still[pattern] = None
                continue
            label.add(tag)
            places.setdefault(tag, (attribute, tags.where))
    return Bound(frozenset(label), tuple(still), places)


def _bound(groups: Iterable[Tags], fields: Mapping[str, str]) -> Bound:
    return _joined((tags, fields, "") for tags in groups)


def filled(tags: Tags, fields: Mapping[str, str]) -> Label:
    """Return the tags of a list with their fields filled; one that cannot be filled is left out."""
    return _bound([tags], fields).label


def key_attributes(properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return a table's key attributes in schema order, from its CloudFormation properties; None when they are
    not there.
    """
    schema = properties.get("KeySchema")
    if not isinstance(schema, list | tuple):
        return None
    found = {str(k.get("KeyType")): str(k.get("AttributeName")) for k in schema if isinstance(k, Mapping)}
    return tuple(found[kind] for kind in ("HASH", "RANGE") if kind in found) if "HASH" in found else None


def fresh(store: str) -> Extent:
    """Return a new cell of a store, its name not known yet."""
    return Extent(store, CONTENT, NEW)


def whole(store: str) -> Extent:
    """Return all content of a store."""
    return Extent(store, CONTENT, ALL)
