"""As much of JSON Schema 2020-12 as gatekeeper's schemas use; a keyword that isn't known is an error."""
import re

ANNOTATIONS = {"$schema", "$id", "$comment", "$defs", "title", "description", "default",
               "examples"}
TYPES = {"null": lambda v: v is None, "boolean": lambda v: isinstance(v, bool),
         "object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list),
         "string": lambda v: isinstance(v, str),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
         "integer": lambda v: not isinstance(v, bool) and isinstance(v, (int, float))
         and v == int(v)}


def _same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _text(value, key, arg):
    if not isinstance(value, str):
        return True
    if key == "pattern":
        return re.search(re.sub(r"\$$", r"\\Z", arg), value) is not None
    return len(value) >= arg if key == "minLength" else len(value) <= arg


def _number(value, key, arg):
    if not TYPES["number"](value):
        return True
    return value >= arg if key == "minimum" else value <= arg


def _list(value, key, arg, root):
    if not isinstance(value, list):
        return True
    if key == "items":
        return all(accepts(arg, v, root) for v in value)
    if key == "contains":
        return any(accepts(arg, v, root) for v in value)
    return len(value) >= arg if key == "minItems" else len(value) <= arg


def _members(schema, value, key, arg, root):
    if not isinstance(value, dict):
        return True
    if key == "properties":
        return all(accepts(arg[k], v, root) for k, v in value.items() if k in arg)
    if key == "required":
        return all(k in value for k in arg)
    if key == "dependentRequired":
        return all(k not in value or all(m in value for m in more) for k, more in arg.items())
    if key == "maxProperties":
        return len(value) <= arg
    if key == "minProperties":
        return len(value) >= arg
    rest = [v for k, v in value.items() if k not in schema.get("properties", {})]
    return not rest if arg is False else all(accepts(arg, v, root) for v in rest)


def _target(root, ref):
    for key in ref.removeprefix("#/").split("/"):
        root = root[key]
    return root


def accepts(schema, value, root=None):
    """Is the value valid?  root is the whole schema, where $ref points into."""
    root = schema if root is None else root
    for key, arg in schema.items():
        if key in ANNOTATIONS or key in ("then", "else"):
            continue
        if key == "$ref":
            ok = accepts(_target(root, arg), value, root)
        elif key == "type":
            ok = any(TYPES[t](value) for t in ([arg] if isinstance(arg, str) else arg))
        elif key == "enum":
            ok = any(_same(value, v) for v in arg)
        elif key == "const":
            ok = _same(value, arg)
        elif key in ("pattern", "minLength", "maxLength"):
            ok = _text(value, key, arg)
        elif key in ("minimum", "maximum"):
            ok = _number(value, key, arg)
        elif key in ("items", "contains", "minItems", "maxItems"):
            ok = _list(value, key, arg, root)
        elif key in ("properties", "required", "dependentRequired", "maxProperties", "minProperties",
                     "additionalProperties"):
            ok = _members(schema, value, key, arg, root)
        elif key == "oneOf":
            ok = sum(accepts(s, value, root) for s in arg) == 1
        elif key == "anyOf":
            ok = any(accepts(s, value, root) for s in arg)
        elif key == "allOf":
            ok = all(accepts(s, value, root) for s in arg)
        elif key == "if":
            branch = "then" if accepts(arg, value, root) else "else"
            ok = accepts(schema.get(branch, {}), value, root)
        else:
            raise KeyError(f"schema keyword {key}")
        if not ok:
            return False
    return True


def undescribed(schema, at=""):
    """The properties, at any depth, that no description explains."""
    found = []
    for name, inner in schema.get("properties", {}).items():
        if "description" not in inner:
            found.append(f"{at}/{name}")
        found += undescribed(inner, f"{at}/{name}")
    for name, inner in schema.get("$defs", {}).items():
        found += undescribed(inner, f"{at}/$defs/{name}")
    if isinstance(schema.get("items"), dict):
        found += undescribed(schema["items"], at + "[]")
    return found


def open_objects(schema, at=""):
    """Where a schema has properties but takes others, too."""
    found = [at or "/"] if "properties" in schema and schema.get("type") == "object" \
        and schema.get("additionalProperties") is not False else []
    for group in ("properties", "$defs"):
        for name, inner in schema.get(group, {}).items():
            found += open_objects(inner, f"{at}/{name}")
    if isinstance(schema.get("items"), dict):
        found += open_objects(schema["items"], at + "[]")
    return found
