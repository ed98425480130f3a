#!/usr/bin/env python3
"""schema/event.schema.json says what the table of events says; schema/openapi.yaml, the tables of requests.

test_schema.py PROBE FOLDER.  What the tables say is compared word by word; then no event and no
request that is taken may be one that its schema refuses.
"""
import copy
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from json_schema import accepts, open_objects, undescribed

probe, folder = sys.argv[1], pathlib.Path(sys.argv[2])
schema = json.loads((folder / "event.schema.json").read_text())
faults = []

ID = "^[A-Za-z0-9._:@/-]{1,128}$"
PATTERNS = {  # what a table expects, in its own words
    "1-128 characters of A-Z a-z 0-9 . _ : @ / -": ID,
    "1-128 characters of A-Z a-z 0-9 . _ : @ / - and *": "^[A-Za-z0-9._:@/*-]{1,128}$",
    "a tenant's id, or *": "^[A-Za-z0-9._:@/*-]{1,128}$",
    "a permission": "^[a-z0-9_.]{1,64}$",
    "32 bytes in base64url": "^[A-Za-z0-9_-]{43}$",
}
SAMPLES = {"int": 7, "big": "-7", "bool": True, "time": "2026-11-23T08:14:00.121000Z",
           "map": {"k": "v"}}


def output(*args, **kwargs):
    return subprocess.run([probe, *args], text=True, capture_output=True, check=True,
                          **kwargs).stdout


tables = json.loads(output("--tables"))


def text_schema(field):
    if "expected" in field:
        return {"type": "string", "pattern": PATTERNS[field["expected"]]}
    return {"type": "string"}


def field_schema(field):
    """What the schema must say of a field, but for its description."""
    kind = field["kind"]
    if kind == "str":
        return text_schema(field)
    if kind == "int":
        bounds = {"minimum": field["lo"], "maximum": field["hi"]} if field["hi"] else {}
        return {"type": "integer", **bounds}
    if kind == "bool":
        return {"type": "boolean"}
    if kind == "enum":
        return {"enum": field["words"]}
    if kind in ("big", "time"):
        return {"$ref": "#/$defs/" + kind}
    if kind == "bytes":
        return {"type": "string", "pattern": f"^[A-Za-z0-9_-]{{{(field['max'] * 4 + 2) // 3}}}$"}
    if kind == "map":
        return {"type": "object", "maxProperties": field["max"],
                "additionalProperties": {"type": "string"}}
    if kind == "object":
        return {"$ref": "#/$defs/" + def_name(field["of"])}
    items = {"$ref": "#/$defs/" + def_name(field["of"])} if kind == "objects" \
        else text_schema(field)
    return {"type": "array", "minItems": 1, "maxItems": field["max"], "items": items}


def def_name(table):
    return table["type"].replace(" ", "_")


def bare(part):
    return {k: v for k, v in part.items() if k != "description"}


def compare_table(table, part):
    required = [f["name"] for f in table["fields"] if f["required"]]
    if part.get("required", []) != required:
        faults.append(f"{table['type']}: required is {required}")
    if list(part["properties"]) != [f["name"] for f in table["fields"]]:
        faults.append(f"{table['type']}: other members than the table, or in another order")
        return
    for field in table["fields"]:
        said = bare(part["properties"][field["name"]])
        if said != field_schema(field):
            faults.append(f"{table['type']}.{field['name']}: {said}, not {field_schema(field)}")
        if "of" in field:
            compare_table(field["of"], schema["$defs"][def_name(field["of"])])


def compare_phases():
    said = {rule["if"]["properties"]["kind"]["const"]: rule["then"]["properties"]["phase"]["const"]
            for rule in schema["allOf"]}
    if said != tables["phases"]:
        faults.append("the phases of kinds differ")


def sample(field):
    kind = field["kind"]
    if kind in SAMPLES:
        return min(SAMPLES[kind], field["hi"]) if kind == "int" and field["hi"] else SAMPLES[kind]
    if kind == "enum":
        return field["words"][-1]
    if kind == "bytes":
        return "A" * ((field["max"] * 4 + 2) // 3)
    if kind in ("object", "objects"):
        inner = {f["name"]: sample(f) for f in field["of"]["fields"]}
        return inner if kind == "object" else [inner]
    text = "A" * 43 if "base64url" in field.get("expected", "") else "a"
    return [text] if kind == "strs" else text


def changes(document):
    """The document, and what becomes of it when a value is left out or replaced."""
    yield document
    for key in document:
        for value in (None, 0, 1, "", "x", "x y", [], {}, ["x"], ["x y"], {"x": "y"}, {"x": 1},
                      True, False, -1, 1.5, "0.5", ...):
            made = copy.deepcopy(document)
            made[key] = value
            if value is ...:
                del made[key]
            yield made
        if isinstance(document[key], dict):
            yield from ({**document, key: inner} for inner in changes(document[key]))
    yield {**document, "unknown": 1}


def compare_verdicts(word, start, part, root):
    """What is taken isn't refused by the schema; unknown members and missing ones are, by both."""
    documents = list(changes(start))
    lines = "".join(f"{word} {json.dumps(d, sort_keys=True, separators=(',', ':'))}\n"
                    for d in documents)
    verdicts = [line == "1" for line in output(input=lines).split()]
    if not verdicts[0]:
        faults.append(f"the {word} with every member isn't taken")
    for document, taken in zip(documents, verdicts, strict=True):
        if taken and not accepts(part, document, root):
            faults.append(f"a {word} is taken, but its schema refuses it: {json.dumps(document)}")
    for gone in part["required"] + ["unknown"]:
        document = {k: v for k, v in start.items() if k != gone}
        document.update({gone: 1} if gone == "unknown" else {})
        if accepts(part, document, root):
            faults.append(f"the schema takes a {word} with a wrong {gone}")


def compare_request(word, name, openapi, start):
    part = openapi["components"]["schemas"][name]
    fields = tables[word]["fields"]
    if set(part["properties"]) != {f["name"] for f in fields}:
        faults.append(f"{name}: other members than the table")
    if set(part["required"]) != {f["name"] for f in fields if f["required"]}:
        faults.append(f"{name}: other members are required than in the table")
    compare_verdicts(word, start, part, openapi)


compare_table(tables["event"], schema)
compare_phases()
event = {f["name"]: sample(f) for f in tables["event"]["fields"]}
event["phase"] = tables["phases"][event["kind"]]
compare_verdicts("event", event, schema, schema)
faults += [f"{at}: no description" for at in undescribed(schema)]
faults += [f"{at}: takes unknown members" for at in open_objects(schema)]
api = json.loads(output("--json", str(folder / "openapi.yaml")))
compare_request("decision", "DecisionRequest", api, {
    "run_id": "r", "step_id": "1", "parent_step_id": "0", "parent_run_id": "q", "tenant_id": "t",
    "actor": {"type": "user", "id": "u", "roles": ["support"]}, "action": "refund.create",
    "args": {"amount": 1}, "context": {}, "cost": {"usd": "0.02"}, "approval_id": "apr_x"})
compare_request("result", "ResultRequest", api, {
    "status": "ok", "duration_ms": 1, "output": {"a": 1},
    "error": {"code": "a.b", "message": "m"}, "cost": {"usd": 1}})
print(*faults[:20], sep="\n")
sys.exit(1 if faults else 0)
