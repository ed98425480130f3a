#!/usr/bin/env python3
"""Make the screenshots of docs/images: a server with a day's story in its log, every page, light and dark, desktop and phone.

shots.py FOLDER IMAGES: FOLDER as for test_console.py; IMAGES is where the PNG files go.  CLOCK_PRELOAD names the library that moves the clock.
"""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from test_console import harness, prepare

POLICY = """\
policy: support
allow:
  - id: reads
    actions: ["kb.*", "ticket.*", crm.search]
  - id: refunds
    actions: [refund.create]
    when: 'args.amount <= 2000.0'
  - id: exports
    actions: [export.create]
stop:
  - id: no-mass-mail
    actions: [mail.send]
    reason: mail_is_for_people
limits:
  - id: reads-an-hour
    actions: ["kb.*"]
    rate: 120/h
    burst: 40
    per: agent
  - id: refunds-of-a-run
    actions: [refund.create]
    max: 5
    per: run
budgets:
  - id: model-money
    actions: ["*"]
    unit: usd
    amount: "4"
    every: day
    per: tenant
    cost: "0.03"
approvals:
  - id: refunds-over-50
    actions: [refund.create]
    when: 'args.amount > 50.0'
    reason: refund_over_50
    approvers: {groups: [finance], count: 1}
    show: [/order, /amount, /currency, /note]
    expires: 2h
  - id: refunds-over-500
    actions: [refund.create]
    when: 'args.amount > 500.0'
    reason: large_refund
    risk: high
    approvers: {groups: [finance], count: 1}
    show: [/order, /amount, /currency, /note]
    expires: 2h
  - id: exports-need-two
    actions: [export.create]
    reason: personal_data_leaves
    risk: high
    approvers: {groups: [privacy], count: 2}
    show: [/dataset, /rows, /to]
    expires: 8h
"""
HOURS = 20


class Scene:
    """A day of two agents, hour by hour: each hour is a life of the server at that time."""

    def __init__(self) -> None:
        self.clock = pathlib.Path(harness.tempfile.mkdtemp()) / "clock"
        self.clock.write_text("0")
        self.server = harness.Server(POLICY, {"audit": {"show_fields": ["order", "amount", "currency", "note", "dataset", "rows", "to"]}}, env={
            "LD_PRELOAD": os.environ["CLOCK_PRELOAD"], "CLOCK_FILE": str(self.clock)})
        self.steps = 0

    def at(self, hours_ago: float) -> None:
        if self.server.process and self.server.process.poll() is None:
            self.server.stop()
        self.clock.write_text(str(-int(hours_ago * 3600)))
        self.server.start()

    def people(self) -> None:
        human = {"kind": "human", "tenant": "*"}
        self.tokens = {
            "alice": self.server.token("alice", can="approver", group="finance", **human),
            "bob": self.server.token("bob", can="approver", group=["finance", "privacy"], **human),
            "olga": self.server.token("olga", can=["operator", "auditor"], **human),
        }
        self.support = self.server.agent("support-1", tenant=["t_42", "t_77"])
        self.data = self.server.agent("data-1", agent="data-agent", tenant="t_42")
        self.alice, self.bob, self.olga = (harness.Client(self.server.address, self.tokens[name]) for name in ("alice", "bob", "olga"))

    def ask(self, run: str, action: str, args: dict, agent=None, tenant: str = "t_42", result: dict | None = None, **more) -> dict:
        self.steps += 1
        body = (agent or self.support).decide(run, str(self.steps), action, args, tenant_id=tenant,
                                              actor={"type": "user", "id": f"u_{len(run) % 5 + 3}", "roles": ["support"]}, **more).body
        if body["decision"] == "allow":
            (agent or self.support).result(body["decision_id"], **(result or {"duration_ms": 1 + self.steps * 3 % 7}))
        return body

    def hour(self, hour: int) -> None:
        busy = [1, 1, 2, 3, 5, 7, 9, 8, 6, 7, 9, 10, 8, 6, 4, 5, 3, 2, 2, 3][hour % 20]
        for i in range(busy * 2):
            tenant = "t_77" if i % 3 == 2 else "t_42"
            self.ask(f"run_{900 + hour}", ["kb.search", "ticket.read", "crm.search"][i % 3], {"q": i}, tenant=tenant)
        for i in range(busy // 3):
            self.ask(f"run_{900 + hour}", "mail.send", {"to": i})
        for i in range(busy // 2):
            asked = self.ask(f"run_{930 + hour}", "refund.create", {"order": f"A-{1000 + hour * 10 + i}", "amount": 60.5 + i, "currency": "EUR"})
            if "approval" in asked and asked["approval"]:
                path = f"/v1/approvals/{asked['approval']['approval_id']}"
                self.alice.post(f"{path}/{'deny' if i == 2 else 'grant'}", {"comment": "order checked"})
        if hour in (6, 13):
            self.ask("run_874", "shell.run", {"cmd": "ls"}, agent=self.data)

    def story(self) -> None:
        """The run that the pictures show."""
        run = {"run": "run_981"}
        self.ask(run["run"], "ticket.read", {"id": 4711})
        time.sleep(0.6)
        self.ask(run["run"], "crm.search", {"mail": "…"}, result={"status": "error", "duration_ms": 3, "error": {"code": "upstream.timeout"}})
        time.sleep(0.4)
        self.ask(run["run"], "crm.search", {"mail": "…", "again": True})
        order = {"order": "A-1001", "amount": 120.5, "currency": "EUR", "note": "kettle arrived broken"}
        asked = self.ask(run["run"], "refund.create", order)
        time.sleep(2.2)
        self.alice.post(f"/v1/approvals/{asked['approval']['approval_id']}/grant", {"comment": "photo of the kettle seen"})
        self.ask(run["run"], "refund.create", order, approval_id=asked["approval"]["approval_id"], result={"duration_ms": 4})
        time.sleep(0.5)
        stopped = self.ask(run["run"], "mail.send", {"to": "all"})
        self.support.result(stopped["decision_id"], duration_ms=90)

    def now(self) -> None:
        self.ask("run_990", "ticket.read", {"id": 4720})
        stopped = self.ask("run_990", "mail.send", {"to": "all"})
        self.support.result(stopped["decision_id"], duration_ms=90)
        self.ask("run_990", "crm.search", {"mail": "…"})
        self.ask("run_989", "ticket.read", {"id": 4719})
        for _ in range(2):
            self.ask("run_991", "crm.search", {"q": "eu"}, agent=self.data)
        stopped = self.ask("run_991", "shell.run", {"cmd": "dump"}, agent=self.data)
        self.data.result(stopped["decision_id"])
        for order, amount, note in (("A-1044", 89.9, "arrived twice"), ("A-1051", 640, "never arrived, tracking ends in Linz")):
            self.ask("run_990" if amount > 500 else "run_989", "refund.create", {"order": order, "amount": amount, "currency": "EUR", "note": note})
        asked = self.ask("run_991", "export.create", {"dataset": "customers_eu", "rows": 18200, "to": "partner-bucket"}, agent=self.data)
        self.bob.post(f"/v1/approvals/{asked['approval']['approval_id']}/grant", {})
        self.olga.post("/v1/kill-switches", {"scope": "tenant", "id": "t_77", "action": "refund.*", "reason": "chargebacks rise since noon, incident 7",
                                             "expires_in": "8h"})

    def play(self) -> None:
        self.at(HOURS + 1)
        self.people()
        for hour in range(HOURS):
            if hour:
                self.at(HOURS + 1 - hour)
            if hour == 9:
                self.server.write_policy(POLICY.replace("args.amount <= 2000.0", "args.amount <= 5000.0").replace('amount: "4"', 'amount: "5"'))
                self.olga.post("/v1/policy/reload")
            if hour == 12:
                first = self.olga.get("/v1/policy").body["history"][-1]["policy"]
                self.server.write_policy(POLICY)
                self.olga.post("/v1/policy/rollback", {"digest": first, "reason": "refunds above 2000 stay with people"})
            self.hour(hour)
        self.at(0)
        self.story()
        self.now()


def main() -> int:
    folder, images = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    images.mkdir(parents=True, exist_ok=True)
    prepare(folder)
    scene = Scene()
    scene.play()
    setup = {"url": f"http://127.0.0.1:{scene.server.port}", "tokens": scene.tokens, "images": str(images)}
    done = subprocess.run(["node", str(folder / "shots.mjs")], check=False,
                          env={**os.environ, "GATEKEEPER_BROWSER_SETUP": json.dumps(setup)})
    scene.server.stop()
    if done.returncode == 0 and shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--speed", "1", "--strip", "64", *sorted(map(str, images.glob("*.png")))], check=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
