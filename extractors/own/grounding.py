"""Does the page bear out what the model answered to a schema of the user's own? Every value gets a verdict.

In: an answer as JSON, the user's model, the page's words. Out: a `FoundValue` per number, text, date and choice. What is printed nowhere on
the page is a `mismatch` and needs review; a page without words leaves everything `unavailable` and in need of review. A choice (a bool,
an enum, a literal) is a judgement that no word bears out: it is `unavailable` where its own text is not printed, and needs
review when the model was not sure.
"""

from __future__ import annotations

import json
import math
import types
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from statistics import median
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from extractors.own.words import Place, PrintedPage
from extractors.worker.confidence import Path
from schemas.box import Box
from schemas.records import FoundValue, Grounding

SURE_CHOICE = 0.9  # probability of its least likely token from which a judgement is let stand
SURE_PLACE = 0.5  # below it the model wavered between several figures, all of them printed
BESIDE = 1.5  # heights of a value: how far from the line of its entry a figure may stand
SIDEWAYS = (
    0.3  # weight of a distance along the line beside one across lines: values of one thing stand in one row
)


@dataclass(frozen=True)
class Leaf:
    """One value of an answer."""

    path: Path  # in the JSON
    name: str  # the path as a person writes it: lines[2].amount
    field: str  # the same without the numbers of list entries
    value: Any  # Decimal, str, date, datetime, time, bool
    read: str
    choice: bool = False


@dataclass
class _Search:
    leaf: Leaf
    places: list[Place]
    chosen: Place | None = None
    note: str | None = field(default=None)


def ground_answer(
    answer: str, model: type[BaseModel], printed: PrintedPage, page: int, odds: Mapping[Path, float]
) -> tuple[FoundValue, ...]:
    """Return the verdict on each value of an answer. `odds` are the model's own, 0 to 1, by path in the JSON."""
    leaves = list(
        leaves_of(
            json.loads(answer, parse_float=Decimal, parse_int=Decimal),
            model.model_validate_json(answer),
            model,
        )
    )
    searches = [_Search(leaf, _places(leaf, printed)) for leaf in leaves]
    _choose(searches)
    _count(searches)
    _stray(searches)
    return tuple(
        _verdict(search, page, odds.get(search.leaf.path, 1.0), bool(printed.words)) for search in searches
    )


def _places(leaf: Leaf, printed: PrintedPage) -> list[Place]:
    value = leaf.value
    if isinstance(value, bool):
        return []
    if isinstance(value, Decimal):
        return printed.numbers(value) if value.is_finite() else []
    if isinstance(value, datetime):
        days = printed.dates(value.date())
        return days if value.time() == time() or _times(value.time(), printed) else []
    if isinstance(value, date):
        return printed.dates(value)
    if isinstance(value, time):
        return _times(value, printed)
    return printed.texts(str(value))


def _times(value: time, printed: PrintedPage) -> list[Place]:
    forms = (
        [value.strftime("%H:%M:%S"), value.strftime("%H:%M")]
        if value.second == 0
        else [value.strftime("%H:%M:%S")]
    )
    return next((found for form in forms if (found := printed.texts(form))), [])


def _choose(searches: Sequence[_Search]) -> None:
    """Choose among several places the one nearest to what else was found of the same thing, and taken by nobody."""
    groups: dict[Path, list[_Search]] = defaultdict(list)
    for search in searches:
        groups[search.leaf.path[:-1]].append(search)
    taken: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    last = 0.0  # how far down the page the thing before was found
    for group in groups.values():
        anchors = [s.places[0].box for s in group if len(s.places) == 1]
        for search in sorted(group, key=lambda s: len(s.places)):
            free = [p for p in search.places if p.words not in taken[search.leaf.field]] or search.places
            if not free:
                continue
            search.chosen = min(free, key=lambda p: _distance(p.box, anchors, last))
            taken[search.leaf.field].add(search.chosen.words)
            anchors.append(search.chosen.box)
        if anchors:
            last = max(box.y0 for box in anchors) if len(group) > 1 else last


def _distance(box: Box, anchors: Sequence[Box], last: float) -> tuple[float, float, float]:
    x, y = box.center
    if not anchors:
        return (0.0 if y >= last else 1.0, y, x)
    level = median(a.center[1] for a in anchors) if len(anchors) > 2 else None
    near = min(abs(y - (level or a.center[1])) + SIDEWAYS * abs(x - a.center[0]) for a in anchors)
    return (near, y, x)


def _stray(searches: Sequence[_Search]) -> None:
    """Mark figures of list entries that are printed, but far from the other values of their entry."""
    groups: dict[str, list[_Search]] = defaultdict(list)
    for search in searches:
        if search.chosen is not None and "[" in search.leaf.name:
            groups[search.leaf.name.rpartition("]")[0]].append(search)
    for group in groups.values():
        for search in group:
            others = [s.chosen.box for s in group if s is not search and s.chosen]
            if len(others) < 2 or not isinstance(search.leaf.value, Decimal) or not search.chosen:
                continue
            level = median(box.center[1] for box in others)
            reach = BESIDE * max(box.height for box in others)
            near = [box for box in others if abs(box.center[1] - level) <= reach]
            if len(near) < 2:  # an entry whose values stand below each other
                continue
            if abs(search.chosen.box.center[1] - level) > reach + search.chosen.box.height:
                search.note = "printed, but not beside the rest of its entry"


def _count(searches: Sequence[_Search]) -> None:
    """Mark figures of list entries that were read more often than they are printed: an entry was read twice."""
    used: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for search in searches:
        if search.chosen is None or not isinstance(search.leaf.value, Decimal) or "[" not in search.leaf.name:
            continue
        key = (search.leaf.field, search.chosen.words)
        used[key] += 1
        if used[key] > 1:
            search.note = "read more often than it is printed"


def _verdict(search: _Search, page: int, odds: float, has_words: bool) -> FoundValue:
    leaf, place = search.leaf, search.chosen
    grounding: Grounding
    note = search.note
    if place is not None:
        grounding = (
            "mismatch" if note else "exact" if place.exact else "normalised"
        )  # a place it must not have is none
        note = note or place.doubt
        if note is None and odds < SURE_PLACE:
            note = "the model was not sure"
    elif leaf.choice:
        grounding = "unavailable"
        note = None if odds >= SURE_CHOICE else "a judgement of which the model was not sure"
    elif not has_words:
        grounding, note = "unavailable", "the page has no words to compare with"
    else:
        grounding, note = "mismatch", "not printed on the page"
    return FoundValue(
        path=leaf.name,
        read=leaf.read,
        printed=place.text if place else None,
        page=page,
        bbox=place.box if place else None,
        grounding=grounding,
        confidence=round(min(1.0, max(0.0, odds if math.isfinite(odds) else 0.0)), 6),
        needs_review=note is not None,
        note=note,
    )


def leaves_of(
    node: Any, value: Any, annotation: Any, path: Path = (), name: str = "", plain: str = ""
) -> Iterator[Leaf]:
    """Yield the values of an answer: `node` as JSON, `value` as the model holds it, `annotation` its type. Nulls are left out."""
    if node is None:
        return
    if isinstance(value, RootModel):
        yield from leaves_of(node, value.root, type(value).model_fields["root"].annotation, path, name, plain)
    elif isinstance(value, BaseModel) and isinstance(node, dict):
        for key, info in type(value).model_fields.items():
            used = next(
                (k for k in (info.validation_alias, info.alias, key) if isinstance(k, str) and k in node),
                None,
            )
            if used is not None:
                below = f"{name}.{key}" if name else key
                inner = f"{plain}.{key}" if plain else key
                yield from leaves_of(
                    node[used], getattr(value, key), info.annotation, (*path, used), below, inner
                )
    elif isinstance(node, dict):
        part = _arguments(annotation, 1)
        held = (
            {str(k.value if isinstance(k, Enum) else k): v for k, v in value.items()}
            if isinstance(value, dict)
            else {}
        )
        for key, inner_node in node.items():
            yield from leaves_of(
                inner_node, held.get(key, inner_node), part, (*path, key), f"{name}[{key}]", f"{plain}[]"
            )
    elif isinstance(node, list):
        part = _arguments(annotation, 0)
        entries = (
            list(value) if isinstance(value, list | tuple) else node
        )  # the entries of a set have lost their order
        for i, inner_node in enumerate(node):
            yield from leaves_of(inner_node, entries[i], part, (*path, i), f"{name}[{i}]", f"{plain}[]")
    else:
        yield _leaf(node, value, annotation, path, name, plain)


def _leaf(node: Any, value: Any, annotation: Any, path: Path, name: str, plain: str) -> Leaf:
    choice = isinstance(value, bool | Enum) or _is_literal(annotation)
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = node if isinstance(node, Decimal) else Decimal(str(value))
    elif not isinstance(value, bool | Decimal | date | datetime | time):
        value = str(node)
    return Leaf(path, name, plain, value, str(node), choice)


def _is_literal(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_literal(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return any(_is_literal(part) for part in get_args(annotation))
    return origin is Literal


def _arguments(annotation: Any, which: int) -> Any:
    """Return the type of a container's entries, through Optional and Annotated."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _arguments(arguments[0], which)
    if origin in (Union, types.UnionType):
        inner = [part for part in arguments if part is not type(None)]
        return _arguments(inner[0], which) if inner else None
    return arguments[which] if len(arguments) > which else None
