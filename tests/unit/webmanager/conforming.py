"""Holds a value against a JSON schema: the part of draft 2020-12 that pydantic writes for our shapes."""

import re
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}
_UNDERSTOOD = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "pattern"),
    *("minimum", "maximum", "maxLength", "title", "description", "default"),
}


def faults(value: Any, schema: Any, root: dict[str, Any], at: str = "$") -> list[str]:
    """Return where a value is not as the schema says; raises on a keyword this does not know."""
    if schema is True:
        return []
    unknown = set(schema) - _UNDERSTOOD
    assert not unknown, f"{at}: the checker does not know {unknown}"
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return faults(value, target, root, at)
    if "anyOf" in schema:
        tried = [faults(value, each, root, at) for each in schema["anyOf"]]
        return [] if any(not each for each in tried) else [f"{at}: none of {len(tried)} fits: {tried}"]
    found: list[str] = []
    if "type" in schema:
        right = isinstance(value, _TYPES[schema["type"]])
        if not right or (isinstance(value, bool) and schema["type"] in {"integer", "number"}):
            return [f"{at}: {value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} is not {schema['const']!r}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            if name in known:
                found += faults(item, known[name], root, f"{at}.{name}")
            elif schema.get("additionalProperties", True) is False:
                found.append(f"{at}: {name} is not described")
            else:
                found += faults(item, schema.get("additionalProperties", True), root, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for n, item in enumerate(value):
            found += faults(item, schema["items"], root, f"{at}[{n}]")
    return found
