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

    def test_the_riskiest_come_first_everywhere_and_it_is_in_the_record(self) -> None:
        for run, action in (("a", "low.x"), ("b", "plain.x"), ("c", "high.x"), ("d", "both.x"), ("e", "plain.y"), ("f", "low.y")):
            self.ask(run, action)
        self.assertEqual([one["run_id"] for one in self.pages("")], list("abcdef"))
        self.assertEqual([one["run_id"] for one in self.pages("&order=asked")], list("abcdef"))
        risky = self.pages("&order=risk")
        self.assertEqual([(one["run_id"], one["risk"]) for one in risky],
                         [("c", "high"), ("d", "high"), ("b", "medium"), ("e", "medium"), ("a", "low"), ("f", "low")])
        self.assertEqual({rule["rule"]: rule["risk"] for rule in risky[1]["rules"]}, {"calm": "low", "grave": "high"})
        rows = [line.split() for line in self.server.cli("approvals", "list").stdout.splitlines()]
        self.assertEqual(rows[0][:3], ["ID", "RISK", "STATUS"])
        self.assertEqual([(row[1], row[3]) for row in rows[1:]],
                         [("high", "high.x"), ("high", "both.x"), ("medium", "plain.x"), ("medium", "plain.y"), ("low", "low.x"), ("low", "low.y")])
        events = self.auditor.events("kind=decision")
        said = {event["run_id"]: [rule.get("risk") for rule in event["approval"]["rules"]] for event in events}
        self.assertEqual(said, {"a": ["low"], "b": [None], "c": ["high"], "d": ["low", "high"], "e": [None], "f": ["low"]})
        # a restart reads it from the record, and the record verifies
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)
        self.server.start()
        self.assertEqual([one["run_id"] for one in self.pages("&order=risk")], list("cdbeaf"))

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


if __name__ == "__main__":
    harness.main()
