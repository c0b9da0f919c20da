"""Which Arrow columns does a Pydantic model have, and how do its values become Arrow's? For schemas of a user's own.

In: a model class, or an instance of it. Out: Arrow fields, or plain values that fit them. Nested models become structs, lists, sets
and tuples of one type lists, dicts with text keys maps, Decimal decimal128(38, 9), enums and literals their own values.
Whatever has no single column type is refused with a sentence that says what to write instead.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel, RootModel

from schemas.arrow import MONEY, fits_money, money

SCALARS: dict[
    type, pa.DataType
] = {  # in the order in which they are tried: a bool is an int, a datetime a date
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    Decimal: MONEY,
    datetime: pa.timestamp("us"),
    date: pa.date32(),
    time: pa.time64("us"),
    timedelta: pa.duration("us"),
    UUID: pa.string(),
    str: pa.string(),
}
LARGEST_INT = 2**63 - 1
SEQUENCES = (list, set, frozenset, Sequence, Set, tuple)


class UnsupportedTypeError(TypeError):
    """A field has no Arrow type. The message names the field and says what to write instead."""


class DoesNotFitError(ValueError):
    """A value cannot be stored without losing a digit."""


def arrow_fields(model: type[BaseModel]) -> list[pa.Field[Any]]:
    """Return one Arrow field per field of the model, in order. Raises UnsupportedTypeError."""
    return _fields(model, model.__name__, (model,))


def _fields(model: type[BaseModel], where: str, above: tuple[type, ...]) -> list[pa.Field[Any]]:
    if not model.model_fields:
        raise UnsupportedTypeError(f"{where} has no fields; give it some.")
    return [
        pa.field(name, _type(field.annotation, f"{where}.{name}", above))
        for name, field in model.model_fields.items()
    ]


def _type(annotation: Any, where: str, above: tuple[type, ...]) -> pa.DataType:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0], where, above)
    if isinstance(annotation, typing.TypeAliasType) if hasattr(typing, "TypeAliasType") else False:
        return _type(annotation.__value__, where, above)
    if origin in (Union, types.UnionType):
        return _union([part for part in arguments if part is not type(None)], where, above)
    if origin is Literal:
        return _one([SCALARS.get(type(value)) for value in arguments if value is not None], where)
    if origin is tuple:
        same = [part for part in arguments if part is not Ellipsis]
        return pa.list_(_one([_type(part, f"{where}[]", above) for part in same], where))
    if origin in SEQUENCES:
        return pa.list_(_type(arguments[0], f"{where}[]", above))
    if origin in (dict, Mapping):
        if _type(arguments[0], where, above) != pa.string():
            raise UnsupportedTypeError(f"{where} is a dict whose keys are no text; use dict[str, …].")
        return pa.map_(pa.string(), _type(arguments[1], f"{where}[]", above))
    if isinstance(annotation, type):
        return _class(annotation, where, above)
    raise UnsupportedTypeError(
        f"{where} is {annotation!r}, which has no column type; name one type: text, a number, a date, a model, or a list of those."
    )


def _class(kind: type, where: str, above: tuple[type, ...]) -> pa.DataType:
    if issubclass(kind, RootModel):
        return _type(kind.model_fields["root"].annotation, where, above)
    if issubclass(kind, BaseModel):
        if kind in above[1:] or (len(above) and kind is above[0]):
            raise UnsupportedTypeError(
                f"{where} holds {kind.__name__} inside itself, and a column cannot; give the levels as a list with a number of their own."
            )
        return pa.struct(_fields(kind, where, (*above, kind)))
    if issubclass(kind, Enum):
        return _one([SCALARS.get(type(member.value)) for member in kind], where)
    found = next((SCALARS[base] for base in SCALARS if issubclass(kind, base)), None)
    if found is None:
        raise UnsupportedTypeError(
            f"{where} is {kind.__name__}, which has no column type; use str, int, float, bool, Decimal, date, datetime, an enum, a "
            "Pydantic model, or a list of those."
        )
    return found


def _union(parts: Sequence[Any], where: str, above: tuple[type, ...]) -> pa.DataType:
    kinds = {_type(part, where, above) for part in parts}
    if len(kinds) > 1 and kinds <= {pa.int64(), pa.float64(), MONEY}:
        return MONEY if MONEY in kinds else pa.float64()
    return _one(list(kinds), where)


def _one(kinds: Sequence[pa.DataType | None], where: str) -> pa.DataType:
    if len(set(kinds)) != 1 or kinds[0] is None:
        raise UnsupportedTypeError(
            f"{where} may hold values of several types, and a column holds one; choose one, or give each its own optional field."
        )
    return kinds[0]


def storable(value: Any, kind: pa.DataType) -> Any:
    """Return a field's Python value in the form that Arrow takes for `kind`.

    Raises DoesNotFitError for a number that the column cannot hold to the last digit.
    """
    if value is None:
        return None
    if isinstance(value, Enum):
        return storable(value.value, kind)
    if isinstance(value, RootModel):
        return storable(value.root, kind)
    if pa.types.is_struct(kind):
        return {field.name: storable(getattr(value, field.name), field.type) for field in kind}
    if pa.types.is_map(kind):
        return [(str(_plain(key)), storable(part, kind.item_type)) for key, part in value.items()]
    if pa.types.is_list(kind):
        return [storable(part, kind.value_type) for part in value]
    if kind == MONEY:
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
        if not fits_money(exact):
            raise DoesNotFitError(f"{value} has more digits than decimal128(38, 9) holds")
        return money(exact)
    if kind == pa.int64() and abs(int(value)) > LARGEST_INT:
        raise DoesNotFitError(f"{value} is larger than a column of whole numbers holds")
    return str(value) if kind == pa.string() else value


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
