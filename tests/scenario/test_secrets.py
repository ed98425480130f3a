"""No secrets at rest: fifty marked values go in; the data folder, the log and the metrics hold none of them."""

from __future__ import annotations

import base64
import json
import pathlib
import unittest

import harness

SHOW = {"audit": {"sink": "append_only", "redact_fields": ["email", "phone", "card_number"],
                  "show_fields": ["amount", "note", "email"]}}


def luhn(digits: str) -> str:
    """The digits and their check digit, as on a card."""
    total = sum(sum(divmod(int(digit) * (2 - i % 2), 10)) for i, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


class Marks:
    """Marked values, each unlike any other; remembered with the place that it was planted in."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def new(self, place: str) -> str:
        mark = f"S3CR3T{len(self.planted):03d}x" + base64.b32encode(place.encode()).decode().rstrip("=")[:12]
        self.planted[mark] = place
        return mark

    def number(self, place: str) -> int:
        mark = 700_100_200_300 + 7919 * len(self.planted)
        self.planted[str(mark)] = place
        return mark

    def email(self, place: str) -> str:
        mark = f"secret{len(self.planted):03d}@victim.example"
        self.planted[mark] = place
        return mark

    def card(self, place: str) -> str:
        mark = luhn(f"4111111111{len(self.planted):05d}")
        self.planted[mark] = place
        return mark


def spellings(mark: str) -> list[bytes]:
    """The mark as it might lie somewhere: plain, base64 at each offset, hex, UTF-16."""
    found = [mark.encode(), mark.encode().hex().encode(), mark.encode("utf-16-le")]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + mark.encode())
        found.append(text[(4 if offset else 0):-4])
    return found


def all_bytes(folder: pathlib.Path) -> dict[str, bytes]:
    """Every file below a folder, also the WAL; keys and sockets have no business with arguments but are read too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Secrets(unittest.TestCase):
    def setUp(self) -> None:
        self.marks = Marks()
        self.server = harness.Server(harness.POLICY, SHOW).start()
        self.addCleanup(self.server.destroy)
        self.agent = self.server.agent()
        self.alice = self.server.approver("alice")
        self.bob = self.server.approver("bob")
        self.operator = self.server.client("olga", "human", "operator", tenant="*")
        self.metrics = self.server.client("prom", "service", "metrics")

    def arguments(self, place: str) -> dict:
        """Arguments with eight marks, nested, as text and number, in fields that are shown and that are redacted."""
        new = self.marks.new
        return {"plain": new(f"{place} text"), "number": self.marks.number(f"{place} number"),
                "email": self.marks.email(f"{place} shown, but redacted"),
                "nested": {"card_number": self.marks.card(f"{place} nested card"), "deep": [{"x": new(f"{place} deep")}]},
                "list": [new(f"{place} list")], new(f"{place} member name"): True, "phone": new(f"{place} phone"),
                "amount": 5}

    def ask(self, run: str, step: str, action: str, place: str, **more) -> dict:
        answer = self.agent.decide(run, step, action, self.arguments(place),
                                   context={"channel": self.marks.new(f"{place} context"),
                                            "mail": self.marks.email(f"{place} context mail")}, **more)
        self.assertEqual(answer.status, 200, answer)
        return answer.body

    def plant(self) -> None:
        """Drive every way in: decisions of each kind, results of each kind, comments, reasons, bad requests."""
        new = self.marks.new
        allowed = self.ask("run_1", "1", "kb.read", "allowed")
        stopped = self.ask("run_1", "2", "no.such", "stopped")
        asking = self.ask("run_1", "3", "refund.create", "asked approval")
        denied = self.ask("run_1", "4", "refund.create", "asked and denied")
        self.agent.result(allowed["decision_id"], output={"rows": [new("output")], "n": self.marks.number("output")})
        self.agent.result(allowed["decision_id"], "error",
                          error={"code": "kb.broken", "message": new("conflicting error")})
        self.agent.result(stopped["decision_id"], output={"x": new("violating output")})
        broken = self.ask("run_1", "5", "kb.read", "to fail")
        self.agent.result(broken["decision_id"], "error", error={"code": "kb.broken", "message": new("error message")})
        self.assertEqual(self.alice.grant(asking["approval"]["approval_id"],
                                          comment=f"mail {self.marks.email('comment of a grant')}").status, 200)
        self.bob.post(f"/v1/approvals/{denied['approval']['approval_id']}/deny",
                      {"comment": f"card {self.marks.card('comment of a denial')}"})
        self.operator.post("/v1/kill-switches", {"scope": "run", "id": "run_9",
                                                 "reason": f"see {self.marks.email('reason of a switch')}"})
        self.agent.post("/v1/decisions", {"run_id": "run_1", "step_id": "6", "action": "kb.read",
                                          "args": {"x": new("bad request")}, "surplus": new("unknown field")})
        self.agent.post("/v1/decisions", b'{"run_id": "run_1", "args": "' + new("broken JSON").encode() + b'", ')
        self.agent.get("/v1/approvals?status=" + new("bad query"))
        self.server.anonymous().request("GET", "/v1/events", headers={"Authorization": "Bearer " + new("bad token")})

    def find(self, where: str, data: bytes) -> list[str]:
        return [f"{where} holds the {place}: {mark}" for mark, place in self.marks.planted.items()
                if any(spelling in data for spelling in spellings(mark))]

    def test_fifty_marked_secrets_are_found_nowhere_at_rest(self):
        self.plant()
        self.assertGreaterEqual(len(self.marks.planted), 50)
        found = self.find("/metrics", self.metrics.get("/metrics").data)
        while_running = all_bytes(self.server.data)
        self.assertIn("journal.db", while_running)
        self.assertEqual(self.server.stop(), 0)
        for moment, files in (("running", while_running), ("stopped", all_bytes(self.server.data))):
            for name, data in files.items():
                found += self.find(f"{name} ({moment})", data)
        found += self.find("the log", self.server.log_path.read_bytes())
        self.assertEqual(found, [])

    def test_a_field_that_may_be_shown_lies_beside_the_log_and_not_in_it(self):
        policy = harness.POLICY.replace("    expires: 30m", "    show: [/amount, /note]\n    expires: 30m")
        self.server.write_policy(policy)
        self.assertEqual(self.operator.post("/v1/policy/reload").status, 200)
        answer = self.agent.decide("run_2", "1", "refund.create", {"amount": 5, "note": "S3CR3T-note-to-show"})
        self.assertEqual(answer.body["decision"], "approval_required")
        self.assertIn("S3CR3T-note-to-show", self.alice.get(f"/v1/approvals/{answer.body['approval']['approval_id']}").text)
        self.assertEqual(self.server.stop(), 0)
        event = self.server.recorded()[answer.body["event"]["seq"]]
        self.assertNotIn(b"S3CR3T", event.data)
        self.assertEqual(sorted(event.event["shown"]), ["/amount", "/note"])

    def test_tokens_and_keys_are_never_written_where_they_could_be_read(self):
        self.assertEqual(self.agent.decide("run_3", "1", "kb.read").status, 200)
        self.assertEqual(self.server.stop(), 0)
        for client in (self.agent, self.alice, self.operator, self.metrics):
            secret = str(client.token).encode()
            for name, data in {**all_bytes(self.server.data), "log": self.server.log_path.read_bytes()}.items():
                self.assertNotIn(secret, data, name)
        keys = sorted((self.server.data / "keys").iterdir())
        self.assertGreaterEqual(len(keys), 2)
        for key in keys:
            if key.suffix == ".key":
                self.assertEqual(key.stat().st_mode & 0o777, 0o600, key)

    def test_equal_arguments_can_be_found_by_their_keyed_hash_and_by_nothing_else(self):
        first = self.agent.decide("run_4", "1", "kb.read", {"q": "S3CR3T"}).body
        second = self.agent.decide("run_4", "2", "kb.read", {"q": "S3CR3T"}).body
        self.assertEqual(first["action_key"], second["action_key"])
        other = harness.Server(harness.POLICY, SHOW).start()
        self.addCleanup(other.destroy)
        elsewhere = other.agent().decide("run_4", "1", "kb.read", {"q": "S3CR3T"}).body
        self.assertNotEqual(first["action_key"], elsewhere["action_key"])
        self.assertNotIn("S3CR3T", json.dumps([first, second, elsewhere]))


if __name__ == "__main__":
    harness.main()
