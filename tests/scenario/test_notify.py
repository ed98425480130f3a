"""Notifications: every matching event is told at least once, whatever the other end does; no decision waits for it."""

import base64
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import harness
import receivers

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another of twenty-four .").decode()
QUICK = {"max_backoff": "100ms", "flush": "10s"}


class Case(unittest.TestCase):
    """A server of its own for each test, and a receiver."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-notify-"))
        self.hook = receivers.Receiver()
        self.server = None
        (self.folder / "secret").write_text(SECRET + "\n")
        (self.folder / "other").write_text(OTHER + "\n")

    def tearDown(self):
        self.hook.close()
        if self.server:
            self.server.destroy()
        shutil.rmtree(self.folder, ignore_errors=True)

    def target(self, **more):
        return {"name": "ops", "kind": "webhook", "url": self.hook.url, "private_addresses": True,
                "secret_files": [str(self.folder / "secret")], **more}

    def start(self, *targets, notify=None, **config):
        chosen = list(targets) or [self.target()]
        self.server = harness.Server(config={"notify": {**QUICK, **(notify or {}), "targets": chosen}, **config}).start()
        self.agent = self.server.agent()
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")
        return self.server

    def metric(self, name, target="ops"):
        text = self.metrics_client.get("/metrics").text
        found = re.search(rf'^gatekeeper_notify_{name}{{target="{target}"}} (\S+)$', text, re.M)
        self.assertTrue(found, f"{name} {target} isn't in\n{text[-2000:]}")
        return float(found[1])

    def violate(self, step, run="run_1"):
        """One violation event: a result for what was stopped."""
        stopped = self.agent.decide(run, step, "shell.run").body
        self.assertEqual(self.agent.result(stopped["decision_id"]).code, "not_allowed")

    def alerts(self):
        return [message["data"]["alert"] for message in self.hook.messages()]

    def recorded(self, kind):
        """The seqs of events of a kind; the server is stopped."""
        return [one.seq for one in self.server.recorded() if one.event["kind"] == kind]


class Webhook(Case):
    def test_a_violation_is_told_with_a_signature_that_an_independent_check_accepts(self):
        self.start()
        before = int(time.time())
        self.violate("1")
        harness.until("the message", lambda: self.hook.taken)
        path, headers, body = self.hook.taken[0]
        self.assertEqual(path, "/hook")
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["webhook-signature"], receivers.signature(
            SECRET, headers["webhook-id"], headers["webhook-timestamp"], body))
        self.assertGreaterEqual(int(headers["webhook-timestamp"]), before)
        message = self.hook.messages()[0]
        self.assertEqual((message["type"], message["data"]["alert"]), ("violation", "violation"))
        self.assertEqual(message["timestamp"], message["data"]["event"]["timestamp"])
        self.assertEqual(headers["webhook-id"],
                         f"evt_{message['data']['event']['seq']}_{message['data']['event']['leaf_hash'][:16]}")
        self.assertNotIn(SECRET.encode(), body)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.hook.seqs(), self.recorded("violation"))

    def test_an_approval_reads_as_a_line(self):
        self.start()
        asked = self.agent.decide("run_981", "1", "refund.create", {"amount": 70}).body
        self.assertEqual(asked["decision"], "approval_required")
        harness.until("the message", lambda: self.hook.taken)
        message = self.hook.messages()[0]
        self.assertEqual(message["data"]["text"], "support-agent: decision=approval_required, "
                         "reason=refund_needs_approval, tenant=t_42, run_id=run_981")
        self.assertEqual(message["type"], "decision.approval_required")

    def test_two_secrets_sign_twice(self):
        self.start(self.target(secret_files=[str(self.folder / "secret"), str(self.folder / "other")]))
        self.violate("1")
        harness.until("the message", lambda: self.hook.taken)
        _, headers, body = self.hook.taken[0]
        self.assertEqual(headers["webhook-signature"].split(" "), [
            receivers.signature(secret, headers["webhook-id"], headers["webhook-timestamp"], body)
            for secret in (SECRET, OTHER)])

    def test_a_message_that_fails_comes_again_with_the_same_id(self):
        self.hook.misbehave = [500, "reset", 429, 404, "lost"]
        self.start()
        self.violate("1")
        harness.until("it arrives after all", lambda: len(self.hook.taken) == 2)
        ids = {headers["webhook-id"] for _, headers, _ in self.hook.tried}
        bodies = {body for _, _, body in self.hook.tried}
        self.assertEqual((len(self.hook.tried), len(ids), len(bodies)), (6, 1, 1))
        harness.until("it is counted", lambda: self.metric("sent_total") == 1)
        self.assertGreaterEqual(self.metric("failures_total"), 3)  # libcurl itself tries a kept connection anew
        self.assertEqual(self.metric("pending"), 0)


if __name__ == "__main__":
    harness.main()
