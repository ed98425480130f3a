"""Risk and order of approvals, from the policy to the record, the API, the command line and what is told."""

from __future__ import annotations

import json
import unittest

import harness

POLICY = """\
policy: risk
allow:
  - {id: all, actions: ["*"]}
approvals:
  - {id: calm, actions: ["low.*", "both.*"], approvers: {groups: [finance]}, risk: low, reason: calm_thing}
  - {id: plain, actions: ["plain.*"], approvers: {groups: [finance]}, reason: plain_thing}
  - {id: grave, actions: ["high.*", "both.*"], approvers: {groups: [finance]}, risk: high, reason: grave_thing}
"""


class Risk(harness.ServerCase):
    policy = POLICY

    def ask(self, run: str, action: str) -> str:
        answer = self.agent.decide(run, "1", action, {})
        self.assertEqual(answer.body["decision"], "approval_required")
        return answer.body["approval"]["approval_id"]

    def pages(self, query: str) -> list[dict]:
        found, cursor = [], ""
        while True:
            answer = self.alice.get(f"/v1/approvals?status=pending&limit=2{query}{cursor}")
            self.assertEqual(answer.status, 200, answer)
            found += answer.body["approvals"]
            if answer.body["next_cursor"] is None:
                return found
            cursor = f"&cursor={answer.body['next_cursor']}"

    def runs(self, query: str) -> list[str]:
        return [one["run_id"] for one in self.pages(query) if len(one["run_id"]) == 1]

    def test_the_riskiest_come_first_everywhere_and_it_is_in_the_record(self) -> None:
        for run, action in (("a", "low.x"), ("b", "plain.x"), ("c", "high.x"), ("d", "both.x"), ("e", "plain.y"), ("f", "low.y")):
            self.ask(run, action)
        self.assertEqual(self.runs(""), list("abcdef"))
        self.assertEqual(self.runs("&order=asked"), list("abcdef"))
        risky = [one for one in self.pages("&order=risk") if len(one["run_id"]) == 1]
        self.assertEqual([(one["run_id"], one["risk"]) for one in risky],
                         [("c", "high"), ("d", "high"), ("b", "medium"), ("e", "medium"), ("a", "low"), ("f", "low")])
        self.assertEqual({rule["rule"]: rule["risk"] for rule in risky[1]["rules"]}, {"calm": "low", "grave": "high"})
        rows = [line.split() for line in self.server.cli("approvals", "list").stdout.splitlines()]
        self.assertEqual(rows[0][:3], ["ID", "RISK", "STATUS"])
        self.assertEqual([(row[1], row[4]) for row in rows[1:] if row[7] in "abcdef"],
                         [("high", "high.x"), ("high", "both.x"), ("medium", "plain.x"), ("medium", "plain.y"), ("low", "low.x"), ("low", "low.y")])
        events = self.auditor.events("kind=decision")
        said = {event["run_id"]: [rule.get("risk") for rule in event["approval"]["rules"]] for event in events
                if len(event["run_id"]) == 1}
        self.assertEqual(said, {"a": ["low"], "b": [None], "c": ["high"], "d": ["low", "high"], "e": [None], "f": ["low"]})
        # a restart reads it from the record, and the record verifies
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)
        self.server.start()
        self.assertEqual(self.runs("&order=risk"), list("cdbeaf"))

    def test_a_wrong_order_or_another_orders_cursor_is_refused(self) -> None:
        for query in ("order=up", "order=risk&cursor=apr_AAAAAAAAAAAAAAAAAAAAAA", "order=risk&cursor=grave.apr_AAAAAAAAAAAAAAAAAAAAAA",
                      "order=risk&cursor=high.", "order=risk&cursor=.", "cursor=high.apr_AAAAAAAAAAAAAAAAAAAAAA"):
            self.assertEqual(self.alice.get(f"/v1/approvals?{query}").outcome[0], 400, query)

    def test_the_policy_takes_three_words_and_no_other(self) -> None:
        for word, code in (("low", 0), ("medium", 0), ("high", 0), ("severe", 1), ("1", 1)):
            self.server.write_policy(POLICY.replace("risk: low", f"risk: {word}"))
            done = self.server.cli("policy", "check", str(self.server.policies), check=False)
            self.assertEqual(done.returncode == 0, code == 0, (word, done.stdout, done.stderr))
        self.server.write_policy(POLICY)
        self.assertEqual(json.loads(self.server.cli("approvals", "list", "--json").stdout)["next_cursor"], None)

    def rows(self, *more: str) -> list[list[str]]:
        return [line.split() for line in self.server.cli("approvals", "list", *more).stdout.splitlines() if line.startswith("apr_")]

    def test_identical_requests_are_one_row_and_one_command_answers_them(self) -> None:
        ids = [self.ask(f"twin-{i}", "low.twin") for i in range(3)]
        other = self.ask("single", "low.single")
        listed = self.server.cli("approvals", "list").stdout
        rows = {row[0]: row[3:5] for row in self.rows()}
        self.assertEqual(rows[ids[0]], ["3", "low.twin"])
        self.assertEqual(rows[other], ["1", "low.single"])
        self.assertNotIn(ids[1], listed)
        self.assertRegex(listed, r"\d+ requests in \d+ rows: identical ones are one row")
        self.assertEqual({row[3] for row in self.rows("--each")}, {"1"})
        self.assertTrue(set(ids) <= {row[0] for row in self.rows("--each")})
        done = self.server.cli("approvals", "grant", "--alike", ids[0], "--comment", "all of them", env={"GATEKEEPER_TOKEN": self.alice.token})
        self.assertEqual(sorted(done.stdout.splitlines()), sorted(f"{one}: granted (1 of 1)" for one in ids))
        for one in ids:
            votes = [event["opened"] for event in self.auditor.events(f"kind=approval&approval_id={one}") if event["change"] == "vote"]
            self.assertEqual(votes, [{"/comment": "all of them"}])
        self.assertEqual(self.alice.get(f"/v1/approvals/{other}").body["status"], "pending")

    def test_several_ids_are_voted_on_one_by_one_and_a_refusal_stops_nothing(self) -> None:
        ids = [self.ask(f"several-{i}", "low.several") for i in range(3)]
        token = {"GATEKEEPER_TOKEN": self.bob.token}
        self.server.cli("approvals", "deny", ids[1], env=token)
        done = self.server.cli("approvals", "grant", ids[0], ids[1], ids[2], ids[0], check=False, env=token)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines(), [f"{ids[0]}: granted (1 of 1)", f"{ids[1]}: refused", f"{ids[2]}: granted (1 of 1)"])
        self.assertIn("the approval is denied", done.stderr)
        nobody = self.server.cli("approvals", "grant", check=False, env=token)
        self.assertEqual(nobody.returncode, 64)
        self.server.cli("approvals", "revoke", ids[0], ids[2])
        for one in (ids[0], ids[2]):
            self.assertEqual(self.alice.get(f"/v1/approvals/{one}").body["status"], "revoked")

    def test_one_shown_tells_what_had_happened_in_its_run(self) -> None:
        read = self.agent.decide("told", "read-1", "kb.read", {}).body
        self.agent.result(read["decision_id"], status="error", error={"code": "upstream.timeout"})
        self.ask_in("told", "asked-1", "high.first")
        asked = self.ask_in("told", "asked-2", "high.second")
        self.agent.result(asked["decision_id"], status="ok")
        shown = self.server.cli("approvals", "show", asked["approval"]["approval_id"]).stdout
        self.assertIn("before in this run: steps: 2, stopped: 0, violations: 0, errors: 1, unreported: 0", shown)
        self.assertIn("since it asked: violations: 1", shown)
        steps = [line.split()[:3] for line in shown.splitlines() if line.startswith(("read-1", "asked-1"))]
        self.assertEqual(steps, [["asked-1", "high.first", "approval_required:"], ["read-1", "kb.read", "allow"]])
        self.assertIn("error upstream.timeout", shown)

    def ask_in(self, run: str, step: str, action: str) -> dict:
        return self.agent.decide(run, step, action, {}).body


if __name__ == "__main__":
    harness.main()
