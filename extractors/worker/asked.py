"""Puts a JSON schema into words that the grammar compiler knows, without changing what fits it.

In: any JSON schema, as Pydantic gives it. Out: one in which objects that name their properties are closed to others, and in which what
the compiler does not know is written another way. What cannot be written another way is left as it is, for the compiler to refuse.

| Pydantic writes | for | it becomes |
|---|---|---|
| `uniqueItems` | sets | nothing, where one entry is enough: entries that are read twice fall together |
| `propertyNames` with an `enum`, a `const`, a `pattern` or a length | dicts with chosen keys | optional `properties`, or `patternProperties` |
| `format: binary`, `password`, `path` and the like | bytes, secrets, paths | nothing: any text fits |
| `format: date`, `date-time` | dates | a pattern of days that exist |
"""

from __future__ import annotations

import re
from typing import Any

PLAIN = r'[^"\\\x00-\x1f]'  # a letter that needs no escape in JSON
FREE_FORMATS = ("binary", "password", "path", "file-path", "directory-path")
_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"  # 0001 to 9999
DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rf"|{_LEAP}-02-29)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
PATTERNS = {"date": f"^{DATE}$", "date-time": f"^{DATE}T{_CLOCK}{_ZONE}?$", "time": f"^{_CLOCK}{_ZONE}?$"}


def tightened(schema: Any) -> Any:
    """Return the schema with `additionalProperties: false` where an object names its properties and says nothing else."""
    return _rewritten(schema, schema)


def _rewritten(schema: Any, whole: Any) -> Any:
    if isinstance(schema, list):
        return [_rewritten(item, whole) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {
        key: {name: _rewritten(part, whole) for name, part in value.items()}
        if key in ("properties", "$defs", "patternProperties") and isinstance(value, dict)
        else value
        if key in ("enum", "const", "default", "examples")
        else _rewritten(value, whole)
        for key, value in schema.items()
    }
    _names(out, whole)
    if isinstance(out.get("properties"), dict) and "additionalProperties" not in out:
        out["additionalProperties"] = False
    if out.get("uniqueItems") and (out.get("minItems") or 0) <= 1:
        del out["uniqueItems"]
    form = out.get("format")
    if form in FREE_FORMATS:
        del out["format"]
    elif form in PATTERNS and out.get("type") == "string" and "pattern" not in out:
        del out["format"]
        out["pattern"] = PATTERNS[form]
    return out


def _names(schema: dict[str, Any], whole: Any) -> None:
    """Write the names that a dict may have as properties; leave alone what has no other way of being written."""
    names, rest = schema.get("propertyNames"), schema.get("additionalProperties", True)
    if (
        not isinstance(names, dict)
        or rest is False
        or "properties" in schema
        or "patternProperties" in schema
    ):
        return
    seen = set()
    while isinstance(names, dict) and "$ref" in names and names["$ref"] not in seen:
        seen.add(names["$ref"])
        names = _found(names["$ref"], whole)
    if not isinstance(names, dict):
        return
    chosen = names.get("enum") or ([names["const"]] if "const" in names else [])
    if chosen and all(isinstance(name, str) for name in chosen):
        schema["properties"] = {name: rest for name in chosen}
        schema["additionalProperties"] = False
    elif set(names) <= {"type", "pattern", "title", "description"} and isinstance(names.get("pattern"), str):
        schema["patternProperties"] = {names["pattern"]: rest}
        schema["additionalProperties"] = False
    elif set(names) <= {"type", "minLength", "maxLength", "title", "description"}:
        least, most = names.get("minLength", 0), names.get("maxLength", "")
        if least or most != "":
            schema["patternProperties"] = {f"^{PLAIN}{{{least},{most}}}$": rest}
            schema["additionalProperties"] = False
    else:
        return
    del schema["propertyNames"]


def _found(reference: str, whole: Any) -> Any:
    at = whole
    for step in re.split("/", reference.removeprefix("#/")):
        at = at.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(at, dict) else None
    return at
