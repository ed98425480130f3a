"""Thirty-two clients, and a server killed at random moments: what was answered is recorded, nothing is let through twice.

Kills: the first argument that is a number, else $GATEKEEPER_KILLS, else 200.  $GATEKEEPER_SEED repeats a schedule.
"""

from __future__ import annotations

import collections
import datetime
import http.client
import json
import os
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenario"))
import harness  # noqa: E402

KILLS = next((int(word) for word in sys.argv[1:] if word.isdigit()), int(os.environ.get("GATEKEEPER_KILLS", "200")))
SEED = int(os.environ.get("GATEKEEPER_SEED", time.time_ns() % 1_000_000))
sys.argv = [word for word in sys.argv if not word.isdigit()]

CLIENTS = 32
TENANTS = [f"t_{i}" for i in range(8)]
STEPS_OF_A_RUN = 40
RATE_PER_S, BURST = 5, 5
MAX_OF_A_RUN = 8
COST_CENTS = 2
BUDGET_CENTS = COST_CENTS * max(20, KILLS)  # spent before the campaign ends, on a slow machine too
POLICY = f"""\
policy: kill
allow:
  - id: all
    actions: [free.read, rated.search, counted.call, paid.call]
limits:
  - id: rate
    actions: [rated.search]
    per: tenant
    rate: {RATE_PER_S}/s
    burst: {BURST}
    reason: rate_spent
  - id: count
    actions: [counted.call]
    per: run
    max: {MAX_OF_A_RUN}
    reason: run_spent
budgets:
  - id: spend
    actions: [paid.call]
    per: tenant
    unit: usd
    amount: "{BUDGET_CENTS / 100:.2f}"
    every: month
    cost: "{COST_CENTS / 100:.2f}"
    refund: never
    reason: budget_spent
"""
# Limits are small enough to be reached.
ACTIONS = ["free.read", "rated.search", "counted.call", "counted.call", "paid.call", "paid.call"]


class Caller(threading.Thread):
    """One client: asks step after step, repeats what wasn't answered, reports results, remembers every answer."""

    def __init__(self, server: harness.Server, number: int, token: str, stop: threading.Event):
        super().__init__(name=f"caller-{number}", daemon=True)
        self.server, self.number, self.stop = server, number, stop
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.random = random.Random(SEED * 1000 + number)
        self.answers: list[tuple[dict, dict]] = []  # (request, answer)
        self.results: list[dict] = []
        self.retried = 0
        self.unexpected: list[str] = []
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        serial = 0
        while not self.stop.is_set():
            serial += 1
            run = f"run_{self.number}_{serial}"
            for step in range(STEPS_OF_A_RUN):
                if self.stop.is_set():
                    return
                self.one_step(run, str(step), TENANTS[(self.number + serial) % len(TENANTS)])

    def one_step(self, run: str, step: str, tenant: str) -> None:
        request = {"run_id": run, "step_id": step, "tenant_id": tenant, "action": self.random.choice(ACTIONS),
                   "args": {"n": self.random.randrange(1000)}}
        answer = self.insist("/v1/decisions", request)
        if answer is None:
            return
        self.answers.append((request, answer))
        if answer["decision"] == "allow" and self.random.random() < 0.5:
            closed = self.insist(f"/v1/decisions/{answer['decision_id']}/result", {"status": "ok", "duration_ms": 1})
            if closed is not None:
                self.results.append(closed)

    def insist(self, path: str, body: dict) -> dict | None:
        """The answer, however often the server dies meanwhile; None when the campaign is over first."""
        data = json.dumps(body).encode()
        while True:
            try:
                status, answer = self.post(path, data)
                if status in (200, 201):
                    return answer
                if status not in (429, 503):
                    self.unexpected.append(f"{path}: {status} {answer}")
                    return None
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
                self.retried += 1
            if self.stop.is_set():
                return None
            time.sleep(self.random.uniform(0.002, 0.02))

    def post(self, path: str, data: bytes) -> tuple[int, dict]:
        if self.connection is None or self.connection.port != self.server.port:
            self.connection = http.client.HTTPConnection(*self.server.address(), timeout=10)
        self.connection.request("POST", path, data, self.headers)
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())


def microseconds(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1_000_000)


class Killed(harness.unittest.TestCase):
    """The campaign runs once; each test asks one question about what it left."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.random = random.Random(SEED)
        cls.server = harness.Server(POLICY, {"admission_rate": 1000000, "admission_burst": 10000000}).start()
        token = cls.server.token("agent-7", "agent", "agent", agent="killed-agent", tenant="*")
        cls.stop = threading.Event()
        cls.callers = [Caller(cls.server, i, token, cls.stop) for i in range(CLIENTS)]
        cls.verified: list[str] = []
        try:
            cls.campaign()
        finally:
            cls.stop.set()
        for caller in cls.callers:
            caller.join(harness.DEADLINE_S)
        cls.last_code = cls.server.stop()
        cls.rows = cls.server.recorded()
        cls.decisions = [row for row in cls.rows if row.event["kind"] == "decision"]
        answers = sum(len(caller.answers) for caller in cls.callers)
        print(f"# seed {SEED}, {KILLS} kills, {len(cls.rows)} events, {answers} decisions answered, "
              f"{sum(caller.retried for caller in cls.callers)} retries", flush=True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.destroy()

    @classmethod
    def campaign(cls) -> None:
        for caller in cls.callers:
            caller.start()
        for number in range(KILLS):
            if cls.random.random() < 0.2:  # while it starts, or stops being dead
                time.sleep(cls.random.uniform(0, 0.03))
            else:
                harness.until("readyz", cls.server.is_ready, pause=0.005)
                time.sleep(cls.random.uniform(0, 0.15))
            cls.server.kill()
            done = cls.server.verify()
            if done.returncode != 0:
                cls.verified.append(f"kill {number}: exit {done.returncode} {done.stdout}{done.stderr}")
            cls.server.start(ready=False)
        harness.until("readyz", cls.server.is_ready)

    def allowed(self, action: str, subject: str) -> dict[str, list[dict]]:
        """Allows of an action by the value of a member, in order; a retry's own events aren't asks."""
        found: dict[str, list[dict]] = collections.defaultdict(list)
        for row in self.decisions:
            if row.event["action"] == action and row.event["decision"] == "allow":
                found[row.event[subject]].append(row.event)
        return found

    def test_the_campaign_really_happened(self):
        self.assertEqual([text for caller in self.callers for text in caller.unexpected], [])
        self.assertGreater(sum(caller.retried for caller in self.callers), KILLS)
        self.assertGreater(len([row for row in self.rows if row.event["kind"] == "boot"]), KILLS // 2)
        reasons = {row.event["reason"] for row in self.decisions if row.event["decision"] == "stop"}
        self.assertLessEqual({"rate_spent", "run_spent", "budget_spent"}, reasons)

    def test_verify_passes_after_every_kill(self):
        self.assertEqual(self.verified, [])

    def test_the_last_stop_is_clean_and_the_log_verifies(self):
        self.assertEqual(self.last_code, 0)
        self.assertEqual(self.server.verify().returncode, 0)

    def test_every_answer_that_a_client_received_is_in_the_journal(self):
        for caller in self.callers:
            for request, answer in caller.answers:
                row = self.rows[answer["event"]["seq"]]
                for name in ("run_id", "step_id", "tenant_id", "action"):
                    self.assertEqual(row.event[name], request[name])
                for name in ("decision", "decision_id", "reason", "action_key"):
                    self.assertEqual(row.event[name], answer[name])
                self.assertTrue(row.has_leaf(answer["event"]["leaf_hash"]), answer)

    def test_every_result_that_was_taken_is_in_the_journal(self):
        taken = 0
        for caller in self.callers:
            for answer in caller.results:
                row = self.rows[answer["event"]["seq"]]
                self.assertEqual((row.event["kind"], row.event["change"]), ("result", "reported"))
                self.assertTrue(row.has_leaf(answer["event"]["leaf_hash"]), answer)
                taken += 1
        self.assertGreater(taken, KILLS)

    def test_no_rate_is_exceeded_over_the_whole_history(self):
        interval = 1_000_000 // RATE_PER_S
        tenants = self.allowed("rated.search", "tenant_id")
        self.assertGreater(len(tenants), 1)
        for tenant, events in tenants.items():
            arrival = 0  # GCRA, once more and by itself
            for event in events:
                now = microseconds(event["timestamp"])
                arrival = max(arrival, now) + interval
                self.assertLessEqual(arrival - now, BURST * interval, (tenant, event["seq"]))

    def test_no_run_is_allowed_more_often_than_its_maximum(self):
        runs = self.allowed("counted.call", "run_id")
        self.assertLessEqual(max(map(len, runs.values())), MAX_OF_A_RUN)

    def test_no_budget_is_exceeded_over_the_whole_history(self):
        months: dict[tuple, int] = collections.Counter()
        for tenant, events in self.allowed("paid.call", "tenant_id").items():
            for event in events:
                months[tenant, event["timestamp"][:7]] += COST_CENTS
        self.assertLessEqual(max(months.values()), BUDGET_CENTS)

    def test_no_step_is_charged_twice(self):
        steps = collections.Counter((row.event["run_id"], row.event["step_id"])
                                    for row in self.decisions if "of_seq" not in row.event)
        self.assertEqual([step for step, count in steps.items() if count > 1], [])

    def test_every_allow_that_was_reported_is_closed_once(self):
        closed = collections.Counter(row.event["decision_id"] for row in self.rows if row.event["kind"] == "result")
        self.assertEqual([name for name, count in closed.items() if count > 1], [])

    def test_time_never_runs_backwards(self):
        times = [row.event["timestamp"] for row in self.rows]
        self.assertEqual(times, sorted(times))


if __name__ == "__main__":
    harness.main()
