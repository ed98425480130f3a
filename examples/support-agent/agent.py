#!/usr/bin/env python3
"""A support agent that asks gatekeeper before every tool call, and reports every result.

It searches the CRM until it is told to stop, gets a refund approved and pays it, answers the ticket, then shows the
run's timeline and has the log verified.  Exit 0: all of that really happened.
"""

import argparse
import json
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request

from gatekeeper_client import Denied, Gatekeeper
from tools import Shop, ToolError

SEARCHES_MAX = 1000


class Failed(Exception):
    """The play didn't go as it must."""


def demand(fact, text):
    if not fact:
        raise Failed(text)


class Agent:
    """Holds the run: every tool call goes through call()."""

    def __init__(self, gate, tenant):
        self.gate, self.tenant = gate, tenant
        self.run = "run_" + secrets.token_hex(6)
        self.step = 0

    def ask(self, action, args, **more):
        """One step, asked for; Denied unless it is allowed."""
        self.step += 1
        return self.gate.ask(self.run, str(self.step), action, args, tenant_id=self.tenant,
                             actor={"type": "user", "id": "u_7", "roles": ["support"]}, **more)

    def perform(self, allowed, tool, args):
        """Run a tool that was allowed, and report how it went."""
        begin = time.monotonic()
        try:
            output = tool(**args)
        except ToolError as error:
            self.gate.report(allowed, "error", duration_ms=round((time.monotonic() - begin) * 1000),
                             error={"code": error.code, "message": str(error)})
            raise
        self.gate.report(allowed, "ok", duration_ms=round((time.monotonic() - begin) * 1000), output=output)
        return output

    def call(self, action, tool, args, **more):
        return self.perform(self.ask(action, args, **more), tool, args)


def search_until_stopped(agent, shop):
    """Gives how many searches ran before the tenant's limit said stop."""
    for done in range(SEARCHES_MAX):
        try:
            agent.call("crm.search", shop.crm_search, {"text": "Example", "page": done})
        except Denied as no:
            demand(no.answer.get("decision") == "stop" and no.why == "rate_limited_tenant", f"crm.search: {no.why}")
            demand(shop.count("search") == done, "a search ran that wasn't allowed")
            return done
    raise Failed(f"{SEARCHES_MAX} searches, and nobody stopped them")


def grant(url, token, approval):
    """What the approver's button would do."""
    request = urllib.request.Request(f"{url}/v1/approvals/{approval}/grant", method="POST",
                                     data=json.dumps({"comment": "seen the broken kettle"}).encode(),
                                     headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        demand(reply.status == 200, f"the grant was answered {reply.status}")


def refund_with_approval(agent, shop, options):
    """Ask, be sent to a human, ask again with the grant, pay."""
    args = {"order": "A-1001", "amount": 120.5, "currency": "EUR"}
    try:
        agent.ask("refund.create", args)
        raise Failed("the refund was allowed without a human")
    except Denied as no:
        demand(no.answer.get("decision") == "approval_required", f"refund.create: {no.why}")
        approval = no.answer["approval"]["approval_id"]
    demand(shop.count("refund") == 0, "a refund was paid before it was approved")
    print(f"   approval_required: {approval}")
    if options.approve:
        grant(options.url, read(options.approver_token), approval)
    else:
        print(f"   grant it, in another terminal:\n     {options.gatekeeper} approvals grant {approval}"
              f" --config {options.config} --token-file {options.approver_token}", flush=True)
    allowed = agent.ask("refund.create", args, wait=0 if options.approve else options.wait, approval_id=approval)
    paid = agent.perform(allowed, shop.refund_create, args)
    demand(shop.count("refund") == 1, "the refund isn't in the shop's books")
    return paid["refund"]


def operator(options, *command):
    """Run the gatekeeper command; its exit code must be 0."""
    sys.stdout.flush()
    code = subprocess.run([options.gatekeeper, *command, "--config", options.config], timeout=60).returncode
    demand(code == 0, f"gatekeeper {command[0]}: exit {code}")


def play(options, shop):
    agent = Agent(Gatekeeper(options.url, read(options.token)), options.tenant)
    print(f"1. {agent.run}: searching the CRM until somebody says stop")
    print(f"   {search_until_stopped(agent, shop)} searches ran, then: stop, rate_limited_tenant")
    print("2. refunding 120.50 EUR, which needs a human")
    print(f"   allowed as a step of its own, and paid: {refund_with_approval(agent, shop, options)}")
    print("3. answering the ticket, which needs nobody")
    agent.call("ticket.reply", shop.ticket_reply, {"ticket": "T-1", "text": "Your refund is on its way."})
    demand(shop.count("reply") == 1, "the ticket has no reply")
    print("   allowed, done, reported\n")
    operator(options, "run", agent.run)
    print()
    operator(options, "verify")


def read(path):
    return pathlib.Path(path).read_text().strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8181", help="where gatekeeper listens")
    parser.add_argument("--token", default="data/tokens/agent", help="file with the agent's token")
    parser.add_argument("--approver-token", default="data/tokens/approver", help="file with an approver's token")
    parser.add_argument("--approve", action="store_true", help="grant the refund with the approver's token")
    parser.add_argument("--wait", type=int, default=300, help="seconds to wait for a human's grant")
    parser.add_argument("--tenant", default="t_42")
    parser.add_argument("--gatekeeper", default="build/gatekeeper/main/gatekeeper", help="the gatekeeper binary")
    parser.add_argument("--config", default="data/gatekeeper.yaml", help="gatekeeper's configuration")
    parser.add_argument("--shop", help="the shop's SQLite file; default: a new one, removed afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            play(options, Shop(options.shop or f"{folder}/shop.db"))
        except (Failed, Denied, ToolError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            sys.exit(f"failed: {error}")


if __name__ == "__main__":
    main()
