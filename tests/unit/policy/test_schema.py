#!/usr/bin/env python3
"""schema/policy.schema.json and the parser of policies accept the same files.

test_schema.py PROBE SCHEMA.  Their keys are compared, then their verdicts on a file that has every
key, and on what becomes of it when each value in turn is left out or replaced.
"""
import copy
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from json_schema import accepts, open_objects, undescribed

probe, schema = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text())
faults = []

WHOLE = {
    "policy": "whole", "default": "stop",
    "applies_to": {"tenants": ["t_*"], "agents": ["support-agent"]},
    "variables": {"large": "args.amount > 50.0", "sure": True},
    "stop": [{"id": "s-1", "actions": ["*.delete"], "roles": ["r"], "mode": "enforce",
              "reason": "no", "when": "large && sure"}],
    "allow": [{"id": "a-1", "actions": ["b.c", "d*"], "roles": ["r", "q"], "mode": "shadow",
               "reason": "yes", "when": True}],
    "limits": [
        {"id": "l-1", "per": "tenant", "rate": "60/min", "burst": 10, "actions": ["b"],
         "reason": "slow", "mode": "enforce", "when": "'x' in actor.roles"},
        {"id": "l-2", "per": "run", "max": 200},
        {"id": "l-3", "per": "run", "same_action": 3, "within": "10m"}],
    "budgets": [
        {"id": "b-1", "per": "tenant", "unit": "usd", "amount": "20.00", "every": "day",
         "cost": "0.02", "refund": "reported", "actions": ["b"], "reason": "poor",
         "mode": "shadow", "when": "tenant_id != ''"},
        {"id": "b-2", "per": "run", "unit": "tokens", "amount": 5, "every": "run"}],
    "approvals": [
        {"id": "p-1", "actions": ["b"], "roles": ["r"], "mode": "enforce", "reason": "ask",
         "when": "args.x > 1",
         "approvers": {"groups": ["finance"], "count": 2}, "show": ["/a", "/b~1c"],
         "risk": "low", "expires": "30m", "grant_valid": "15m", "forget_after": "30d",
         "escalate": {"after": "10m", "to": ["leads"]},
         "bounded": {"max_uses": 5, "max_ttl": "2h", "pins": ["args.order", "/a~1b"]}}],
    "results": {"within": "15m", "allow_valid": "5m"},
}
PROBES = [
    None, True, False, 0, 1, -1, 1.5, 2.0, 32, 33, 1000, 1001, 1000000, 1000001, 10**9, 10**9 + 1,
    10**12, 10**12 + 1, "", "x", "X", "x y", "a/b", "a*b", "*", "é", "a~b", "x" * 64, "x" * 65,
    "x" * 128, "x" * 129, "null", "stop", "allow", "enforce", "shadow", "global", "tenant",
    "agent", "actor", "run", "user", "hour", "day", "month", "never", "reported", "low", "medium", "high",
    "1s", "0s", "1", "1w", "1ms", "1 s", "10m", "000000001s", "0000000001s", "1.5h", "-1s",
    "60/min", "0/s", "1/sec", "1/second", "1/m", "1/minute", "1/h", "1/hour", "1/d", "1/day",
    "1000000/s", "1000001/s", "01/s", "1/week", "/s", "1/ s",
    "0", "0.5", ".5", "1.", "007", "1000000000000", "1000000000000.0", "1000000000000.1",
    "10000000000000", "-1", "+1", "1e3", "0.0000001", "0.000001", "9300000000000",
    "/", "/a", "a", "/~", "/~1", "/~0/b", "/~2", "/a/~", "/" + "x" * 255, "/" + "x" * 256,
    "args.a", "args.a.b", "args", "args.", "args..a", "args.a.", "args.a b", "args.a~", "args.a[0]",
    "args./a", "args." + "x" * 251, "args." + "x" * 252, "argsx.a",
    ["args.a"] * 16, ["args.a"] * 17, {"max_uses": 1, "max_ttl": "1m", "pins": []},
    [], {}, ["x"], [""], [1], [None], ["/a"], ["a/b"], ["x"] * 32, ["x"] * 33, ["x"] * 64,
    ["x"] * 65, ["/x"] * 32, ["/x"] * 33, ["x"] * 1000, ["x"] * 1001, {"x": 1},
    {"groups": ["x"]}, [{"id": "new"}], [{"id": "new", "actions": ["b"]}],
]


def places(value, path=()):
    """The path of every value inside, the root left out."""
    pairs = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield path + (key,)
        yield from places(inner, path + (key,))


def changed(path, *value):
    """WHOLE without the value at path, or with another in its place; of other sections only what that one may need."""
    made = {key: copy.deepcopy(part) if key == path[0] else part for key, part in WHOLE.items()
            if len(path) == 1 or key in ("policy", "variables", path[0])}
    at = made
    for key in path[:-1]:
        at = at[key]
    if value:
        at[path[-1]] = value[0]
    else:
        del at[path[-1]]
    return made


def is_expression(path, value):
    """A text whose meaning only the parser knows, or a variable that others need."""
    in_place = path[0] == "variables" or path[-1] in ("when", "cost")
    return in_place and (len(path) < 3 or isinstance(value, str)) and not (
        path[-1] == "cost" and not (isinstance(value, str) and re.search("[^-+.0-9]", value)))


def parser_says(documents):
    text = "".join(json.dumps(d) + "\n" for d in documents)
    run = subprocess.run([probe], input=text, text=True, capture_output=True, check=True)
    return [line == "1" for line in run.stdout.split()]


def compare_keys():
    tables = json.loads(subprocess.run([probe, "--keys"], text=True, capture_output=True,
                                       check=True).stdout)
    top, defs = schema["properties"], schema["$defs"]
    parts = {"file": schema, "applies_to": top["applies_to"], "results": top["results"],
             "approvers": defs["approval"]["properties"]["approvers"],
             "escalate": defs["approval"]["properties"]["escalate"],
             "bounded": defs["approval"]["properties"]["bounded"], "stop": defs["stop"],
             "allow": defs["allow"], "limits": defs["limit"], "budgets": defs["budget"],
             "approvals": defs["approval"]}
    assert parts.keys() == tables.keys()
    for name, part in parts.items():
        if set(part["properties"]) != set(tables[name]):
            faults.append(f"{name}: keys differ: "
                          f"{sorted(set(part['properties']) ^ set(tables[name]))}")


def compare_verdicts():
    documents = [WHOLE, {}, [], None, {"policy": "p"}, {**WHOLE, "when": "true"}]
    for path in places(WHOLE):
        if len(path) > 2 and path[-1] in (1, 2, 3):
            continue  # in a list of words, the first stands for all
        if path[0] != "variables":
            documents.append(changed(path))
        documents += [changed(path, value) for value in PROBES if not is_expression(path, value)]
        if isinstance(path[-1], str):
            documents.append(changed(path[:-1] + ("unknown",), 1))
    for rule in ({"max": 5}, {"rate": "1/s"}, {"same_action": 2}, {"within": "1m"}, {"burst": 2},
                 {"max": 5, "rate": "1/s"}, {"max": 5, "burst": 1}, {"rate": "1/s", "within": "1m"},
                 {"same_action": 2, "within": "1m", "burst": 2}, {"roles": ["r"]}):
        documents += [changed(("limits", 0), {"id": "l", "per": per, **rule})
                      for per in ("run", "tenant")]
    for document, verdict in zip(documents, parser_says(documents), strict=True):
        if accepts(schema, document) != verdict:
            faults.append(f"the parser {'accepts' if verdict else 'refuses'}, the schema doesn't: "
                          f"{json.dumps(document)[:3000]}")
    if not accepts(schema, WHOLE):
        faults.append("the schema refuses the file with every key")
    missing = set(re.findall(r'"(\w+)": \{"description', json.dumps(schema["properties"])))
    for part in schema["$defs"].values():
        missing |= set(part.get("properties", {}))
    missing -= {p[-1] for p in places(WHOLE)}
    if missing:
        faults.append(f"not in the file with every key: {missing}")


def compare_durations():
    """A description's "at most 30d" is the parser's bound."""
    for path in places(WHOLE):
        part = schema
        for key in path:
            part = part.get("items", part) if isinstance(key, int) else \
                part.get("properties", {}).get(key, {})
            if part.get("$ref", "#/$defs/duration") != "#/$defs/duration":
                part = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
            if "$ref" in part.get("items", {}):
                part = {"items": schema["$defs"][part["items"]["$ref"].removeprefix("#/$defs/")]}
        if part.get("$ref") != "#/$defs/duration":
            continue
        bound = re.search(r"at most (\d+)([dh])", part["description"])
        most, unit = int(bound[1]), bound[2]
        verdicts = parser_says([changed(path, f"{most}{unit}"), changed(path, f"{most + 1}{unit}")])
        if verdicts != [True, False]:
            faults.append(f"{path}: the bound isn't {bound[0]}")
        yield path


compare_keys()
compare_verdicts()
if len(list(compare_durations())) != 8:
    faults.append("not every duration was found")
faults += [f"{at}: no description" for at in undescribed(schema)]
faults += [f"{at}: takes unknown keys" for at in open_objects(schema)
           if at != "/variables"]
print(*faults[:20], sep="\n")
sys.exit(1 if faults else 0)
