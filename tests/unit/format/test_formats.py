#!/usr/bin/env python3
"""Every format of every kind of event, read by parsers of our own and held against what was exported before.

test_formats.py PROBE GOLDEN        compares; with --write after them the golden files are made anew.
"""
import base64
import csv
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import uuid

PROBE, GOLDEN = sys.argv[1], pathlib.Path(sys.argv[2])
ORIGIN = "gatekeeper.test/log one|=\\"
URN = "urn:gatekeeper:log:gatekeeper.test%2Flog%20one%7C%3D%5C"
FORMATS = ("jsonl", "csv", "cloudevents", "ocsf", "cef", "aat")
LONG = "x" * 127 + "y"
HOSTILE = 'a"b\\c|d=e\nf\rg\th,i\u0001é€𝄞'
KINDS = ("genesis boot close policy decision result violation approval kill_switch run identity access "
         "snapshot retention redaction key clock gap").split()
PHASES = {"decision": "pre_exec", "result": "post_exec", "violation": "post_exec", "approval": "approval"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def canonical(value):
    """RFC 8785, for ASCII names and without fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hashed(prefix, text, n=32):
    return prefix + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:n]).decode().rstrip("=")


def event(seq, kind, **members):
    """One event as the log has it."""
    base = {"kind": kind, "nonce": hashed("", f"nonce{seq}", 16), "phase": PHASES.get(kind, "control"),
            "timestamp": f"2026-11-23T08:14:{seq % 60:02}.{seq:06}Z", "v": 1, "seq": seq}
    return {name: value for name, value in (base | members).items() if value is not None}


def of_run(seq, kind, run="run_981", **members):
    return event(seq, kind, **({"agent_id": "support-agent", "tenant_id": "t_42", "run_id": run,
                                "step_id": str(seq), "action": "refund.create", "caller": "agent-7"} | members))


def decision(seq, said, **members):
    return of_run(seq, "decision", **({
        "action_key": hashed("ak1_", f"a{seq}", 16), "args_hash": hashed("h1_", f"args{seq}"),
        "asked_at": "2026-11-23T08:14:00.000001Z", "decision": said, "decision_id": f"dec_{seq}",
        "actor": {"type": "user", "id": "u_7", "roles": ["support"]}, "layer": "access",
        "policy": "sha256:" + "9f" * 32, "reason": "no_rule_allows"} | members))


def rows():
    """Every kind of event, every change, and what is hostile in each place where others' words may stand."""
    out = [
        event(0, "genesis", process={"version": "1", "origin": "o", "vkey": "o+00000000+AAAA"}),
        event(1, "boot", process={"version": "1", "events": 1, "boot_id": "77"}),
        event(2, "policy", change="loaded", policy="sha256:" + "1c" * 32, caller="gatekeeper"),
        event(3, "identity", change="created", caller="local:1000", identity={
            "id": "agent-7", "kind": "agent", "can": ["agent"], "tenants": ["t_42"], "token_hash": hashed("", "token")}),
        decision(4, "allow", rule="small-refunds", reason="rule_allows", traceparent=TRACE,
                 result_by="2026-11-23T08:24:00.000000Z"),
        of_run(5, "result", change="reported", of_seq=4, decision="allow", decision_id="dec_4",
               result={"status": "ok", "duration_ms": 132, "output_hash": hashed("h1_", "out")}, traceparent=TRACE),
        decision(6, "stop", layer="rate_limit", scope="tenant", reason="rate_limited_tenant", rule="r"),
        decision(7, "approval_required", layer="approval", reason="refund_over_50", rule="refunds-need-a-human",
                 approval_id="apr_1", approval={
                     "id": "apr_1", "expires_at": "2026-11-23T08:44:00.000000Z", "grant_valid_ms": 900000,
                     "rules": [{"rule": "refunds-need-a-human", "digest": "sha256:00", "groups": ["finance"],
                                "needed": 1, "reason": "refund_over_50"}]}),
        of_run(8, "approval", change="vote", of_seq=7, approval_id="apr_1", caller="alice", person="alice",
               grant_vote=True, groups=["finance"], step_id="7~vote/1", actor={"type": "person", "id": "alice"}),
        of_run(9, "approval", change="granted", of_seq=7, approval_id="apr_1", step_id="7~granted",
               grant_until="2026-11-23T08:54:00.000000Z"),
        of_run(10, "approval", change="used", of_seq=7, approval_id="apr_1"),
        of_run(11, "approval", change="vote", of_seq=7, approval_id="apr_2", caller="bob", person="bob"),
        of_run(12, "approval", change="denied", of_seq=7, approval_id="apr_2"),
        of_run(13, "approval", change="expired", of_seq=7, approval_id="apr_3"),
        of_run(14, "approval", change="revoked", of_seq=7, approval_id="apr_4", caller="local:0"),
        of_run(15, "result", change="unreported", of_seq=4, decision="allow"),
        of_run(16, "result", change="late_result", of_seq=4, result={
            "status": "error", "error_code": "upstream.timeout", "error_hash": hashed("h1_", "e")}),
        of_run(17, "result", change="conflicting_result", of_seq=4, result={"status": "timeout"}),
        of_run(18, "result", change="reported", of_seq=4, result={"status": "cancelled"}),
        of_run(19, "result", change="reported", of_seq=4, result={"status": "not_executed"}),
        of_run(20, "violation", of_seq=6, decision="stop", decision_id="dec_6", reason="rate_limited_tenant",
               result={"status": "ok"}),
        event(21, "kill_switch", change="thrown", caller="local:1000",
              kill_switch={"id": "ksw_1", "scope": "tenant", "subject": "t_42", "action": "refund.*"}),
        decision(22, "stop", layer="kill_switch", scope="tenant", reason="kill_switch"),
        event(23, "kill_switch", change="lifted", of_seq=21, caller="local:1000",
              kill_switch={"id": "ksw_1", "scope": "tenant", "subject": "t_42"}),
        event(24, "kill_switch", change="expired", of_seq=21, kill_switch={"id": "ksw_2", "scope": "global"}),
        event(25, "policy", change="reloaded", policy="sha256:02", previous="sha256:01", caller="local:1000"),
        event(26, "policy", change="rolled_back", policy="sha256:01", previous="sha256:02"),
        event(27, "policy", change="rejected", policy="sha256:03", note='start.yaml:3:4: error: "when" | = \\'),
        event(28, "identity", change="changed", identity={"id": "agent-7", "kind": "agent"}),
        event(29, "identity", change="revoked", identity={"id": "agent-7", "kind": "agent"}),
        event(30, "access", caller="auditor-1", access={"what": "events", "query_hash": hashed("h1_", "q")}),
        event(31, "snapshot", of_seq=30, snapshot={"digest": "sha256:aa", "rows": 3, "generation": 1}),
        event(32, "retention", caller="gatekeeper", note="180 days"),
        event(33, "redaction", caller="local:1000", of_seq=4),
        event(34, "key", caller="local:1000"),
        event(35, "clock", change="jumped", clock={"wall": "2026-11-23T09:14:00.000000Z",
                                                    "ledger": "2026-11-23T08:14:00.000000Z"}),
        event(36, "clock", change="accepted", caller="local:1000"),
        event(37, "gap", gap={"what": "admission", "identity": "agent-7", "count": 12,
                              "since": "2026-11-23T08:14:00.000000Z"}),
        event(38, "gap", gap={"what": "sign_in", "count": 3}),
        # the longest ids that there are, and a run of another agent
        decision(39, "allow", run_id=LONG, step_id=LONG, tenant_id=LONG, agent_id=LONG, action="a" * 128,
                 actor={"type": "user", "id": LONG, "roles": [LONG]}, caller=LONG,
                 parent_step_id=LONG, parent_run_id=LONG, reason="rule_allows"),
        # words that nobody should have let in, and that must still be one record each
        decision(40, "stop", run_id=HOSTILE, step_id=HOSTILE, agent_id=HOSTILE, action=HOSTILE, reason=HOSTILE,
                 rule=HOSTILE, caller=HOSTILE, tenant_id=HOSTILE, decision_id=HOSTILE, traceparent="00-nothing"),
        decision(41, "allow", run_id="=1+1", agent_id="+agent", action="-action", step_id="@step",
                 reason="\tcmd", rule="=HYPERLINK(\"http://x\",\"y\")", caller="-7",
                 actor={"type": "user", "id": "@admin"}),
        of_run(42, "result", run=HOSTILE, agent_id=HOSTILE, change="reported", of_seq=40, action=HOSTILE,
               result={"status": "error", "error_code": HOSTILE}),
        of_run(43, "run", change="ended", step_id=None, action=None),
        of_run(44, "run", run="run_only_ended", change="idle", step_id=None, action=None, caller="gatekeeper"),
        decision(45, "allow", run_id="run_981", tenant_id=None, actor=None, reason="rule_allows"),
        event(46, "boot", process={"version": "1", "events": 46, "boot_id": "78", "recovered": "nothing"}),
        event(47, "close", caller="gatekeeper"),
        # what comes after an end is in a session of its own
        of_run(48, "result", change="late_result", of_seq=4, result={"status": "ok"}),
        event(49, "retention", change="let_go", rule="audit.retention_days=180", retention={
            "what": "bodies", "minimum": 256, "root": "ab" * 32, "count": 256}),
        event(50, "retention", change="held", caller="local:1000",
              hold={"id": "hold_1", "scope": "run", "subject": "run_981", "tenant": "t_42"}),
        event(51, "retention", change="released", caller="local:1000", of_seq=50,
              hold={"id": "hold_1", "scope": "run", "subject": "run_981", "tenant": "t_42"}),
        # others are asked, a grant for more than one request, and its uses
        decision(52, "approval_required", layer="approval", rule="refunds", reason="refunds", approval_id="apr_5", approval={
            "id": "apr_5", "expires_at": "2026-11-23T08:44:00.000000Z", "grant_valid_ms": 900000,
            "bounded": {"max_uses": 3, "max_ttl_ms": 3600000, "pins": {"/order": hashed("h1_", "order")}},
            "rules": [{"rule": "refunds", "reason": "refunds", "digest": "sha256:" + "4c" * 32, "groups": ["finance"], "needed": 1,
                       "escalate_ms": 60000, "escalate_to": ["leads"]}]}),
        of_run(53, "approval", change="escalated", of_seq=52, approval_id="apr_5", step_id="52~escalated/1", caller="gatekeeper",
               rule="refunds", groups=["leads"], parent_step_id="52"),
        of_run(54, "approval", change="vote", of_seq=52, approval_id="apr_5", step_id="52~vote/1", caller="lea", person="lea", grant_vote=True,
               actor={"type": "person", "id": "lea"}, groups=["leads"], bound={"uses": 2, "at_most": {"/amount": "50.5"}}, grant_valid_ms=600000),
        of_run(55, "approval", change="granted", of_seq=52, approval_id="apr_5", step_id="52~granted", caller="lea", person="lea",
               actor={"type": "person", "id": "lea"}, bound={"uses": 2, "at_most": {"/amount": "50.5"}}, grant_until="2026-11-23T08:24:55.000000Z"),
        decision(56, "allow", layer="approval", rule="refunds", reason="approval_granted", approval_id="apr_5", parent_step_id="52",
                 result_by="2026-11-23T08:29:00.000000Z"),
        of_run(57, "approval", change="used", of_seq=52, approval_id="apr_5", step_id="52~used/1", decision_id="dec_56", use=1),
    ]
    seen = {one["kind"] for one in out}
    assert seen == set(KINDS), set(KINDS) - seen
    return out


def rows_with_more(events):
    """As the API gives them: with leaf_hash, one with opened values."""
    for one in events:
        leaf = hashlib.sha256(b"\0" + canonical(one).encode()).hexdigest()
        more = {"opened": {"/amount": 120.5, "/comment": HOSTILE}} if one["seq"] == 4 else {}
        yield one | {"leaf_hash": leaf} | more


EVENTS = rows()
ROWS = list(rows_with_more(EVENTS))
failed = 0
count = 0


def ok(good, name, why=""):
    global failed, count
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}{'' if good else ': ' + str(why)[:2000]}")


def checked(name, check):
    try:
        check()
        ok(True, name)
    except Exception as err:  # any error is the test's failure
        ok(False, name, f"{type(err).__name__}: {err}")


def probe(what, lines, code=0):
    run = subprocess.run([PROBE, what, ORIGIN], input="".join(line + "\n" for line in lines).encode(),
                         capture_output=True, check=False)
    if run.returncode != code:
        raise AssertionError(f"exit {run.returncode}: {run.stderr.decode()}")
    return run.stdout


def strict(text):
    """JSON without duplicate members, NaN or anything after it."""
    def members(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), f"a member twice: {names}"
        return dict(pairs)

    def constant(word):
        raise AssertionError(word)
    return json.loads(text, object_pairs_hook=members, parse_constant=constant)


def same(a, b, what=""):
    assert a == b, f"{what} {a!r} isn't {b!r}"


OUT = {what: probe(what, map(canonical, ROWS)) for what in FORMATS}


def lines_of(what):
    text = OUT[what].decode("utf-8")
    assert text.endswith("\n")
    return text[:-1].split("\n")


def check_jsonl():
    for line, row in zip(lines_of("jsonl"), ROWS, strict=True):
        same(line, canonical(row))


# ---- CSV: RFC 4180, by the standard library's reader ----

def check_csv():
    assert OUT["csv"].count(b"\r\n") == OUT["csv"].count(b"\n") - HOSTILE_LF, "a line that doesn't end in CRLF"
    table = list(csv.DictReader(io.StringIO(OUT["csv"].decode(), newline=""), strict=True))
    same(len(table), len(ROWS))
    for line, row in zip(table, ROWS):
        result, actor = row.get("result", {}), row.get("actor", {})
        want = {name: row.get(name) for name in line} | {
            "actor_type": actor.get("type"), "actor_id": actor.get("id"), "status": result.get("status"),
            "error_code": result.get("error_code"),
            "duration_ms": result.get("duration_ms", 0) if "status" in result else None}
        for name, value in want.items():
            text = "" if value is None else str(value)
            if text[:1] in ("=", "+", "-", "@", "\t", "\r") and text:
                text = "'" + text
            same(line[name], text, f"seq {row['seq']} {name}")


def check_csv_formulas():
    for cell in csv.reader(io.StringIO(OUT["csv"].decode(), newline="")):
        for text in cell:
            assert text[:1] not in ("=", "+", "-", "@", "\t", "\r") or not text, text


# line ends inside quoted cells of the hostile rows
HOSTILE_LF = sum(text.count("\n") for row in ROWS for text in
                 [value for value in row.values() if isinstance(value, str)] +
                 [row.get("result", {}).get("error_code", "")])


# ---- CloudEvents 1.0 ----

def check_cloudevents():
    for line, row in zip(lines_of("cloudevents"), ROWS, strict=True):
        one = strict(line)
        same(line, canonical(one), "not canonical")
        for name in ("id", "source", "specversion", "type"):  # REQUIRED, non-empty strings
            assert isinstance(one[name], str) and one[name], name
        same(one["specversion"], "1.0")
        same(one["source"], URN)
        same(one["id"], str(row["seq"]))
        same(one["time"], row["timestamp"])
        same(one["datacontenttype"], "application/json")
        same(one["data"], row)
        same(int(one["sequence"]), row["seq"])
        kind = row["kind"]
        more = row["decision"] if kind == "decision" else row.get("change")
        same(one["type"], "gatekeeper." + kind + ("." + more if more else ""))
        for name, value in one.items():  # attribute names: a-z and 0-9; values of a type that CloudEvents has
            assert re.fullmatch("[a-z0-9]{1,20}", name), name
            assert name == "data" or (isinstance(value, str) and value), name
        if row["seq"] == 4:
            same(one["traceparent"], TRACE)
            same(one["subject"], "run_981/4")
    ids = [strict(line)["id"] for line in lines_of("cloudevents")]
    same(len(ids), len(set(ids)), "ids are unique")


# ---- OCSF 1.6.0, API Activity ----

ENUMS = {
    "activity_id": {0: "Unknown", 1: "Create", 2: "Read", 3: "Update", 4: "Delete", 99: None},
    "severity_id": {0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical", 6: "Fatal",
                    99: None},
    "status_id": {0: "Unknown", 1: "Success", 2: "Failure", 99: None},
    "action_id": {0: "Unknown", 1: "Allowed", 2: "Denied", 3: "Observed", 4: "Modified", 99: None},
    "disposition_id": {0: "Unknown", 1: "Allowed", 2: "Blocked", 8: "Approved", 14: "Delayed", 15: "Detected",
                       17: "Logged", 19: "Alert", 24: "Access Revoked", 25: "Rejected", 99: None},
}
OCSF_TYPES = {
    "activity_id": int, "activity_name": str, "category_name": str, "category_uid": int, "class_name": str,
    "class_uid": int, "type_name": str, "type_uid": int, "time": int, "message": str, "severity": str,
    "severity_id": int, "status": str, "status_id": int, "status_code": str, "status_detail": str, "action": str,
    "action_id": int, "disposition": str, "disposition_id": int, "is_alert": bool, "policy": dict, "actor": dict,
    "api": dict, "resources": list, "src_endpoint": dict, "duration": int, "trace": dict, "metadata": dict,
    "unmapped": dict,
}
OBJECTS = {
    "policy": {"name", "uid", "version", "desc", "group"},
    "actor": {"app_name", "app_uid", "session", "user", "process", "idp", "authorizations"},
    "api": {"operation", "request", "response", "service", "version", "group"},
    "src_endpoint": {"name", "uid", "ip", "port", "hostname", "svc_name"},
    "trace": {"uid", "span", "service", "flags", "start_time", "end_time", "duration"},
    "metadata": {"correlation_uid", "event_code", "log_name", "log_provider", "original_time", "product", "profiles",
                 "sequence", "tenant_uid", "uid", "version", "labels", "logged_time"},
}


def check_ocsf_event(one, row):
    for name in ("activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid", "metadata", "actor",
                 "api", "src_endpoint"):
        assert name in one, f"required: {name}"
    for name, value in one.items():
        assert type(value) is OCSF_TYPES[name], f"{name}: {value!r}"
    for name, known in OBJECTS.items():
        assert set(one.get(name, {})) <= known, f"{name} has {set(one[name]) - known}"
    for name, captions in ENUMS.items():
        caption = one[name[:-3] + ("_name" if name == "activity_id" else "")]
        assert captions[one[name]] in (None, caption), f"{name} {one[name]} is {caption}"
    same((one["category_uid"], one["class_uid"]), (6, 6003))
    same(one["type_uid"], 600300 + one["activity_id"])
    same(one["time"], 1795421640000 + row["seq"] * 1000 % 60000 + row["seq"] // 1000, "ms")
    same(one["metadata"]["version"], "1.6.0")
    same(one["metadata"]["product"]["vendor_name"], "gatekeeper")
    same(one["metadata"]["sequence"], row["seq"])
    same("trace" in one["metadata"]["profiles"], "trace" in one)
    assert "security_control" in one["metadata"]["profiles"]
    assert one["api"]["operation"] and one["src_endpoint"]["name"]
    assert one["actor"]["user"]["uid"] and one["actor"]["user"]["type_id"] in (1, 4)
    for resource in one["resources"]:
        assert resource["uid"] and resource["type"]
    same(one["unmapped"]["gatekeeper"], row)


def check_ocsf():
    found = {}
    for line, row in zip(lines_of("ocsf"), ROWS, strict=True):
        one = strict(line)
        check_ocsf_event(one, row)
        found[row["seq"]] = one
    same((found[4]["action"], found[4]["disposition"], found[4]["status"]), ("Allowed", "Allowed", "Success"))
    same((found[6]["action"], found[6]["disposition"], found[6]["status_code"]),
         ("Denied", "Blocked", "rate_limited_tenant"))
    same((found[7]["action_id"], found[7]["disposition"]), (0, "Delayed"))
    same(found[20]["is_alert"], True)
    same(found[4]["trace"]["uid"], TRACE.split("-")[1])
    assert "trace" not in found[40], "a traceparent that isn't one"
    same(found[5]["unmapped"]["gen_ai.tool.name"], "refund.create")
    same(found[16]["unmapped"]["error.type"], "upstream.timeout")
    assert "error.type" not in found[5]["unmapped"]


# ---- CEF ----

def cef_header(line):
    """Seven fields, '|' and '\\' escaped; the extension."""
    fields, field, at = [], "", 0
    while len(fields) < 7:
        c = line[at]
        if c == "\\":
            assert line[at + 1] in "\\|", "an escape that the header doesn't have"
            field += line[at + 1]
            at += 2
            continue
        if c == "|":
            fields.append(field)
            field = ""
        else:
            field += c
        at += 1
    return fields, line[at:]


def cef_extension(text):
    """key=value pairs: a key begins where a word is followed by an '=' that isn't escaped."""
    starts = list(re.finditer(r"(?:^|(?<= ))([A-Za-z][A-Za-z0-9]*)=", text))
    # an '=' inside a value is escaped, so that what looks like a key is one
    pairs = {}
    for i, start in enumerate(starts):
        end = starts[i + 1].start() - 1 if i + 1 < len(starts) else len(text)
        value = text[start.end():end]
        assert re.fullmatch(r"(?:[^\\=\n\r]|\\[\\=nr])*", value), f"a value that isn't escaped: {value!r}"
        assert start[1] not in pairs, f"twice: {start[1]}"
        pairs[start[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), value)
    return pairs


def check_cef():
    for line, row in zip(lines_of("cef"), ROWS, strict=True):
        header, text = cef_header(line)
        pairs = cef_extension(text)
        same(header[:4], ["CEF:0", "gatekeeper", "gatekeeper", "9.8|7\\x"])
        assert header[4] and header[5] and 0 <= int(header[6]) <= 10
        same(int(pairs["externalId"]), row["seq"])
        same(pairs["deviceExternalId"], ORIGIN)
        assert int(pairs["rt"]) > 1795000000000
        for key in pairs:
            if re.fullmatch(r"(cs|cn|flexString)\d", key):
                assert pairs[key + "Label"], f"{key} without a label"
        plain = {"cs1": "run_id", "cs2": "step_id", "cs3": "tenant_id", "cs4": "rule", "suid": "caller",
                 "destinationServiceName": "action", "msg": "note"}
        for key, name in plain.items():
            want = re.sub("[\x00-\x09\x0b\x0c\x0e-\x1f]", " ", row[name]) if row.get(name) else None
            same(pairs.get(key), want, f"seq {row['seq']} {name}")
        same(pairs["outcome"] in ("success", "failure", "unknown"), True)


# ---- AAT: draft-sharif-agent-audit-trail ----

MANDATORY = ("record_id timestamp agent_id agent_version session_id action_type action_detail outcome trust_level "
             "parent_record_id prev_hash record_phase").split()
REQUIRED = {
    "tool_call": {"tool_name": str, "parameters_hash": str},
    "tool_response": {"tool_name": str, "response_hash": str, "parent_call_id": str},
    "decision": {"decision_type": str},
    "escalation": {"escalation_reason": str, "escalation_target": str},
    "error": {"error_code": str, "error_message": str, "error_category": str, "recoverable": bool},
    "lifecycle": {"event": str},
}
LIFECYCLE = "session_start session_end pause resume configuration_change key_rotation trust_level_change".split()
CATEGORIES = "transport authentication authorization validation timeout internal external".split()


def is_uuid4(text):
    return isinstance(text, str) and str(uuid.UUID(text)) == text and uuid.UUID(text).version == 4


def check_aat_record(one):
    for name in MANDATORY:
        assert name in one, f"mandatory: {name}"
    assert set(one) <= set(MANDATORY) | {"deny_reasons", "human_override"}, set(one)
    detail = one["action_detail"]
    for name, kind in REQUIRED[one["action_type"]].items():
        assert type(detail.get(name)) is kind and detail[name] != "", f"{one['action_type']}: {name}"
    assert not any(name.startswith("aat_") for name in detail)
    for name in ("parameters_hash", "response_hash", "session_hash"):
        assert name not in detail or re.fullmatch("[0-9a-f]{64}", detail[name]), name
    assert one["outcome"] in ("success", "failure", "timeout", "denied", "escalated")
    assert one["record_phase"] in ("pre_execution", "post_execution", "concurrent")
    assert one["trust_level"] in ("L0", "L1", "L2", "L3", "L4")
    assert is_uuid4(one["record_id"]) and is_uuid4(one["session_id"])
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:[\x21-\x7e]+", one["agent_id"]), one["agent_id"]
    assert one["agent_version"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one["timestamp"])
    if one["outcome"] in ("denied", "escalated"):  # an enforcement decision is recorded before
        same(one["record_phase"], "pre_execution")
    if one["outcome"] == "denied":
        assert one["deny_reasons"] and all("_" in word for word in one["deny_reasons"])
    if one["action_type"] == "lifecycle":
        assert detail["event"] in LIFECYCLE
    if one["action_type"] == "error":
        assert detail["error_category"] in CATEGORIES


def aat_chains(lines):
    """Every chain followed: links, genesis, close.  Gives them by session."""
    chains = {}
    for line in lines:
        one = strict(line)
        same(line, canonical(one), "not canonical")
        check_aat_record(one)
        chains.setdefault(one["session_id"], []).append((line, one))
    for chain in chains.values():
        hashes = b""
        for i, (line, one) in enumerate(chain):
            starts = one["action_detail"].get("event") == "session_start"
            same(starts, i == 0, "one genesis, at the begin")
            if i == 0:
                same((one["parent_record_id"], one["prev_hash"]), (None, None))
                same((one["action_type"], one["record_phase"]), ("lifecycle", "concurrent"))
            else:
                before, first = chain[i - 1]
                same(one["prev_hash"], hashlib.sha256(before.encode()).hexdigest(), "prev_hash")
                same(one["parent_record_id"], first["record_id"])
                same(one["agent_id"], first["agent_id"], "one agent a session")
                assert one["timestamp"] >= first["timestamp"]
                hashes += bytes.fromhex(one["prev_hash"])
            if one["action_detail"].get("event") == "session_end":
                same(i, len(chain) - 1, "nothing after the close")
                same(one["action_detail"]["session_hash"], hashlib.sha256(hashes).hexdigest())
                same(one["action_detail"]["record_count"], len(chain))
    return chains


def check_aat():
    lines = lines_of("aat")
    chains = aat_chains(lines)
    records = [strict(line) for line in lines]
    ids = [one["record_id"] for one in records]
    same(len(ids), len(set(ids)), "record ids are unique")
    own = {one["action_detail"]["seq"]: one for one in records if "kind" in one["action_detail"]}
    same(sorted(own), [row["seq"] for row in ROWS], "a record for each event")
    for row in ROWS:
        same(own[row["seq"]]["action_detail"]["leaf_hash"], row["leaf_hash"])
    same(own[5]["action_detail"]["parent_call_id"], own[4]["record_id"])
    same((own[7]["action_type"], own[7]["outcome"]), ("escalation", "escalated"))
    same((own[6]["action_type"], own[6]["outcome"], own[6]["deny_reasons"]),
         ("tool_call", "denied", ["GATEKEEPER_RATE_LIMITED_TENANT"]))
    same(own[8]["human_override"], {"operator_id": "alice"})
    same(bytes.fromhex(own[4]["action_detail"]["parameters_hash"]),
         base64.urlsafe_b64decode(EVENTS[4]["args_hash"][3:] + "="))
    same(own[4]["action_detail"]["hash_key"], "h1")
    same(own[43]["action_detail"]["event"], "session_end")
    assert own[45]["session_id"] != own[4]["session_id"], "a run without a tenant is another one"
    assert own[46]["session_id"] not in {own[2]["session_id"]}, "each process is a session"
    same(own[47]["session_id"], own[46]["session_id"])
    assert own[48]["session_id"] != own[43]["session_id"], "nothing joins a closed session"
    assert len(chains) >= 8


def check_aat_tamper():
    """The verifier above can say no."""
    lines = lines_of("aat")
    at = next(i for i, line in enumerate(lines) if '"seq":6,' in line)
    for bad in (lines[:at] + [lines[at].replace('"denied"', '"failure"')] + lines[at + 1:],
                lines[:at] + lines[at + 1:]):
        try:
            aat_chains(bad)
        except AssertionError:
            continue
        raise AssertionError("a changed chain passes")


def check_aat_again():
    """The ids follow from the events: whoever exports again gets the same."""
    first, second = [probe("aat", [canonical(row) for row in ROWS[4:7]]) for _ in range(2)]
    same(first, second)
    one = [strict(line)["record_id"] for line in probe("aat", [canonical(ROWS[6])]).decode().splitlines()]
    assert one[-1] in first.decode()


def check_raw():
    """The log's own bytes, without what the API adds, do as well."""
    for what in FORMATS:
        text = probe(what, map(canonical, EVENTS)).decode()
        assert "leaf_hash" not in text or what == "csv", what


def check_refused():
    """What isn't an event is refused, whatever the format."""
    good = canonical(EVENTS[4])
    for bad in ("{}", "[]", "x", good[:-1], good.replace('"v":1', '"v":2'), good.replace('{"action"', '{ "action"'),
                good.replace('"seq":4', '"seq":4,"zz":1')):
        for what in FORMATS:
            probe(what, [bad], code=1)


def check_golden(what):
    path = GOLDEN / f"events.{what}"
    if "--write" in sys.argv:
        path.write_bytes(OUT[what])
    same(path.read_bytes(), OUT[what], "run it with --write where the change is meant")


TESTS = {
    "jsonl is the row as it is": check_jsonl,
    "csv has a header row, a row for each event and every cell as it was": check_csv,
    "no csv cell begins like a formula": check_csv_formulas,
    "cloudevents have what 1.0 requires and the event as data": check_cloudevents,
    "ocsf events are api activity with captions that fit their numbers": check_ocsf,
    "cef lines have seven header fields and escaped values": check_cef,
    "aat records have twelve members and are chained by run": check_aat,
    "a changed or missing aat record is found": check_aat_tamper,
    "the same event has the same aat record id in every export": check_aat_again,
    "the log's own bytes can be exported": check_raw,
    "what isn't an event is refused": check_refused,
}
for name, check in TESTS.items():
    checked(name, check)
for form in FORMATS:
    checked(f"{form} is what it was", lambda form=form: check_golden(form))
print(f"1..{count}")
sys.exit(failed > 0)
