"""Answers which schema of the user's own is asked for, and whether it is one that can be asked for.

In: a reference (`package.Class`, `package.module:Class` or `file.py:Class`), a folder of examples, and what one row is. Out: an
`OwnSchema`: the model class, the JSON schema that constrains the worker's answers, and a version that changes with all of it.

Importing a module runs its code. That happens here, and only for a module that the user named.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import pyarrow as pa
from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from extractors.errors import UsageError
from extractors.examples import Example, load_examples
from extractors.prompting import QUESTIONS, load_prompts
from schemas.arrow import DATASETS, MONEY_SCALE
from schemas.twin import UnsupportedTypeError, arrow_fields

RowIs = Literal["occurrence", "page", "document"]
ROW_IS: tuple[str, ...] = get_args(RowIs)
RESERVED = ("doc_id", "page", "page_last", "item")  # columns that every own dataset has
MOST_ITEMS = 40  # answers of one image
MOST_LIST = 120  # entries of a list whose model sets no limit: one page holds no more rows
LONGEST_TEXT = 400  # characters of a text whose model sets no limit
MOST_DIGITS = 38 - MONEY_SCALE  # before the point
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class OwnSchema:
    """A schema of the user's own, ready to be asked for."""

    reference: str
    name: str  # of its dataset
    model: type[BaseModel]
    row_is: RowIs
    examples: tuple[Example, ...]
    version: str  # changes with the model, the examples and what a row is

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of one answer: a list of the things that an image shows."""
        own = self.model.model_json_schema(schema_generator=AskedSchema)
        definitions = own.pop("$defs", {})
        most = MOST_ITEMS if self.row_is == "occurrence" else 1
        items = {"type": "array", "items": own, "maxItems": most}
        body = {"type": "object", "properties": {"items": items}, "required": ["items"], "additionalProperties": False}  # fmt: skip
        return {**body, "$defs": definitions} if definitions else body

    def check(self, text: str) -> tuple[str, ...]:
        """Return the answers in a worker's JSON text, each as JSON. Raises ValueError when one does not fit the model."""
        items = json.loads(text)["items"]
        parts = [_slice(text, i) for i in range(len(items))]
        for part in parts:
            self.model.model_validate_json(part)
        return tuple(parts)


class AskedSchema(GenerateJsonSchema):
    """The JSON schema that is asked for: as Pydantic gives it, but bounded, and no wider than what Pydantic accepts."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Digits as text, so that none is lost; a number where the model sets bounds, which only numbers keep."""
        places = schema.get("decimal_places", MONEY_SCALE)
        bounds: dict[str, Any] = {
            name: float(str(value))
            for name, key in (("minimum", "ge"), ("maximum", "le"), ("exclusiveMinimum", "gt"), ("exclusiveMaximum", "lt"))
            if (value := schema.get(key)) is not None
        }  # fmt: skip
        step = schema.get("multiple_of")
        whole = min(MOST_DIGITS, schema.get("max_digits", MOST_DIGITS + places) - places)
        if bounds and "max_digits" in schema:  # digits are not kept by a number, but their largest value is
            most = float(10**whole - 10**-places)
            if not {"maximum", "exclusiveMaximum"} & set(bounds):
                bounds["maximum"] = most
            if not {"minimum", "exclusiveMinimum"} & set(bounds):
                bounds["minimum"] = -most
        if bounds or step is not None:
            if step is not None:
                bounds["multipleOf"] = float(step)
            elif "decimal_places" in schema:
                bounds["multipleOf"] = float(10**-places)
            return {"type": "number", **bounds}
        lead = f"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole > 0 else "0"
        tail = rf"(\.[0-9]{{1,{places}}})" if places > 0 else ""
        tail += "?" if tail and whole > 0 else ""  # a lone 0 is a digit before the point
        return {"type": "string", "pattern": f"^-?{lead}{tail}$"}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Bound a text without a limit, so that a model that has lost its way comes to an end."""
        asked = super().str_schema(schema)
        if not {"maxLength", "pattern", "format"} & set(asked):
            asked["maxLength"] = max(LONGEST_TEXT, asked.get("minLength", 0))
        return asked

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """Plain letters, of which each is one byte."""
        least, most = schema.get("min_length", 0), schema.get("max_length", LONGEST_TEXT)
        return {"type": "string", "pattern": f"^[ -~]{{{least},{most}}}$"}

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        """Bound a list without a limit."""
        asked = super().list_schema(schema)
        asked.setdefault("maxItems", max(MOST_LIST, asked.get("minItems", 0)))
        return asked

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Bound a whole number by what its column holds."""
        asked = super().int_schema(schema)
        if not {"minimum", "exclusiveMinimum"} & set(asked):
            asked["minimum"] = -(2**63) + 1
        if not {"maximum", "exclusiveMaximum"} & set(asked):
            asked["maximum"] = 2**63 - 1
        return asked


@lru_cache(8)
def load_own(reference: str, examples: str | None = None, row_is: str | None = None) -> OwnSchema:
    """Return the schema that `reference` names.

    Raises UsageError when it cannot be imported, is no Pydantic model, or has fields that no column can hold; when examples
    do not fit it; or when its name is taken.
    """
    model = _import(reference)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model.__name__).lower().strip("_")
    if name in (*DATASETS, "compact"):
        raise UsageError(
            f"{model.__name__} would be written to the dataset {name}, which Parquetry has already; give the class another name."
        )
    try:
        fields = arrow_fields(model)
        taken = [field.name for field in fields if field.name in RESERVED]
        if taken:
            raise UsageError(
                f"{reference} has a field {taken[0]!r}, which is a column of every dataset; give it another name."
            )
        schema = model.model_json_schema(schema_generator=AskedSchema)
    except UnsupportedTypeError as error:
        raise UsageError(f"{reference} cannot be written to Parquet: {error}") from error
    except PydanticInvalidForJsonSchema as error:
        raise UsageError(
            f"{reference} cannot be asked for as JSON: {error.message}. Use plainer types."
        ) from error
    rows = row_is or ("page" if _has_lists(fields) else "occurrence")
    if rows not in ROW_IS:
        raise UsageError(f"A row can be {', '.join(ROW_IS)}, not {rows!r}.")
    shown = load_examples(examples, model) if examples else ()
    columns = pa.schema(fields).to_string(show_schema_metadata=False)
    told = [load_prompts().instructions["own"], QUESTIONS["own"]]
    parts = [schema, columns, rows, told, [(e.name, e.digest, e.answer) for e in shown]]
    version = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return OwnSchema(reference, name, model, rows, shown, version)  # type: ignore[arg-type]


def _import(reference: str) -> type[BaseModel]:
    where, _, name = reference.rpartition(":") if ":" in reference else reference.rpartition(".")
    if where.endswith(".py") or reference.endswith(".py"):
        path = Path(where if where.endswith(".py") else reference).expanduser()
        module = _from_file(path, reference)
        name = name if where.endswith(".py") else ""
    elif where and IDENTIFIER.fullmatch(where):
        module = _from_package(where, reference)
    else:
        raise UsageError(
            f"--schema {reference!r} names no class; write package.module.Class, package.module:Class or file.py:Class."
        )
    if not name:
        name = _only_model(module, reference)
    found = getattr(module, name, None)
    if found is None:
        offered = ", ".join(_models_of(module)) or "none"
        raise UsageError(
            f"{where or reference} has no class {name!r}; the Pydantic models in it are: {offered}."
        )
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise UsageError(f"{reference} is no Pydantic model; derive the class from pydantic.BaseModel.")
    return found


def _from_package(name: str, reference: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:  # a script's own folder stands there instead of the one it was called from
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the user's own code raises
        raise UsageError(
            f"{reference} cannot be imported ({type(error).__name__}: {error}). Run from the folder that holds {name.split('.')[0]}, put "
            "that on PYTHONPATH, or name the file: path/to/file.py:Class."
        ) from error


def _from_file(path: Path, reference: str) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"The schema file {path} does not exist; check the path in --schema {reference}.")
    key = f"_parquetry_own_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # where Pydantic looks up the names in annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[key]
        raise UsageError(
            f"{path} cannot be imported ({type(error).__name__}: {error}); mend it and run again."
        ) from error
    return module


def _models_of(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    ]


def _only_model(module: ModuleType, reference: str) -> str:
    found = _models_of(module)
    if len(found) != 1:
        offered = ", ".join(found) or "none"
        raise UsageError(
            f"{reference} does not say which class is meant; write {reference}:Class (it has: {offered})."
        )
    return found[0]


def _has_lists(fields: list[pa.Field[Any]]) -> bool:
    return any(pa.types.is_list(f.type) or pa.types.is_map(f.type) for f in fields)


def _slice(text: str, number: int) -> str:
    """Return the letters of one entry of `items`, as they were written: no digit passes through a float."""
    spans = list(_entries(text))
    start, end = spans[number]
    return text[start:end]


def _entries(text: str) -> Iterator[tuple[int, int]]:
    decoder = json.JSONDecoder()
    at = text.index("[", text.index('"items"')) + 1
    while True:
        at = _after_blanks(text, at)
        if text[at] == "]":
            return
        _, end = decoder.raw_decode(text, at)
        yield at, end
        at = _after_blanks(text, end)
        if text[at] == ",":
            at += 1


def _after_blanks(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def first_fault(error: ValueError) -> str:
    """Return the first thing that is wrong with an answer, in a few words."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    return str(error)
