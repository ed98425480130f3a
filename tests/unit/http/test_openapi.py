#!/usr/bin/env python3
"""The server's table of routes and schema/openapi.yaml say the same, and every code of a problem is documented."""
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(sys.argv[1])
HTTP = ROOT / "gatekeeper/http"
ROW = re.compile(r'ROUTE\((\w+), (\w+), "([^"]+)", ([^,]+), (\w+), (\w+), (\w+), ([^,]+),\s*"([^"]*)"\)')
CAPS = {"0": None, "ROUTE_SMALL": 65536, "ROUTE_MIB": 1048576}
problems = []


def check(ok, text):
    if not ok:
        problems.append(text)


def table():
    """(method, path) → who may, cap, body, flags, query parameters; by routes.def."""
    text = (HTTP / "routes.def").read_text()
    rows = ROW.findall(text)
    check(len(rows) == len(re.findall(r"^ROUTE\(", text, re.M)), "routes.def: a row isn't understood")
    return {(method.lower(), path): {
        "can": {word.strip()[4:].lower() for word in can.split("|") if word.strip() != "0"},
        "cap": CAPS[cap], "body": body, "flags": {flag.strip() for flag in flags.split("|")}, "params": set(params.split()),
    } for _, method, path, can, cap, body, _, flags, params in rows}


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            check(part in target, f"{node['$ref']}: leads nowhere")
            target = target.get(part, {})
        node = target
    return node


def check_refs(document, node):
    if isinstance(node, dict):
        resolve(document, node)
        for child in node.values():
            check_refs(document, child)
    elif isinstance(node, list):
        for child in node:
            check_refs(document, child)


def check_route(document, name, route, path_item, operation):
    parameters = [resolve(document, p) for p in path_item.get("parameters", []) + operation.get("parameters", [])]
    names = {where: {p["name"] for p in parameters if p["in"] == where} for where in ("path", "query", "header")}
    body = resolve(document, operation.get("requestBody", {}))
    check(set(operation.get("x-can", ["?"])) == route["can"], f"{name}: who may")
    check(operation.get("x-body-cap") == route["cap"], f"{name}: body cap")
    check(names["query"] == route["params"], f"{name}: query parameters {names['query'] ^ route['params']}")
    check(names["path"] == set(re.findall(r"{(\+?\w+)}", name)), f"{name}: path parameters")
    check(("Prefer" in names["header"]) == ("ROUTE_WAIT" in route["flags"]), f"{name}: Prefer")
    check(operation.get("x-published", False) == ("ROUTE_PUBLISHED" in route["flags"]), f"{name}: published")
    check((operation.get("security") == []) == ("ROUTE_OPEN" in route["flags"]), f"{name}: security")
    check(bool(body.get("required")) == (route["body"] in ("REQUIRED", "TEXT")), f"{name}: is a body required?")
    check(not body or route["body"] != "NONE", f"{name}: a body")
    ok = [resolve(document, r) for status, r in operation["responses"].items() if status.startswith("2")]
    check(ok and "default" in operation["responses"], f"{name}: responses")
    kinds = {kind for response in ok for kind in response.get("content", {})}
    for flag, kind in (("ROUTE_PLAIN", "text/plain; charset=utf-8"), ("ROUTE_BYTES", "application/octet-stream")):
        check((kind in kinds) == (flag in route["flags"]), f"{name}: {kind}")
    check(("application/x-ndjson" in kinds) == ("ROUTE_STREAM" in route["flags"]), f"{name}: NDJSON")


def check_codes(document):
    listed = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["anyOf"][0]["enum"])
    text = "".join(path.read_text() for path in sorted(HTTP.glob("*.c")))
    calls = re.findall(r"(?:exchange_refuse|exchange_turn_away|auth_refuse)\(([^;]*?)\);", text, re.S)
    used = {code for call in calls for code in re.findall(r'"([a-z0-9_]+)"', call)}
    used |= set(re.findall(r'\.code = "([a-z0-9_]+)"', text)) | {"internal"}
    check(used == listed, f"problem codes: {sorted(used ^ listed)}")


def main():
    document = yaml.safe_load((ROOT / "schema/openapi.yaml").read_text())
    routes = table()
    described = {(method, path) for path, item in document["paths"].items() for method in item if method != "parameters"}
    check(described == set(routes), f"routes: {sorted(described ^ set(routes))}")
    check_refs(document, document)
    for method, path in sorted(described & set(routes)):
        item = document["paths"][path]
        check_route(document, f"{method} {path}", routes[method, path], item, item[method])
    operations = [item[m]["operationId"] for item in document["paths"].values() for m in item if m != "parameters"]
    check(len(operations) == len(set(operations)), "operationId twice")
    check_codes(document)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


main()
