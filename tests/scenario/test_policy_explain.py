"""`gatekeeper policy explain`: every rule of a request with the values of its condition, then the answer."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import unittest

import harness

POLICY = """policy: p
variables:
  eur: args.amount * 2.0
stop:
  - {id: no-deletes, actions: ["*.delete"]}
  - {id: huge, actions: [pay], when: eur > 1000.0}
allow:
  - {id: pays, actions: [pay], roles: [support]}
  - {id: nights, actions: [pay], when: now.getHours() < 6}
limits:
  - {id: seen, mode: shadow, actions: [pay], per: run, max: 1}
approvals:
  - {id: large, actions: [pay], when: 'eur > 50.0 && args.note != ""', reason: large, approvers: {groups: [finance]}}
"""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
REQUEST = {"action": "pay", "args": {"amount": 30.5}, "actor": {"id": "u_1", "roles": ["support"]}}


class PolicyExplain(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "schema/actions").mkdir(parents=True)
        (self.folder / "p.yaml").write_text(POLICY)
        (self.folder / "schema/actions/count.schema.json").write_text(json.dumps(SCHEMA))

    def explain(self, request, *flags: str) -> subprocess.CompletedProcess:
        text = request if isinstance(request, str) else json.dumps(request)
        return subprocess.run([harness.binary(), "policy", "explain", str(self.folder), "-", "--now", "2026-11-23T08:00:00Z",
                               *flags], input=text, capture_output=True, text=True, timeout=harness.DEADLINE_S)

    def test_rules_by_layer_with_the_values_of_their_conditions(self):
        ended = self.explain({**REQUEST, "args": {"amount": 30.5, "note": "x"}})
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        out = ended.stdout
        self.assertRegex(out, r"^pay, agent agent, tenant none, for u_1\n")
        self.assertRegex(out, r"\nstop\n  · huge +p.yaml:6  doesn't apply: its condition is false\n    when: false\n"
                              r"      eur > 1000.0 +false\n        eur +61.0\n")
        self.assertRegex(out, r"\nallow\n  \+ pays +p.yaml:8  applies\n  · nights +p.yaml:9  doesn't apply: its condition is false\n")
        self.assertRegex(out, r"\nlimits\n  \+ seen +p.yaml:11  applies \(shadow: only recorded\)\n")
        self.assertRegex(out, r"\napprovals\n  → large +p.yaml:13  applies\n    when: true\n"
                              r"      eur > 50.0 && args.note != \"\" +true\n        eur > 50.0 +true\n          eur +61.0\n"
                              r"        args.note != \"\" +true\n")
        self.assertIn("\n1 rule is about other actions, agents or tenants: see --all\n", out)
        self.assertNotIn("No rule names", out)
        self.assertTrue(out.endswith("\napproval_required: layer approval, rule large, reason large\n"), out)

    def test_an_action_that_no_rule_names_is_told(self):
        self.assertIn("\nNo rule names the action 'zebra'.\n\nstop: ", self.explain({**REQUEST, "action": "zebra"}).stdout)

    def test_a_misspelt_action_is_told_what_it_may_mean(self):
        self.assertIn("\nNo rule names the action 'pya': did you mean 'pay'?\n\nstop: ",
                      self.explain({**REQUEST, "action": "pya"}).stdout)
        self.assertNotIn("did you mean", self.explain(REQUEST).stdout)

    def test_json_that_is_wrong_has_line_and_column(self):
        for text, place in (('{"action": "pay",\n "args": {"amount" 1}}', "-:2:20: "), ("", "-:1:1: "), ("{}}", "-:1:3: ")):
            ended = self.explain(text)
            self.assertEqual(ended.returncode, 65)
            self.assertIn("gatekeeper: " + place, ended.stderr)

    def test_a_condition_that_fails_opens_nothing_and_says_why(self):
        out = self.explain(REQUEST).stdout
        self.assertRegex(out, r"→ large +p.yaml:13  applies, for its condition fails\n    when: no such key")
        self.assertTrue(out.endswith("\napproval_required: layer approval, rule large, reason condition_error\n"), out)

    def test_all_shows_the_rest(self):
        self.assertRegex(self.explain(REQUEST, "--all").stdout, r"no-deletes +p.yaml:5  doesn't apply: another action\n")

    def test_who_may_not_and_what_does_not_fit(self):
        (self.folder / "id.json").write_text(json.dumps({"kind": "agent", "may_actors": ["u_2"]}))
        ended = self.explain(REQUEST, "--caller", str(self.folder / "id.json"))
        self.assertIn("The caller may not speak for this actor", ended.stdout)
        self.assertIn("stop: layer access, rule none, reason actor_not_permitted\n", ended.stdout)
        ended = self.explain({"action": "count", "args": {"n": "1"}})
        self.assertIn("The arguments don't fit the action's schema: /n: ", ended.stdout)
        self.assertIn("reason invalid_args\n", ended.stdout)

    def caller(self, **identity) -> tuple[str, str]:
        (self.folder / "caller.json").write_text(json.dumps({"kind": "agent", "may_actors": ["*"], "may_roles": ["*"], **identity}))
        return "--caller", str(self.folder / "caller.json")

    def test_what_the_api_refuses_is_never_told_as_a_decision(self):
        small = {**REQUEST, "args": {"amount": 1.5, "note": "x"}}
        for identity, flags, word in (({"tenants": ["t_1"]}, ("--tenant", "t_2"), "tenant_not_permitted: "),
                                      ({"tenants": ["t_1", "t_2"]}, (), "tenant_required: "),
                                      ({"kind": "human", "can": ["auditor"]}, (), "not_permitted: "),
                                      ({"expires": "2026-11-23T08:00:00Z"}, (), "unauthorized: ")):
            with self.subTest(word):
                ended = self.explain(small, *self.caller(**identity), *flags)
                self.assertEqual((ended.returncode, ended.stderr), (0, ""))
                self.assertRegex(ended.stdout, rf"\nrefused: {word}[^\n]+\n$")
                self.assertRegex(ended.stdout, r"  · pays +p.yaml:8  would apply, but isn't reached\n")
                self.assertNotIn("allow: ", ended.stdout)
                whole = json.loads(self.explain(small, *self.caller(**identity), *flags, "--json").stdout)
                self.assertEqual(whole["answer"], {"decision": None, "layer": None, "reason": None, "refused": word[:-2], "rule": None})
        for flags, tenant in (((), "t_1"), (("--tenant", "t_1"), "t_1")):
            out = self.explain(small, *self.caller(tenants=["t_1"]), *flags).stdout
            self.assertTrue(out.startswith(f"pay, agent caller, tenant {tenant}, for u_1\n"), out)
            self.assertTrue(out.endswith("\nallow: layer access, rule pays, reason allowed\n"), out)

    def test_what_stands_behind_the_decision_is_not_reached(self):
        out = self.explain({**REQUEST, "args": {"amount": 600.5, "note": "x"}}).stdout
        self.assertRegex(out, r"\n  → huge +p.yaml:6  applies\n")
        for rule in ("pays", "seen", "large"):
            self.assertRegex(out, rf"\n  · {rule} +p.yaml:\d+  would apply, but isn't reached")
        self.assertTrue(out.endswith("\nstop: layer access, rule huge, reason stopped_by_rule\n"), out)

    def test_an_allow_whose_condition_fails_allows_nothing_and_is_named(self):
        (self.folder / "p.yaml").write_text("policy: p\nallow:\n  - {id: small, actions: [pay], when: args.total < 5}\n")
        out = self.explain(REQUEST).stdout
        self.assertRegex(out, r"\n  → small +p.yaml:3  doesn't apply: its condition fails\n    when: no such key: 'total'\n")
        self.assertTrue(out.endswith("\nstop: layer access, rule small, reason condition_error\n"), out)

    def test_json(self):
        text = self.explain(REQUEST, "--json", "--agent", "x", "--tenant", "t_1").stdout
        whole = json.loads(text)
        self.assertEqual(text, json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n")
        self.assertEqual(whole["asked"], {"action": "pay", "actor": "u_1", "agent": "x", "tenant": "t_1"})
        self.assertEqual(whole["answer"], {"decision": "approval_required", "layer": "approval", "reason": "condition_error",
                                           "refused": None, "rule": "large"})
        self.assertEqual([rule["id"] for rule in whole["explain"]["rules"]],
                         ["no-deletes", "huge", "pays", "nights", "seen", "large"])

    def test_what_is_wrong(self):
        for request, word in (("{", "-:1:2: "), ("[]", "expected an object"), ({"action": "!"}, "/action: "),
                              ({"action": "a", "agrs": {}}, "/agrs: ")):
            ended = self.explain(request)
            self.assertEqual(ended.returncode, 65)
            self.assertIn(word, ended.stderr)
        (self.folder / "id.json").write_text('{"kind": "robot"}')
        ended = self.explain(REQUEST, "--caller", str(self.folder / "id.json"))
        self.assertEqual(ended.returncode, 65)
        self.assertIn("id.json: /kind: ", ended.stderr)
        self.assertEqual(self.explain(REQUEST, "--caller", "/nowhere").returncode, 66)
        for flags in (("--tenant", "a b"), ("--agent", "\x1b[31m"), ("--tenat", "t_1")):
            self.assertEqual(self.explain(REQUEST, *flags).returncode, 64)
        (self.folder / "p.yaml").write_text("policy: [")
        self.assertEqual(self.explain(REQUEST).returncode, 1)


if __name__ == "__main__":
    harness.main()
