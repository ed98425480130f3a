"""The record in other tools' formats, by command line and HTTP."""

import csv
import hashlib
import io
import json

import harness

ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present",
           "cloudevents": "application/x-ndjson", "ocsf": "application/x-ndjson", "cef": "text/plain; charset=utf-8",
           "aat": "application/x-ndjson"}
QUERY = "run_id=run_1&tenant_id=t_42"
FLAGS = ("--run-id", "run_1", "--tenant-id", "t_42")


class Formats(harness.ServerCase):
    """One run with an allow, a result, a stop and an approval; then every format of it."""

    config = {"audit": {"show_fields": ["amount"]}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        allowed = cls.agent.decide("run_1", "1", "kb.read", {"q": "=1+1"}, actor=ACTOR,
                                   headers={"traceparent": TRACE}).body
        cls.agent.result(allowed["decision_id"], output={"a": 1}, duration_ms=12)
        cls.agent.decide("run_1", "2", "shell.run", {"c": "rm"}, actor=ACTOR)
        asked = cls.agent.decide("run_1", "3", "refund.create", {"amount": 70}, actor=ACTOR).body
        cls.alice.grant(asked["approval"]["approval_id"], comment="ok")
        cls.agent.post("/v1/runs/run_1/end")

    def http(self, form, query=QUERY):
        answer = self.auditor.get(f"/v1/events?format={form}&order=asc&{query}")
        self.assertEqual(answer.status, 200, answer)
        return answer

    def test_command_line_and_http_say_the_same_in_every_format(self):
        for form, media in FORMATS.items():
            answer = self.http(form)
            self.assertEqual(answer.headers["content-type"], media)
            told = self.server.cli("events", "--format", form, *FLAGS).stdout.encode()
            # universal newlines of the harness: CRLF arrives as LF
            self.assertEqual(told, answer.data.replace(b"\r\n", b"\n"), form)
            self.assertGreater(len(told), 500, form)

    def test_jsonl_is_what_the_api_streams(self):
        rows = self.auditor.events(QUERY)
        self.assertEqual([json.loads(line) for line in self.http("jsonl").text.splitlines()], rows)
        self.assertTrue(all("leaf_hash" in row for row in rows))

    def test_each_format_tells_all_events_once(self):
        seqs = [row["seq"] for row in self.auditor.events(QUERY)]
        table = csv.DictReader(io.StringIO(self.http("csv").data.decode(), newline=""))
        self.assertEqual([int(row["seq"]) for row in table], seqs)
        for form, at in (("cloudevents", lambda one: int(one["id"])),
                         ("ocsf", lambda one: one["metadata"]["sequence"])):
            self.assertEqual([at(json.loads(line)) for line in self.http(form).text.splitlines()], seqs)
        self.assertEqual(len(self.http("cef").text.splitlines()), len(seqs))

    def test_the_trace_of_a_request_is_in_the_formats_that_have_a_place(self):
        ocsf = [json.loads(line) for line in self.http("ocsf").text.splitlines()]
        self.assertEqual(ocsf[0]["trace"]["uid"], TRACE.split("-")[1])
        self.assertEqual(ocsf[0]["unmapped"]["gen_ai.tool.name"], "kb.read")
        events = [json.loads(line) for line in self.http("cloudevents").text.splitlines()]
        self.assertEqual(events[0]["traceparent"], TRACE)
        self.assertIn(f"flexString2={TRACE}", self.http("cef").text)

    def test_opened_values_are_left_out_of_raw_exports(self):
        self.assertIn('"opened":{"/amount":70', self.http("jsonl").text)
        for form in ("jsonl", "ocsf", "cloudevents"):
            self.assertNotIn('"opened"', self.http(form, QUERY + "&raw=true").text)
        for form in ("csv", "cef", "aat"):
            self.assertNotIn("opened", self.http(form).text)

    def test_an_aat_chain_of_a_run_verifies_by_its_rules(self):
        lines = self.http("aat").text.splitlines()
        records = [json.loads(line) for line in lines]
        self.assertEqual(len({one["session_id"] for one in records}), 1)
        self.assertEqual(records[0]["action_detail"]["event"], "session_start")
        self.assertEqual((records[0]["prev_hash"], records[0]["parent_record_id"]), (None, None))
        for i in range(1, len(records)):
            self.assertEqual(records[i]["prev_hash"], hashlib.sha256(lines[i - 1].encode()).hexdigest())
            self.assertEqual(records[i]["parent_record_id"], records[i - 1]["record_id"])
        self.assertEqual([one["action_type"] for one in records[1:5]],
                         ["tool_call", "tool_response", "tool_call", "escalation"])
        leaves = {row["seq"]: row["leaf_hash"] for row in self.auditor.events(QUERY)}
        for one in records[1:]:
            self.assertEqual(one["action_detail"]["leaf_hash"], leaves[one["action_detail"]["seq"]])

    def test_filters_limit_and_order_hold(self):
        told = self.server.cli("events", "--format", "jsonl", "--decision", "stop", *FLAGS).stdout
        self.assertEqual({json.loads(line)["decision"] for line in told.splitlines()}, {"stop"})
        told = self.server.cli("events", "--format", "jsonl", "--limit", "2", *FLAGS).stdout
        self.assertEqual([json.loads(line)["step_id"] for line in told.splitlines()], ["1", "1"])
        told = self.server.cli("events", "--format", "jsonl", "--limit", "1", "--order", "desc", *FLAGS).stdout
        self.assertNotEqual(json.loads(told)["step_id"], "1")

    def test_what_is_no_format_is_refused(self):
        self.assertEqual(self.auditor.get("/v1/events?format=xml").outcome, (400, "invalid_request"))
        self.assertEqual(self.auditor.get("/v1/events?format=").outcome, (400, "invalid_request"))
        self.assertEqual(self.agent.get("/v1/events?format=csv").status, 403)
        for args in (["--format", "xml"], ["--format", "csv", "--limit", "0"], ["--format", "csv", "--limit", "x"],
                     ["--format", "csv", "--cursor", "x"]):
            self.assertEqual(self.server.cli("events", *args, check=False).returncode, 64, args)

    def test_more_than_a_page_is_exported_in_order(self):
        for i in range(530):
            self.agent.decide("run_long", str(i), "kb.read", {"i": i}, actor=ACTOR)
        flags = ("--run-id", "run_long", "--tenant-id", "t_42")
        for form in ("csv", "aat"):
            told = self.server.cli("events", "--format", form, *flags).stdout.splitlines()
            self.assertEqual(len(told), 531, form)  # a title, a session_start
        table = csv.DictReader(io.StringIO(self.http("csv", "run_id=run_long&tenant_id=t_42").text, newline=""))
        self.assertEqual([row["step_id"] for row in table], [str(i) for i in range(530)])

    def test_reading_is_recorded(self):
        before = len(self.auditor.events("kind=access"))
        self.http("cef")
        after = self.auditor.events("kind=access")
        self.assertGreater(len(after), before)
        self.assertIn("export", {row["access"]["what"] for row in after})


class WithoutServer(harness.unittest.TestCase):
    """The command line opens the journal itself."""

    def test_a_journal_is_exported_without_a_server(self):
        server = harness.Server()
        server.token("agent-7", "agent", "agent", tenant="t_42")
        rows = [json.loads(line) for line in server.cli("events", "--format", "jsonl").stdout.splitlines()]
        self.assertIn("identity", {row["kind"] for row in rows})
        origin = server.data.joinpath("vkey").read_text().split("+")[0]
        ocsf = [json.loads(line) for line in server.cli("events", "--format", "ocsf").stdout.splitlines()]
        self.assertEqual({one["metadata"]["log_name"] for one in ocsf}, {origin})
        aat = [json.loads(line) for line in server.cli("events", "--format", "aat").stdout.splitlines()]
        self.assertGreater(len({one["session_id"] for one in aat}), 2)  # each process is a session
        server.destroy()


if __name__ == "__main__":
    harness.main()
