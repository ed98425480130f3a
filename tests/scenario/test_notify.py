"""Notifications: every matching event is told at least once, whatever the other end does; no decision waits for it."""

import base64
import email
import email.policy
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time
import unittest

import harness
import receivers
import test_deploy
import test_witness

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

    def start(self, *targets, notify=None, policy=harness.POLICY, env=None, **config):
        chosen = list(targets) or [self.target()]
        self.server = harness.Server(policy, config={"notify": {**QUICK, **(notify or {}), "targets": chosen}, **config}, env=env).start()
        self.agent = self.server.agent()
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")
        return self.server

    def curl_clock(self):
        """An environment in which libcurl's clock goes on by itself, and what lets so many seconds pass for it alone."""
        clock = self.folder / "curl-clock"
        clock.write_text("0")

        def passes(seconds):
            clock.write_text(str(int(clock.read_text()) + seconds))
        return {"LD_PRELOAD": os.environ["CLOCK_PRELOAD"], "CURL_CLOCK_FILE": str(clock)}, passes

    def decisions_go_on(self, run, count=20):
        for i in range(count):
            self.assertEqual(self.agent.decide(run, str(i), "kb.read").body["decision"], "allow")

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

    def test_redirects_arent_followed_and_answers_that_never_come_dont_hold_up_decisions(self):
        inner = receivers.Receiver()
        self.hook.redirect_to = inner.url
        self.hook.misbehave = ["redirect", "slow"]
        self.start()
        self.violate("1")
        self.assertTrue(self.hook.waiting.wait(harness.DEADLINE_S))
        # the second try hangs; all that follows happens before it ends
        self.assertIn("302; redirects aren't followed", self.server.cli("notify", "list").stdout)
        for i in range(50):
            self.assertEqual(self.agent.decide("run_2", str(i), "kb.read").body["decision"], "allow")
        self.assertEqual(self.hook.taken, [])
        self.hook.release()
        harness.until("it arrives after all", lambda: self.hook.taken)
        self.assertEqual(inner.tried, [])
        inner.close()

    def test_shown_values_are_told_only_where_that_is_asked_for(self):
        for shown in (False, True):
            self.start(self.target(shown=shown), audit={"show_fields": ["amount"]})
            self.agent.decide("run_1", "1", "refund.create", {"amount": 70, "iban": "DE02"})
            harness.until("the message", lambda: self.hook.taken)
            _, _, body = self.hook.taken.pop()
            self.assertEqual(b'"opened":{"/amount":70}' in body, shown)
            self.assertNotIn(b"DE02", body)
            self.server.stop()
            self.server.destroy()

    def test_links_locate_an_approval_and_a_template_says_what_it_is_told_to(self):
        self.start(self.target(template="{{{agent_id}}} {alert} by {groups}: {link}"),
                   notify={"console_url": "https://gk.example.com"})
        asked = self.agent.decide("run_1", "1", "refund.create", {"amount": 70}).body
        harness.until("the message", lambda: self.hook.taken)
        link = f"https://gk.example.com/#/approvals/{asked['approval']['approval_id']}"
        data = self.hook.messages()[0]["data"]
        self.assertEqual((data["link"], data["text"]), (link, f"{{support-agent}} approval by finance: {link}"))


class Defaults(Case):
    """What is told without any condition."""

    def test_the_default_alerts_and_nothing_else(self):
        self.start()
        operator = self.server.client("olga", "human", "operator", tenant="*")
        self.agent.decide("run_1", "1", "kb.read")  # an allow is no alert
        self.agent.decide("run_1", "2", "shell.run")  # nor is a stop
        self.agent.decide("run_1", "3", "refund.create", {"amount": 70})
        self.violate("4")
        thrown = operator.post("/v1/kill-switches", {"scope": "tenant", "id": "t_9", "reason": "x"}).body
        operator.delete(f"/v1/kill-switches/{thrown['id']}", {"reason": "y"})
        self.server.write_policy(harness.POLICY + "    # again\n")
        operator.post("/v1/policy/reload")
        self.server.write_policy("nonsense: [")
        self.assertEqual(operator.post("/v1/policy/reload").status, 422)
        harness.until("all", lambda: len(self.hook.taken) >= 6)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(sorted(self.alerts()), sorted(
            ["approval", "violation", "kill_switch", "kill_switch", "policy_change", "policy_change"]))
        texts = [message["data"]["text"] for message in self.hook.messages()]
        self.assertIn("olga: kill_switch=thrown, scope=tenant, subject=t_9", texts)
        self.assertTrue(any(text.startswith("olga: policy=rejected") for text in texts), texts)

    def test_a_budget_is_told_at_80_per_cent_and_when_it_is_full_once_each(self):
        policy = harness.POLICY + ("budgets:\n  - id: spend\n    per: tenant\n    unit: usd\n    amount: \"10\"\n    every: month\n"
                                   "    cost: \"1\"\n    reason: budget_exhausted\n")
        self.server = harness.Server(policy, {"notify": {**QUICK, "targets": [self.target()]}}).start()
        self.agent = self.server.agent()
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")
        for i in range(7):
            self.assertEqual(self.agent.decide("run_1", str(i), "kb.read").body["decision"], "allow")
        self.server.kill()  # what was told is part of the state
        self.server.start()
        for i in range(7, 12):
            self.agent.decide("run_1", str(i), "kb.read")
        harness.until("both", lambda: len(self.hook.taken) == 2)
        self.assertEqual([message["data"]["text"] for message in self.hook.messages()],
                         ["support-agent: decision=allow, reason=allowed, budget=spend, percent=80, tenant=t_42, run_id=run_1",
                          "support-agent: decision=allow, reason=allowed, budget=spend, percent=100, tenant=t_42, run_id=run_1"])
        self.assertIn("gatekeeper_budgets_reached_total 2", self.metrics_client.get("/metrics").text)
        self.server.stop()
        self.assertEqual(self.server.verify().returncode, 0)
        self.assertEqual(len(self.hook.taken), 2)

    def test_results_that_never_come_and_a_full_disk_are_told(self):
        policy = harness.POLICY + "results:\n  within: 1s\n"
        self.server = harness.Server(policy, {"notify": {**QUICK, "targets": [self.target()]}, "result_grace": "0s"}).start()
        self.agent = self.server.agent()
        self.agent.decide("run_1", "1", "kb.read")
        harness.until("the message", lambda: self.hook.taken)
        self.assertEqual(self.alerts(), ["unreported"])
        self.server.stop()
        self.server.write_config(space_warn=1 << 50)
        self.server.start()
        harness.until("the second", lambda: len(self.hook.taken) == 2)
        self.assertEqual(self.hook.messages()[1]["data"]["text"], "gatekeeper: gap=space_warn")
        self.server.stop()

    def test_witnesses_that_dont_cosign_are_told(self):
        (self.folder / "witness").write_text(test_deploy.witness_line())
        self.start(witness={"policy": str(self.folder / "witness"), "timeout": "100ms", "every": "1s", "grace": "0s"})
        harness.until("the message", lambda: "witness" in self.alerts())
        self.assertEqual(self.hook.messages()[0]["data"]["text"], "gatekeeper: gap=witness")
        self.server.stop()
        gaps = [one.event["gap"] for one in self.server.recorded() if one.event["kind"] == "gap"]
        self.assertEqual([gap["what"] for gap in gaps], ["witness"])
        self.assertEqual(self.server.verify().returncode, 0)

    def test_that_witnesses_cosign_again_is_told_with_how_long_they_had_not(self):
        witness = test_witness.Witness()
        self.addCleanup(witness.destroy)
        (self.folder / "witness").write_text(test_witness.policy_of(witness))
        self.start(witness={"policy": str(self.folder / "witness"), "timeout": "100ms", "every": "1s", "grace": "0s"})
        harness.until("the gap", lambda: "witness" in self.alerts())
        witness.start(self.server.cli("verify", "--print-key").stdout.strip())
        harness.until("its end", lambda: self.alerts().count("witness") == 2)
        self.server.stop()
        gaps = [one.event["gap"] for one in self.server.recorded() if one.event["kind"] == "gap"]
        self.assertEqual([gap["what"] for gap in gaps], ["witness", "witness"])
        told = [message["data"] for message in self.hook.messages() if message["data"]["alert"] == "witness"]
        self.assertEqual([one["event"]["gap"] for one in told], gaps)
        self.assertNotIn("count", told[0]["event"]["gap"])
        self.assertGreaterEqual(told[1]["event"]["gap"]["count"], 1)
        self.assertEqual([one["text"] for one in told], ["gatekeeper: gap=witness", f"gatekeeper: gap=witness, over_after_s={gaps[1]['count']}"])

    def test_an_escalation_and_a_flood_of_questions_are_told(self):
        policy = harness.POLICY.replace("    expires: 30m", "    expires: 30m\n    escalate: {after: 300ms, to: [leads]}")
        self.assertNotEqual(policy, harness.POLICY)
        leads = receivers.Receiver()
        self.addCleanup(leads.close)
        self.start(self.target(), self.target(name="leads", url=leads.url, when='alert == "escalation" && "leads" in groups'),
                   notify={"console_url": "https://gk.example.com"}, policy=policy, approvals_per_hour=2)
        asked = [self.agent.decide("run_1", str(i), "refund.create", {"n": i}).body for i in range(3)]
        self.assertEqual([one["reason"] for one in asked], ["refund_needs_approval"] * 2 + ["approval_flood"])
        harness.until("both escalations", lambda: len(leads.taken) == 2)
        harness.until("all", lambda: len(self.hook.taken) == 5)
        self.assertEqual(sorted(self.alerts()), ["approval", "approval", "escalation", "escalation", "flood"])
        by_alert = {message["data"]["alert"]: message for message in self.hook.messages()}
        self.assertEqual((by_alert["flood"]["type"], by_alert["flood"]["data"]["text"]), ("decision.stop",
                         "support-agent: decision=stop, reason=approval_flood, tenant=t_42, run_id=run_1"))
        self.assertEqual(by_alert["escalation"]["type"], "approval.escalated")
        approvals = {one["approval"]["approval_id"] for one in asked[:2]}
        told = [message["data"] for message in leads.messages()]
        self.assertEqual({one["event"]["approval_id"] for one in told}, approvals)
        self.assertEqual({one["link"] for one in told}, {f"https://gk.example.com/#/approvals/{approval}" for approval in approvals})
        self.assertEqual([one["event"]["groups"] for one in told], [["leads"]] * 2)
        self.server.stop()
        self.assertEqual(sorted(self.recorded("approval")), sorted(leads.seqs()))

    def test_what_was_recorded_before_a_target_began_isnt_told(self):
        self.start(self.target(name="early"))
        self.violate("1")
        harness.until("the message", lambda: self.hook.taken)
        self.server.stop()
        self.server.write_config(notify={**QUICK, "targets": [self.target(name="late")]})
        self.server.start()
        self.violate("2", "run_2")
        harness.until("the second", lambda: len(self.hook.taken) == 2)
        self.server.stop()
        self.assertEqual(self.hook.seqs(), self.recorded("violation"))


class Outbox(Case):
    """Nothing is lost."""

    def test_conditions_choose_and_one_that_fails_tells(self):
        stops = receivers.Receiver()
        self.start(self.target(when='kind == "decision" && decision == "stop"', name="stops", url=stops.url),
                   self.target(when='"finance" in groups', name="finance"),
                   self.target(when='gap == "x" || 1 / (seq - seq) == 1', name="fails", url=self.hook.url + "/fails"))
        self.agent.decide("run_1", "1", "shell.run")
        self.agent.decide("run_1", "2", "refund.create", {"amount": 70})
        harness.until("both", lambda: self.metric("sent_total", "stops") == 1 and self.metric("sent_total", "finance") == 1)
        harness.until("all of them", lambda: self.metric("sent_total", "fails") >= 4)
        self.server.stop()
        self.assertEqual([message["data"]["event"]["reason"] for message in stops.messages()], ["no_rule_allows"])
        told = [path for path, _, _ in self.hook.taken]
        self.assertEqual(told.count("/hook"), 1)
        stops.close()

    def test_after_kills_every_matching_event_was_told(self):
        self.hook.misbehave = [None, 500, "lost", "reset"] * 8
        self.start()
        step = 0
        for _ in range(5):
            for _ in range(6):
                step += 1
                self.violate(str(step))
            self.server.kill()
            self.server.start()
        harness.until("all", lambda: self.metric("pending") == 0 and self.metric("lag_events") == 0)
        self.server.stop()
        violations = self.recorded("violation")
        self.assertEqual(len(violations), 30)
        self.assertEqual(sorted(set(self.hook.seqs())), violations)
        ids = {(headers["webhook-id"], json.loads(body)["data"]["event"]["seq"]) for _, headers, body in self.hook.taken}
        self.assertEqual(len(ids), 30)  # who keeps ids hears of each once

    def test_a_receiver_that_is_down_gets_all_of_it_later_and_a_full_outbox_waits_in_the_log(self):
        self.hook.always = 503
        self.start(self.target(when='kind == "decision"'))
        for i in range(1100):
            self.assertEqual(self.agent.decide("run_1", str(i), "kb.read", {"i": i}).status, 200)
        harness.until("the outbox to be full", lambda: self.metric("pending") == 1000)
        harness.until("it is told", lambda: "notify_full" in self.server.log())
        self.assertRegex(self.server.cli("notify", "list").stdout, r"\bops +webhook +no +0 +\d+ +1000 +0 ")
        self.assertGreaterEqual(self.metric("lag_events"), 100)
        self.server.kill()
        self.server.start()
        self.hook.always = None
        harness.until("all", lambda: self.metric("pending") == 0 and self.metric("lag_events") == 0, 60)
        self.server.stop()
        self.assertEqual(sorted(set(self.hook.seqs())), self.recorded("decision"))

    def test_what_is_given_up_is_listed_and_can_be_tried_again(self):
        self.hook.always = 400
        self.start(notify={"give_up": "0s"})
        operator = self.server.client("olga", "human", "operator", tenant="*")
        self.violate("1")
        harness.until("it is given up", lambda: self.metric("dead") == 1)
        self.assertIn("notify_dead", self.server.log())
        listed = operator.get("/v1/notifications").body["targets"][0]
        self.assertEqual((listed["name"], listed["up"], listed["pending"]), ("ops", False, []))
        self.assertEqual(listed["dead"][0]["error"], "the receiver answered 400")
        self.server.kill()
        self.server.start()
        seq = listed["dead"][0]["seq"]
        self.assertIn(str(seq), self.server.cli("notify", "list").stdout)
        self.hook.always = None
        self.assertEqual(self.server.cli("notify", "retry", "ops", "--seq", "1").stdout, "0 wait again\n")
        self.assertEqual(self.server.cli("notify", "retry", "ops", "--seq", str(seq)).stdout, "1 wait again\n")
        harness.until("it arrives", lambda: self.hook.taken)
        self.assertEqual(self.hook.seqs(), [seq])
        harness.until("it is gone", lambda: self.metric("dead") == 0)
        self.assertEqual(operator.post("/v1/notifications/nobody/retry").status, 404)
        self.assertEqual(self.agent.get("/v1/notifications").status, 403)
        self.server.stop()
        accesses = [one.event["access"]["what"] for one in self.server.recorded() if one.event["kind"] == "access"]
        self.assertEqual(accesses.count("notify.retry.ops"), 2)

    def test_a_test_is_sent_and_says_so(self):
        self.start()
        self.assertEqual(self.server.cli("notify", "test", "ops").stdout, "ops has taken it\n")
        message = self.hook.messages()[0]
        self.assertEqual((message["type"], message["data"]["text"]), ("test", "gatekeeper: test of notifications to ops"))
        self.hook.always = 410
        failed = self.server.cli("notify", "test", "ops", check=False)
        self.assertEqual((failed.returncode, "answered 410" in failed.stderr), (1, True))
        self.assertEqual(self.server.cli("notify", "test", "nobody", check=False).returncode, 1)
        self.server.stop()
        self.assertEqual(self.server.cli("notify", "list", check=False).returncode, 1)

    def test_a_broken_outbox_stops_the_start(self):
        self.start()
        self.server.stop()
        (self.server.data / "notify" / "ops.outbox").write_text("gatekeeper outbox 1\nnonsense\n")
        self.server.start(ready=False)
        self.assertEqual(self.server.wait(), 65)
        self.assertIn("ops.outbox", self.server.log())

    def test_an_outbox_of_another_log_begins_at_the_end(self):
        self.start()
        self.violate("1")
        harness.until("the message", lambda: self.hook.taken)
        self.server.stop()
        (self.server.data / "notify" / "ops.outbox").write_text(f"gatekeeper outbox 1\nnext 3 {'ab' * 32}\nend\n")
        self.server.start()
        self.violate("2", "run_2")
        harness.until("the second", lambda: len(self.hook.taken) == 2)
        self.assertIn("notify_rolled_back", self.server.log())
        self.server.stop()
        self.assertEqual(self.hook.seqs(), self.recorded("violation"))


SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
QUORUM = harness.POLICY.replace("count: 1", "count: 2")


class Slack(Case):
    policy = harness.POLICY

    def slack(self, **more):
        return {"name": "people", "kind": "slack", "url": self.hook.url, "private_addresses": True, "shown": True,
                "buttons": True, **more}

    def start_slack(self, *targets, policy=harness.POLICY, env=None, **notify):
        (self.folder / "signing").write_text(SLACK_SECRET + "\n")
        self.hook.answer = lambda path, body: (200, b"ok")
        self.server = harness.Server(policy, config={
            "audit": {"show_fields": ["amount", "note"]},
            "notify": {**QUICK, "console_url": "https://gk.example.com",
                       "slack_secret_file": str(self.folder / "signing"), **notify,
                       "targets": list(targets) or [self.slack()]}}, env=env).start()
        self.agent = self.server.agent()
        self.alice = self.server.approver("alice", attr="slack_user=U_ALICE")
        self.bob = self.server.approver("bob", attr="slack_user=U_BOB")
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")

    def ask(self, step="1", **args):
        asked = self.agent.decide("run_1", step, "refund.create", {"amount": 70, **args}).body
        return asked["approval"]["approval_id"]

    def press(self, user, approval, **more):
        body, headers = receivers.press(more.pop("secret", SLACK_SECRET), user, approval, **more)
        return self.server.anonymous().post("/v1/slack/actions", body, headers=headers)

    def status(self, approval):
        return self.alice.get(f"/v1/approvals/{approval}").body["status"]

    def replies(self):
        return [json.loads(body)["text"] for path, _, body in list(self.hook.taken) if path == "/reply"]

    def told(self):
        return [json.loads(body) for path, _, body in list(self.hook.taken) if path == "/hook"]

    def reply_url(self):
        return self.hook.url.replace("/hook", "/reply")

    def test_a_button_grants_once_and_the_vote_stands_in_the_record(self):
        self.start_slack()
        approval = self.ask()
        harness.until("the message", self.told)
        message = self.told()[0]
        self.assertTrue(message["text"].startswith("support-agent: decision=approval_required"))
        buttons = [block for block in message["blocks"] if block["type"] == "actions"][0]["elements"]
        self.assertEqual([(one["action_id"], one["value"]) for one in buttons],
                         [("gatekeeper_grant", approval), ("gatekeeper_deny", approval)])
        texts = json.dumps([block["text"]["text"] for block in message["blocks"] if block["type"] == "section"])
        self.assertIn("/amount* = 70", texts)
        self.assertIn(f"https://gk.example.com/#/approvals/{approval}", texts)
        self.assertEqual(self.press("U_ALICE", approval, response_url=self.reply_url()).status, 200)
        self.assertEqual(self.status(approval), "granted")
        harness.until("she is told", self.replies)
        self.assertEqual(self.replies(), ["Your grant: recorded as alice."])
        self.server.stop()
        votes = [one.event for one in self.server.recorded() if one.event.get("change") == "vote"]
        self.assertEqual([(vote["caller"], vote["person"], vote["grant_vote"]) for vote in votes], [("alice", "alice", True)])

    def test_who_may_not_grant_over_the_api_may_not_by_a_button(self):
        self.start_slack()
        self.server.client("carl", "human", "approver", group="legal", tenant="*", attr="slack_user=U_CARL")
        self.server.client("u_7", "human", "approver", group="finance", tenant="*", attr="slack_user=U_SEVEN")
        self.server.client("gone", "human", "approver", group="finance", tenant="*", attr="slack_user=U_GONE")
        self.server.cli("token", "revoke", "gone")
        for one in ("twin1", "twin2"):
            self.server.client(one, "human", "approver", group="finance", tenant="*", attr="slack_user=U_TWIN")
        asked = self.agent.decide("run_1", "1", "refund.create", {"amount": 70},
                                  actor={"type": "user", "id": "u_7", "roles": ["support"]}).body
        approval = asked["approval"]["approval_id"]
        for user in ("U_CARL", "U_SEVEN", "U_GONE", "U_TWIN", "U_NOBODY"):
            self.assertEqual(self.press(user, approval, response_url=self.reply_url()).status, 200, user)
            self.assertEqual(self.status(approval), "pending", user)
        harness.until("all are told", lambda: len(self.replies()) == 5)
        self.assertEqual(sum("doesn't know who you are" in text for text in self.replies()), 3)
        self.assertEqual(self.press("U_BOB", approval, action="gatekeeper_deny").status, 200)
        self.assertEqual(self.status(approval), "denied")

    def test_two_of_a_quorum_press_and_one_of_them_twice(self):
        self.start_slack(policy=QUORUM)
        approval = self.ask()
        for _ in range(2):
            self.assertEqual(self.press("U_ALICE", approval, response_url=self.reply_url(), at=time.time()).status in (200, 409), True)
            time.sleep(1.1)  # another second: another signature
        self.assertEqual(self.status(approval), "pending")
        self.press("U_BOB", approval, response_url=self.reply_url())
        self.assertEqual(self.status(approval), "granted")
        self.press("U_BOB", approval, action="gatekeeper_deny", response_url=self.reply_url())
        self.assertEqual(self.status(approval), "granted")
        harness.until("all are told", lambda: len(self.replies()) >= 4)
        self.server.stop()
        votes = [one.event["caller"] for one in self.server.recorded() if one.event.get("change") == "vote"]
        self.assertEqual(votes, ["alice", "bob"])

    def test_forged_old_and_replayed_requests_decide_nothing(self):
        self.start_slack()
        approval = self.ask()
        post = self.server.anonymous().post
        body, headers = receivers.press(SLACK_SECRET, "U_ALICE", approval)
        for name, value in (("X-Slack-Signature", "v0=" + "0" * 64), ("X-Slack-Signature", headers["X-Slack-Signature"].upper()),
                            ("X-Slack-Signature", headers["X-Slack-Signature"][:-1]), ("X-Slack-Signature", "v0="),
                            ("X-Slack-Request-Timestamp", str(int(headers["X-Slack-Request-Timestamp"]) + 1)),
                            ("X-Slack-Request-Timestamp", ""), ("X-Slack-Request-Timestamp", "-1")):
            answer = post("/v1/slack/actions", body, headers={**headers, name: value})
            self.assertEqual((answer.status, answer.code), (401, "slack_signature"), name + value)
        for missing in ("X-Slack-Signature", "X-Slack-Request-Timestamp"):
            answer = post("/v1/slack/actions", body, headers={k: v for k, v in headers.items() if k != missing})
            self.assertEqual(answer.status, 401)
        self.assertEqual(post("/v1/slack/actions", body + b"&x=y", headers=headers).status, 401)
        self.assertEqual(self.press("U_ALICE", approval, secret="another").status, 401)
        for age in (-400, 400):
            self.assertEqual(self.press("U_ALICE", approval, at=time.time() + age).code, "slack_timestamp")
        self.assertEqual(post("/v1/slack/actions", body, headers={**headers, "Content-Type": "application/json"}).status, 415)
        self.assertEqual(self.status(approval), "pending")
        self.assertEqual(post("/v1/slack/actions", body, headers=headers).status, 200)
        self.assertEqual(self.status(approval), "granted")
        for _ in range(3):
            self.assertEqual(post("/v1/slack/actions", body, headers=headers).code, "slack_replay")
        self.server.kill()
        self.server.start()
        post("/v1/slack/actions", body, headers=headers)  # the memory is gone, the ledger isn't
        self.server.stop()
        votes = [one.event for one in self.server.recorded() if one.event.get("change") == "vote"]
        self.assertEqual(len(votes), 1)

    def test_what_is_signed_and_no_press_of_ours_is_refused(self):
        self.start_slack()
        approval = self.ask()
        post = self.server.anonymous().post
        for text in (b"", b"payload=", b"payload=%7B", b"payload=%zz", b"payload=%7B%7D", b"x=y", b"payload=%7B%7D&payload=%7B%7D",
                     b"payload=%5B%5D", b"payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%5D%7D"):
            body, headers = receivers.signed_form(SLACK_SECRET, text)
            self.assertEqual(post("/v1/slack/actions", body, headers=headers).status, 400, text)
        self.assertEqual(self.press("U_ALICE", approval, action="other_button").status, 400)
        self.assertEqual(self.press("U_ALICE", "../x").status, 400)
        self.assertEqual(self.press("U_ALICE", "apr_AAAAAAAAAAAAAAAAAAAAAA").status, 200)  # told to the person
        self.assertEqual(self.status(approval), "pending")

    def test_the_signing_secret_is_replaced_without_a_restart(self):
        self.start_slack()
        first, second = self.ask("1"), self.ask("2", amount=71)
        seen = receivers.press(SLACK_SECRET, "U_NOBODY", first)
        post = self.server.anonymous().post
        self.assertEqual(post("/v1/slack/actions", seen[0], headers=seen[1]).status, 200)
        (self.folder / "signing").write_text(f"{SLACK_SECRET}\nthe-next-one\n")
        self.assertEqual(self.press("U_ALICE", first, secret="the-next-one").status, 401, "not yet")
        self.server.process.send_signal(signal.SIGHUP)
        harness.until("the reload", lambda: "slack_reloaded" in self.server.log())
        self.assertEqual(post("/v1/slack/actions", seen[0], headers=seen[1]).code, "slack_replay", "what was seen stays seen")
        self.assertEqual(self.press("U_ALICE", first, secret="the-next-one").status, 200)
        self.assertEqual(self.status(first), "granted")
        (self.folder / "signing").write_text("\n")
        self.server.process.send_signal(signal.SIGHUP)
        harness.until("a refusal", lambda: "slack_rejected" in self.server.log())
        (self.folder / "signing").write_text("the-next-one\n")
        self.server.process.send_signal(signal.SIGHUP)
        harness.until("the second", lambda: self.server.log().count("slack_reloaded") == 2)
        self.assertEqual(self.press("U_ALICE", second).status, 401, "the old one is gone")
        self.assertEqual(self.press("U_ALICE", second, secret="the-next-one").status, 200)
        self.assertEqual(self.status(second), "granted")

    def test_another_workspace_and_foreign_reply_urls(self):
        inner = receivers.Receiver()
        self.start_slack(slack_team="T_OURS")
        approval = self.ask()
        self.press("U_ALICE", approval, team="T_OTHER", response_url=self.reply_url())
        self.assertEqual(self.status(approval), "pending")
        harness.until("it is told", self.replies)
        self.press("U_ALICE", approval, team="T_OURS", response_url=inner.url)
        self.assertEqual(self.status(approval), "granted")
        self.press("U_BOB", approval, team="T_OURS", response_url=self.reply_url())
        harness.until("bob is told", lambda: len(self.replies()) == 2)
        self.assertEqual(inner.tried, [])
        inner.close()

    def test_without_a_secret_there_is_no_such_route(self):
        self.start_slack(slack_secret_file=None)
        self.assertEqual(self.press("U_ALICE", self.ask()).status, 404)

    def test_a_slack_that_redirects_never_answers_and_loses_answers_is_told_once_more_and_decides_nothing(self):
        env, passes = self.curl_clock()
        inner = receivers.Receiver()
        self.addCleanup(inner.close)
        self.hook.redirect_to = inner.url
        self.hook.misbehave = ["redirect", "slow", "lost"]
        self.start_slack(env=env)
        approval = self.ask()
        self.assertTrue(self.hook.waiting.wait(harness.DEADLINE_S))
        self.decisions_go_on("run_2")
        failed = self.metric("failures_total", "people")
        passes(16)
        harness.until("it is given up", lambda: self.metric("failures_total", "people") > failed)
        self.hook.release()
        harness.until("it arrives after all", lambda: self.metric("sent_total", "people") == 1)
        self.assertEqual(len({json.dumps(message) for message in self.told()}), 1)
        self.assertEqual((inner.tried, self.status(approval)), ([], "pending"))
        self.press("U_ALICE", approval)
        self.assertEqual(self.status(approval), "granted")

    def test_a_value_that_is_cut_has_no_buttons(self):
        self.start_slack()
        self.ask(note="x" * 500)
        self.ask("2", note="x" * 300)
        harness.until("both", lambda: len(self.told()) == 2)
        kinds = {"…" in json.dumps(message, ensure_ascii=False): [block["type"] for block in message["blocks"]] for message in self.told()}
        self.assertEqual({cut: "actions" in blocks for cut, blocks in kinds.items()}, {True: False, False: True})

    def test_values_cant_be_markup(self):
        self.start_slack()
        self.ask(note="<!channel> & <https://evil.example|click>")
        harness.until("the message", self.told)
        text = json.dumps(self.told()[0])
        self.assertNotIn("<!channel>", text)
        self.assertNotIn("<https://evil", text)
        self.assertIn("&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;", text)

    def test_a_bot_posts_to_a_channel_and_ok_false_is_a_failure(self):
        said = [b'{"ok":false,"error":"channel_not_found"}', b"nonsense", b'{"ok":true}']
        (self.folder / "token").write_text("xoxb-1\n")
        self.start_slack(self.slack(token_file=str(self.folder / "token"), channel="C123"))
        self.hook.answer = lambda path, body: (200, said.pop(0) if len(said) > 1 else said[0])
        self.ask()
        harness.until("it arrives after all", lambda: self.metric("sent_total", "people") == 1)
        self.assertEqual(self.metric("failures_total", "people"), 2)
        self.assertEqual({headers["authorization"] for _, headers, _ in self.hook.tried}, {"Bearer xoxb-1"})
        self.assertEqual(self.told()[0]["channel"], "C123")
        self.assertNotIn("xoxb-1", self.server.log())


class Mail(Case):
    @classmethod
    def setUpClass(cls):
        cls.pki = pathlib.Path(tempfile.mkdtemp(prefix="gk-pki-"))
        receivers.certificates(cls.pki)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.pki)

    def mail(self, server, **more):
        scheme = "smtps" if server.implicit else "smtp"
        return {"name": "mail", "kind": "email", "url": f"{scheme}://127.0.0.1:{server.port}", "private_addresses": True,
                "from": "gatekeeper@example.com", "to": ["ops@example.com", "sec@example.com"],
                "ca_file": str(self.pki / "ca.pem"), **more}

    def test_a_mail_is_sent_under_tls_to_all(self):
        (self.folder / "password").write_text("s3cret\n")
        for implicit in (False, True):
            server = receivers.MailServer(self.pki, implicit)
            self.start(self.mail(server, username="gk", password_file=str(self.folder / "password"), shown=True),
                       notify={"console_url": "https://gk.example.com"}, audit={"show_fields": ["note"]})
            self.agent.decide("run_1", "1", "refund.create", {"note": "50 € = viel.\r\n.\r\nQUIT"})
            harness.until("the mail", lambda: server.mails)
            sender, to, text = server.mails[0]
            self.assertEqual((sender, to), ("gatekeeper@example.com", ["ops@example.com", "sec@example.com"]))
            parsed = email.message_from_string(text, policy=email.policy.default)
            self.assertEqual(parsed["Subject"], "support-agent: decision=approval_required, reason=refund_needs_approval, "
                             "tenant=t_42, run_id=run_1")
            self.assertEqual(parsed["Auto-Submitted"], "auto-generated")
            self.assertRegex(parsed["Message-ID"], r"^<evt_\d+_[0-9a-f]{16}@[^>]+>$")
            body = parsed.get_content()
            self.assertIn("/note = \"50 € = viel.\\r\\n.\\r\\nQUIT\"", body)
            self.assertIn("https://gk.example.com/#/approvals/apr_", body)
            self.assertTrue(all(len(line) <= 998 for line in text.splitlines()))
            self.assertEqual(server.logins, ["\0gk\0s3cret"])
            self.assertFalse([line for line in server.lines if line.split()[0] not in ("EHLO", "STARTTLS")])
            self.server.stop()
            self.server.destroy()
            server.close()

    def test_nothing_is_sent_in_clear_or_to_a_server_that_nobody_vouches_for(self):
        server = receivers.MailServer(self.pki)
        server.offer_tls = False
        other = receivers.MailServer(self.pki)
        self.start(self.mail(server), self.mail(other, name="untrusted", ca_file=None))
        self.violate("1")
        for name in ("mail", "untrusted"):
            harness.until("it fails", lambda: self.metric("failures_total", name) >= 2)
        self.assertEqual((server.mails, other.mails), ([], []))
        self.assertFalse([line for line in server.lines if line.startswith("MAIL")])

    def test_a_mail_that_fails_comes_again(self):
        server = receivers.MailServer(self.pki)
        server.misbehave = ["451", "reset", "554"]
        self.start(self.mail(server))
        self.violate("1")
        harness.until("the mail", lambda: server.mails)
        self.assertGreaterEqual(self.metric("failures_total", "mail"), 3)

    def test_a_server_that_falls_silent_anywhere_gets_the_mail_later_and_holds_up_nothing(self):
        env, passes = self.curl_clock()
        server = receivers.MailServer(self.pki)
        self.addCleanup(server.close)
        server.silent = ["greeting", "data", "answer"]
        self.start(self.target(), self.mail(server), env=env)
        self.violate("1")
        for where in ("greeting", "data", "answer"):
            self.assertTrue(server.fallen.wait(harness.DEADLINE_S), where)
            server.fallen.clear()
            self.decisions_go_on(f"run_{where}")
            failed = self.metric("failures_total", "mail")
            self.assertEqual((len(self.hook.taken), server.mails), (1, []), "others are told, this one waits")
            minutes = 0
            while self.metric("failures_total", "mail") == failed:
                self.assertLess(minutes, 3, f"{where}: a minute for the mail, and one for an answer")
                passes(61)
                minutes += 1
                end = time.monotonic() + 10  # a slow machine notices late
                while self.metric("failures_total", "mail") == failed and time.monotonic() < end:
                    time.sleep(0.05)
        self.assertRegex(self.server.cli("notify", "list").stdout + str(self.server.cli("notify", "list", "--json").stdout), "(?i)timed? ?out")
        harness.until("the mail", lambda: server.mails)
        self.server.stop()
        self.assertEqual(len(server.mails), 1)

    def test_no_value_can_end_the_subject(self):
        server = receivers.MailServer(self.pki)
        self.start(self.mail(server, subject="{alert} naïve\r\nBcc: x@y.z {note} {rule}", when='kind == "policy"'))
        self.server.write_policy("bad: [\r\n")
        self.server.client("olga", "human", "operator", tenant="*").post("/v1/policy/reload")
        harness.until("the mail", lambda: server.mails)
        parsed = email.message_from_string(server.mails[0][2], policy=email.policy.default)
        self.assertIsNone(parsed["Bcc"])
        self.assertTrue(str(parsed["Subject"]).startswith("policy_change naïve  Bcc: x@y.z"), parsed["Subject"])


class Addresses(Case):
    def test_no_request_goes_to_a_private_address_unless_that_is_allowed(self):
        tls = self.hook.url.replace("http://", "https://")
        mail = f"smtp://127.0.0.1:{self.hook.port}"
        (self.folder / "url").write_text(tls)
        self.start(self.target(private_addresses=False, url=tls, name="by-address"),
                   self.target(private_addresses=False, url=tls.replace("127.0.0.1", "localhost"), name="by-name"),
                   self.target(private_addresses=False, url=None, url_file=str(self.folder / "url"), name="by-file"),
                   {"name": "slack", "kind": "slack", "url": tls},
                   {"name": "mail", "kind": "email", "url": mail, "from": "a@b.c", "to": ["d@e.f"]})
        self.violate("1")
        for name in ("by-address", "by-name", "by-file", "slack", "mail"):
            harness.until(f"{name} is refused", lambda: self.metric("failures_total", name) >= 2)
            failed = self.server.cli("notify", "test", name, check=False)
            self.assertEqual(failed.returncode, 1)
            self.assertIn("public Internet", failed.stderr)
        self.assertEqual(self.hook.tried, [])


class Config(Case):
    """What is wrong is told with its place, and what was meant."""

    def wrong(self, *targets, **notify):
        self.server = harness.Server(config={"notify": {**notify, "targets": list(targets)}})
        done = self.server.cli("config", check=False)
        self.assertEqual(done.returncode, 78, done.stdout)
        self.assertRegex(done.stderr, r"gatekeeper.yaml:\d+:\d+")
        return done.stderr

    def test_a_misspelt_field_is_told_with_what_was_meant(self):
        said = self.wrong(self.target(when='knid == "violation"'))
        self.assertIn("notify.targets[0]", said)
        self.assertIn("'knid'", said)
        self.assertIn("kind", said)

    def test_what_makes_no_target_is_refused(self):
        for more, words in ((dict(name="Ops"), "name: needed"), (dict(kind="pager"), "webhook|slack|email"),
                            (dict(url="ftp://x/"), "url: expected"), (dict(secret_files=[]), "secret_files"),
                            (dict(when="seq"), "when"), (dict(template="{knid}"), "knid"),
                            (dict(template="{kind"), "brace"), (dict(subject="x"), "kind: email"),
                            (dict(buttons=True), "kind: slack"), (dict(nmae="x"), 'did you mean "name"'),
                            (dict(private_addresses=False), "plain http://")):
            with self.subTest(words):
                self.assertIn(words, self.wrong(self.target(**more)))

    def test_kinds_need_their_own_keys(self):
        for target, words in ((dict(kind="slack"), "incoming webhook"), (dict(kind="slack", token_file="x"), "come together"),
                              (dict(kind="slack", url="https://x/", buttons=True), "set shown: true"),
                              (dict(kind="email", url="smtp://x/path", to=["a@b.c"]), "smtps://HOST"),
                              (dict(kind="email", url="smtps://x", to=["a@b.c"]), "from: expected"),
                              ({"kind": "email", "url": "smtps://x", "from": "a@b.c"}, "to: nobody"),
                              ({"kind": "email", "url": "smtps://x", "from": "a@b.c", "to": ["x\r\nBcc: y@z.w"]}, "bare address"),
                              ({"kind": "email", "url": "smtps://x", "from": "A <a@b.c>", "to": ["a@b.c"]}, "from: expected")):
            with self.subTest(words):
                self.assertIn(words, self.wrong({"name": "x", **target}))

    def test_names_are_told_apart(self):
        self.assertIn("is called ops, too", self.wrong(self.target(), self.target()))


if __name__ == "__main__":
    harness.main()
