"""`gatekeeper policy test`: what passes, what fails and how it is told, files that are wrong, coverage, JUnit."""

from __future__ import annotations

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import harness

sys.path.insert(0, str(harness.HERE.parent / "unit"))
from json_schema import accepts, undescribed

WHOLE = {
    "about": "all keys", "now": "2026-11-23T08:00:00Z",
    "identities": {
        "agent": {"kind": "agent", "can": ["agent"], "agent": "x", "tenants": ["t_1"], "may_actors": ["*"], "may_roles": ["r"],
                  "attributes": {"env": "prod"}, "expires": "2030-01-01T00:00:00Z"},
        "alice": {"kind": "human", "groups": ["finance"], "person": "p", "tenants": ["*"]}},
    "defaults": {"caller": "agent", "run_id": "r", "tenant_id": "t_1", "actor": {"id": "u"}, "context": {"a": 1}},
    "tests": [
        {"name": "one", "ask": {"action": "pay", "args": {"amount": 1}, "cost": {"usd": "1"}, "step_id": "s"},
         "expect": {"decision": "allow", "layer": "access", "rule": "pays", "reason": "allowed", "shadow": [],
                    "retry_after": False}},
        {"name": "two", "steps": [
            {"ask": {"step_id": "s", "action": "pay", "args": {"amount": 51}}, "repeat": 1, "expect": {"scope": "tenant"}},
            {"grant": "s", "by": "alice", "expect": {"refused": "x"}}, {"deny": "s", "by": "alice"},
            {"result": "s", "status": "ok", "cost": {"usd": "1"}, "by": "agent"}, {"after": "10m"},
            {"switch": {"scope": "tenant", "subject": "t_1", "action": "x.*", "for": "1m"}}, {"lift": True}, {"end": "r"}]}],
}
PROBES = [None, True, 0, 1.5, "", "x y", "soon", "allow", [], {}, ["x"], {"x": 1}]

POLICY = """policy: p
stop:
  - {id: no-deletes, actions: ["*.delete"], reason: deletes}
allow:
  - {id: reads, actions: [crm.search], roles: [support]}
  - {id: pays, actions: [pay]}
limits:
  - {id: searches, actions: [crm.search], per: tenant, rate: 2/min, burst: 2, reason: too_many}
  - {id: shadowed, mode: shadow, actions: [pay], per: run, max: 1, reason: once}
budgets:
  - {id: spend, actions: [pay], per: tenant, unit: usd, amount: 10, every: day, cost: 6, refund: reported}
approvals:
  - {id: large, actions: [pay], when: args.amount > 50.0, reason: large, approvers: {groups: [finance], count: 2}, expires: 1h}
"""
HEAD = """identities:
  agent: {kind: agent, tenants: [t_1], may_actors: ["u_*"], may_roles: [support]}
  alice: {kind: human, groups: [finance], tenants: [t_1]}
  bob: {kind: human, groups: [finance], tenants: [t_1]}
defaults: {actor: {id: u_1, roles: [support]}}
tests:
"""


class PolicyTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "p.yaml").write_text(POLICY)

    def run_tests(self, tests: str, *flags: str, head: str = HEAD) -> subprocess.CompletedProcess:
        (self.folder / "p.test.yaml").write_text(head + tests)
        return subprocess.run([harness.binary(), "policy", "test", str(self.folder), *flags],
                              capture_output=True, text=True, timeout=harness.DEADLINE_S)

    def passes(self, tests: str, head: str = HEAD) -> None:
        ended = self.run_tests(tests, head=head)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)

    def fails(self, tests: str) -> list[dict]:
        ended = self.run_tests(tests, "--json")
        self.assertEqual(ended.returncode, 1, ended.stdout)
        return [failure for file in json.loads(ended.stdout)["files"] for test in file["tests"]
                for failure in test["failures"]]

    def test_each_test_has_a_state_of_its_own(self):
        self.passes("""
  - name: a
    steps: [{repeat: 2, ask: {action: crm.search}, expect: {decision: allow}},
            {ask: {action: crm.search}, expect: {decision: stop, layer: rate_limit, rule: searches, reason: too_many,
                                                 scope: tenant, retry_after: true}}]
  - name: b
    ask: {action: crm.search}
    expect: {decision: allow, layer: access, rule: reads, retry_after: false}
""")

    def test_time_passes(self):
        self.passes("""
  - name: a
    steps:
      - {repeat: 2, ask: {action: crm.search}}
      - {ask: {action: crm.search}, expect: {decision: stop}}
      - after: 30s
      - {ask: {action: crm.search}, expect: {decision: allow}}
""")

    def test_two_persons_grant(self):
        self.passes("""
  - name: a
    steps:
      - {ask: {step_id: s, action: pay, args: {amount: 51}}, expect: {decision: approval_required, rule: large}}
      - {grant: s, by: alice}
      - {grant: s, by: alice, expect: {refused: already_voted}}
      - {grant: s, by: bob}
      - {ask: {approval: s, action: pay, args: {amount: 52}}, expect: {decision: stop, layer: approval}}
      - {ask: {approval: s, action: pay, args: {amount: 51}}, expect: {decision: allow}}
  - name: a denial is the end
    steps:
      - {ask: {step_id: s, action: pay, args: {amount: 51}}}
      - {deny: s, by: bob}
      - {grant: s, by: alice, expect: {refused: already_resolved}}
""")

    def test_budgets_are_settled_by_results(self):
        self.passes("""
  - name: a
    steps:
      - {ask: {step_id: s, action: pay, args: {amount: 1}}, expect: {decision: allow, shadow: []}}
      - {ask: {action: pay, args: {amount: 2}}, expect: {decision: stop, layer: budget, rule: spend}}
      - {result: s, cost: {usd: "1.00"}}
      - {ask: {action: pay, args: {amount: 2}}, expect: {decision: allow, shadow: [shadowed]}}
""")

    def test_kill_switches(self):
        self.passes("""
  - name: a
    steps:
      - switch: {scope: tenant, subject: t_1, action: "crm.*"}
      - {ask: {action: crm.search}, expect: {decision: stop, layer: kill_switch}}
      - {ask: {action: pay, args: {amount: 1}}, expect: {decision: allow}}
      - lift: true
      - {ask: {action: crm.search}, expect: {decision: allow}}
      - switch: {scope: global, for: 1m}
      - {ask: {action: crm.search}, expect: {decision: stop}}
      - after: 61s
      - {ask: {action: crm.search}, expect: {decision: allow}}
""")

    def test_without_identities_an_agent_may_say_anything(self):
        self.passes("  - {name: a, ask: {action: crm.search, actor: {id: x, roles: [support]}}, expect: {decision: allow}}\n",
                    head="tests:\n")

    def test_a_failure_says_where_what_and_why(self):
        [failure] = self.fails("  - name: a\n    ask: {action: t.delete}\n    expect: {decision: allow, rule: reads}\n")
        self.assertEqual((failure["line"], failure["step"], failure["what"].strip()), (7, 1, "ask t.delete"))
        self.assertEqual([(d["field"], d["expected"], d["actual"]) for d in failure["differences"]],
                         [("decision", "allow", "stop"), ("rule", "reads", "no-deletes")])
        self.assertEqual(failure["answer"], "stop, layer access, rule no-deletes, reason deletes")

    def test_what_the_api_refuses_is_a_failure(self):
        [failure] = self.fails("  - name: a\n    ask: {action: crm.search, tenant_id: t_2}\n    expect: {}\n")
        self.assertEqual(failure["differences"], [
            {"actual": "tenant_not_permitted", "expected": "it isn't", "field": "refused"}])

    def test_a_step_that_can_not_be_is_an_error(self):
        for step, word in (("ask: {action: '!'}", "/action"), ("grant: s\n        by: alice", "no earlier step"),
                           ("result: s", "no earlier step"), ("lift: true", "no switch"),
                           ("ask: {action: a, caller: zoe}", "zoe"), ("ask: {action: a, approval: s}", "no earlier step"),
                           ("ask: {action: a, agrs: {}}", "unknown field")):
            [failure] = self.fails(f"  - name: a\n    steps:\n      - {step}\n      - {{ask: {{action: x}}, expect: {{}}}}\n")
            self.assertIn(word, failure["error"])

    def test_a_file_that_is_wrong(self):
        for tests, place, word in (
                ("  - {name: a, asks: {}}\n", ":7:15: error: asks: unknown field of a test\n", "did you mean 'ask'?"),
                ("  - {name: a}\n", ":7:5:", "error: a test has either 'ask' and 'expect', or 'steps'"),
                ("  - {name: a, ask: {action: x}}\n", ":7:5:", "error: a test expects something: add 'expect'"),
                ("  - {name: a, steps: [{after: 1s}, {ask: {action: x}}]}\n", ":7:5:", "add 'expect'"),
                ("  - {name: a, by: alice, ask: {action: x}, expect: {}}\n", ":7:15:", "hint: 'by' belongs to a step\n"),
                ("  []\n", ":6:1:", "tests: there are none"),
                ("  - {name: a, ask: {action: x}, expect: {decision: maybe}}\n", ":7:", "expected one of"),
                ("  - {name: a, steps: [{ask: {}, lift: true}]}\n", ":7:", "exactly one of"),
                ("  - {name: a, steps: [{grant: s}]}\n", ":7:", "who grants"),
                ("  - {name: a, steps: [{grant: s, by: zoe}]}\n", ":7:", "identities"),
                ("  - {name: a, steps: [{after: soon}]}\n", ":7:", "duration"),
                ("  - {name: a, name: b}\n", ":7:15:", "duplicate key"),
                ("  nothing\n", ":6:1:", "expected")):
            ended = self.run_tests(tests)
            self.assertEqual(ended.returncode, 65, ended.stdout + ended.stderr)
            self.assertIn(place, ended.stdout)
            self.assertIn(word, ended.stdout)

    def test_no_tests_no_policy_no_folder(self):
        def run(*args: str) -> int:
            return subprocess.run([harness.binary(), "policy", "test", *args], capture_output=True).returncode
        self.assertEqual(run(str(self.folder)), 66)
        self.assertEqual(run(str(self.folder / "none")), 66)
        (self.folder / "p.yaml").write_text("policy: [\n")
        self.assertEqual(run(str(self.folder)), 1)
        self.assertEqual(run(str(self.folder), "--min-coverage", "many"), 64)

    def test_coverage(self):
        tests = "  - {name: a, ask: {action: pay, args: {amount: 1}}, expect: {decision: allow}}\n"
        ended = self.run_tests(tests, "--coverage", "--min-coverage", "42")
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertIn("p.yaml:3: stop 'no-deletes': no test reached it\n", ended.stdout)
        self.assertIn("p.yaml:13: approvals 'large': no test reached it\n", ended.stdout)
        self.assertIn("coverage: 3 of 7 rules (42 %), 1 of 2 outcomes of conditions\n", ended.stdout)

    def test_junit(self):
        report = self.folder / "report.xml"
        self.run_tests('  - {name: "a <b> & \\"c\\"", ask: {action: t.delete}, expect: {decision: allow}}\n'
                       "  - {name: b, ask: {action: t.delete}, expect: {}}\n", "--junit", str(report))
        root = xml.etree.ElementTree.parse(report).getroot()
        self.assertEqual((root.get("tests"), root.get("failures")), ("2", "1"))
        cases = list(root.iter("testcase"))
        self.assertEqual([case.get("name") for case in cases], ['a <b> & "c"', "b"])
        self.assertIn("decision: expected allow, got stop", cases[0].find("failure").text)

    def test_only(self):
        ended = self.run_tests("  - {name: one, ask: {action: t.delete}, expect: {decision: allow}}\n"
                               "  - {name: two, ask: {action: t.delete}, expect: {decision: stop}}\n", "--only", "two")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("1 passed, 0 failed\n", ended.stdout)

    def test_the_schema_and_the_reader_accept_the_same(self):
        schema = json.loads((harness.REPO / "schema/policy-test.schema.json").read_text())
        self.assertEqual(undescribed({"properties": {k: v for k, v in schema["properties"].items()}}), [])

        def agree(suite: dict) -> None:
            ended = self.run_tests(json.dumps(suite), head="")
            known = any(text in ended.stdout for text in ("of the identities of this file", "only kind human", "groups are for approvers", "only those who can"))
            if not known and (ended.returncode != 65) != accepts(schema, suite):
                faults.append(f"{ended.stdout.splitlines()[0]} {json.dumps(suite)}")

        def places(value, path=()):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
                yield path + (key,)
                if key not in ("ask", "defaults", "attributes", "cost"):
                    yield from places(inner, path + (key,))

        faults: list[str] = []
        agree(WHOLE)
        for i, path in enumerate(places(WHOLE)):
            for probe in PROBES[i % 3::3] + ["gone", "more"]:
                suite = copy.deepcopy(WHOLE)
                at = suite
                for key in path[:-1]:
                    at = at[key]
                if probe == "gone":
                    del at[path[-1]]
                elif probe == "more" and isinstance(at, dict):
                    at["more"] = 1
                else:
                    at[path[-1]] = probe
                agree(suite)
        self.assertEqual([], faults, "\n".join(faults))

    def test_the_packs_pass_with_all_rules_reached(self):
        ended = subprocess.run([harness.binary(), "policy", "test", str(harness.REPO / "policies"), "--min-coverage", "100"],
                               capture_output=True, text=True, timeout=harness.DEADLINE_S)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)


if __name__ == "__main__":
    harness.main()
