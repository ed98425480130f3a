#!/usr/bin/python3
"""What a real validator (Debian's python3-jsonschema) says of the schemas and of what is shipped with them.

test_validator.py GATEKEEPER SOURCE.  Each schema is valid under its metaschema; policies, their tests,
the sample config and events fit theirs; wrong ones are refused.  A validator that isn't there is a fault.
"""
import copy
import json
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    sys.exit(f"{missing}: run scripts/install-deps --test")

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
faults = []


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as gatekeeper reads it: no dates, and only true and false are booleans."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""])):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(f"^(?:{pattern})$"),
                               list(first))


def validator(schema):
    kind = jsonschema.validators.validator_for(schema, default=None)
    if kind is not jsonschema.Draft202012Validator:
        raise jsonschema.SchemaError("not a schema of 2020-12")
    kind.check_schema(schema)
    return kind(schema)


def load_schema(path):
    try:
        return validator(json.loads(path.read_text()))
    except (jsonschema.SchemaError, ValueError) as err:
        faults.append(f"{path.name}: {err}")
        return None


def fits(name, schema, documents):
    """All of them fit; there are some."""
    count = 0
    for label, document in documents:
        count += 1
        for err in list(schema.iter_errors(document))[:3]:
            faults.append(f"{label}: {'/'.join(map(str, err.absolute_path))}: {err.message[:300]}")
    if count == 0:
        faults.append(f"{name}: nothing to look at")
    return count


def refused(schema, start, path, *value):
    """What `start` becomes with another value at `path`, or without it, is refused, and there."""
    made = copy.deepcopy(start)
    at = made
    for key in path[:-1]:
        at = at[key]
    if value:
        at[path[-1]] = value[0]
    else:
        del at[path[-1]]
    if not schema.is_valid(start):
        faults.append(f"{path}: what is changed is wrong already")
    if schema.is_valid(made):
        faults.append(f"{path} = {value}: is taken")


def read(path):
    return yaml.load(path.read_text(), Core)


def events():
    """The example of the documentation, what an export shows, and the corpus of whole events."""
    text = (source / "docs/journal-format.md").read_text()
    example = re.search(r"```json\n(.*?)```", text, re.S)[1].replace('"…"', '"' + "A" * 22 + '"')
    yield "docs/journal-format.md", json.loads(example)
    for path in sorted((source / "tests/fuzz/corpus/event").glob("[cl][oi]*_[0-9]*")):
        for line in path.read_text().splitlines():
            yield path.name, json.loads(line)


def look_at_openapi():
    document = read(source / "schema/openapi.yaml")
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as err:
            faults.append(f"openapi.yaml: {name}: {err.message}")
    return len(schemas)


def look_at_policies(policy, test):
    tests = sorted((source / "policies").glob("*.test.yaml"))
    packs = [p for p in sorted((source / "policies").glob("*.yaml")) if p not in tests]
    count = fits("policies", policy, ((p.name, read(p)) for p in packs))
    count += fits("tests of policies", test, ((p.name, read(p)) for p in tests))
    pack = read(source / "policies/payments-agent.yaml")
    refused(policy, pack, ("alow",), [])
    refused(policy, pack, ("policy",))
    refused(policy, pack, ("default",), "allow")
    refused(policy, pack, ("allow", 0, "id"))
    refused(policy, pack, ("allow", 0, "when"), 1)
    refused(policy, pack, ("allow", 0, "action"), ["payment.create"])
    refused(policy, pack, ("budgets", 0, "amount"), -1)
    refused(policy, pack, ("budgets", 0, "per"), "week")
    refused(policy, pack, ("approvals", 0, "expires"), "soon")
    refused(policy, pack, ("approvals", 0, "approvers", "count"), 0)
    cases = read(tests[0])
    refused(test, cases, ("tests", 0, "expected"), {})
    refused(test, cases, ("tests",))
    refused(test, cases, ("tests",), [])
    refused(test, cases, ("tests", 0), {"name": "a", "ask": {"action": "a"}})
    refused(test, cases, ("tests", 0), {"name": "a", "steps": [{"after": "1s"}]})
    refused(test, cases, ("now",), "yesterday")
    refused(test, cases, ("identities", "dave", "kind"), "person")
    return count


def look_at_config(schema):
    sample = subprocess.run([program, "config", "--sample"], text=True, capture_output=True,
                            check=True).stdout
    sample = yaml.load(sample, Core)
    count = fits("config", schema, [("gatekeeper config --sample", sample)])
    refused(schema, sample, ("listne",), "127.0.0.1:8181")
    refused(schema, sample, ("listen",), 8181)
    refused(schema, sample, ("threads",), -1)
    refused(schema, sample, ("idle_timeout",), "a minute")
    refused(schema, sample, ("tls", "certificate"), "x.pem")
    refused(schema, sample, ("insecure_http",), "no")
    return count


def look_at_events(schema):
    count = fits("events", schema, events())
    example = next(events())[1]
    refused(schema, example, ("v",))
    refused(schema, example, ("kind",), "opinion")
    refused(schema, example, ("seq",), "7")
    refused(schema, example, ("timestamp",), "2026-11-23 08:14")
    refused(schema, example, ("verdict",), "allow")
    refused(schema, example, ("actor", "id"))
    return count


paths = sorted((source / "schema").glob("*.json"))
actions = sorted((source / "policies/schema/actions").glob("*.json"))
if not paths or not actions:
    faults.append("no schemas")
loaded = {path.name: load_schema(path) for path in paths + actions}
try:
    validator({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "text"})
    faults.append("the validator takes a type that doesn't exist")
except jsonschema.SchemaError:
    pass
if not faults:
    seen = look_at_openapi() + look_at_policies(loaded["policy.schema.json"],
                                                loaded["policy-test.schema.json"])
    seen += look_at_config(loaded["config.schema.json"])
    seen += look_at_events(loaded["event.schema.json"])
    print(f"{len(loaded)} schemas, {seen} documents")
print(*faults[:30], sep="\n")
sys.exit(1 if faults else 0)
