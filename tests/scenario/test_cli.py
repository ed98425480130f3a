"""The command line, with the server running and without."""

import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile
import unittest

import harness

ACTOR = {"type": "user", "id": "u_7", "roles": ["support"]}


def gatekeeper(*args, env=None, cwd=None, seconds=harness.DEADLINE_S):
    return subprocess.run([harness.binary(), *args], capture_output=True, text=True, timeout=seconds, cwd=cwd,
                          env={**os.environ, **(env or {})})


class Running(harness.ServerCase):
    """Commands that find a server behind admin.sock."""

    def ask_refund(self, run):
        answer = self.agent.decide(run, "1", "refund.create", {"amount": 70}, actor=ACTOR)
        self.assertEqual(answer.outcome, (200, "approval_required", "refund_needs_approval"))
        return answer.body["approval"]["approval_id"]

    def token_of(self, client):
        return {"GATEKEEPER_TOKEN": client.token}

    def test_a_person_grants_from_the_command_line_and_the_run_tells_it(self):
        approval = self.ask_refund("run_story")
        listed = self.server.cli("approvals", "list").stdout
        self.assertIn(approval, listed)
        self.assertIn("refund.create", self.server.cli("approvals", "show", approval).stdout)
        done = self.server.cli("approvals", "grant", approval, "--comment", "ok", env=self.token_of(self.alice))
        self.assertIn("granted (1 of 1)", done.stdout)
        allowed = self.agent.decide("run_story", "2", "refund.create", {"amount": 70}, actor=ACTOR,
                                    approval_id=approval).body
        self.assertEqual(allowed["decision"], "allow")
        self.assertEqual(self.agent.result(allowed["decision_id"], duration_ms=12).status, 201)
        told = self.server.cli("run", "run_story").stdout
        for words in ("run_story · tenant t_42 · agent support-agent", "approval_required", "by alice", "granted",
                      "└ result", "ok  in 12 ms", "1 allow · 1 approval_required"):
            self.assertIn(words, told)
        self.assertNotIn("\x1b", told)
        self.assertNotIn(approval, self.server.cli("approvals", "list").stdout)
        self.assertIn(approval, self.server.cli("approvals", "list", "--status", "all").stdout)
        events = json.loads(self.server.cli("run", "run_story", "--json").stdout)["events"]
        self.assertEqual([e["kind"] for e in events if e["kind"] in ("decision", "result")],
                         ["decision", "decision", "result"])

    def test_a_second_vote_on_what_is_resolved_is_a_no(self):
        approval = self.ask_refund("run_twice")
        self.server.cli("approvals", "deny", approval, "--comment", "no", env=self.token_of(self.bob))
        again = self.server.cli("approvals", "grant", approval, check=False, env=self.token_of(self.alice))
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertIn("denied", again.stderr)

    def test_the_machine_never_votes_and_agents_never_do(self):
        approval = self.ask_refund("run_nobody")
        none = self.server.cli("approvals", "grant", approval, check=False, env={"GATEKEEPER_TOKEN": ""})
        self.assertEqual(none.returncode, 64, none.stderr)
        agent = self.server.cli("approvals", "grant", approval, check=False, env=self.token_of(self.agent))
        self.assertEqual(agent.returncode, 77, agent.stderr)
        wrong = self.server.cli("approvals", "grant", approval, check=False, env={"GATEKEEPER_TOKEN": "gk_x"})
        self.assertEqual(wrong.returncode, 77, wrong.stderr)

    def test_a_token_file_is_read(self):
        approval = self.ask_refund("run_file")
        path = self.server.root / "alice.token"
        path.write_text(self.alice.token + "\n")
        done = self.server.cli("approvals", "grant", approval, "--token-file", str(path), "--json")
        self.assertEqual(json.loads(done.stdout)["status"], "granted")

    def test_a_grant_that_is_revoked_is_not_usable(self):
        approval = self.ask_refund("run_revoked")
        self.server.cli("approvals", "grant", approval, env=self.token_of(self.alice))
        self.server.cli("approvals", "revoke", approval, "--comment", "changed our mind")
        answer = self.agent.decide("run_revoked", "2", "refund.create", {"amount": 70}, actor=ACTOR,
                                   approval_id=approval).body
        self.assertEqual(answer["decision"], "stop")

    def test_a_switch_is_thrown_listed_and_lifted(self):
        switch = self.server.cli("kill", "on", "--tenant", "t_42", "--action", "kb.*", "--reason", "drill").stdout.strip()
        self.assertTrue(switch.startswith("ksw_"), switch)
        self.assertEqual(self.agent.decide("run_kill", "1", "kb.read").outcome, (200, "stop", "kill_switch"))
        listed = self.server.cli("kill", "list").stdout
        self.assertIn(switch, listed)
        self.assertIn(f"local:{os.getuid()}", listed)
        self.server.cli("kill", "off", switch, "--reason", "over")
        self.assertIn("no switch is on", self.server.cli("kill", "list").stdout)
        self.assertEqual(self.agent.decide("run_kill", "2", "kb.read").body["decision"], "allow")
        self.assertEqual(self.server.cli("kill", "off", switch, check=False).returncode, 1)
        self.assertEqual(self.server.cli("kill", "on", check=False).returncode, 64)
        self.assertEqual(self.server.cli("kill", "on", "--global", "--run", "r", check=False).returncode, 64)

    def test_events_are_found_by_filters(self):
        for step in range(3):
            self.agent.decide("run_find", str(step), "kb.read", {"page": step})
        self.agent.decide("run_find", "3", "database.drop")
        lines = self.server.cli("events", "--run-id", "run_find", "--json").stdout.splitlines()
        self.assertEqual([json.loads(line)["step_id"] for line in lines], ["0", "1", "2", "3"])
        stopped = self.server.cli("events", "--run-id", "run_find", "--decision", "stop").stdout
        self.assertIn("database.drop", stopped)
        self.assertNotIn("kb.read", stopped)
        two = self.server.cli("events", "--run-id", "run_find", "--order", "asc", "--limit", "2", "--json").stdout
        self.assertEqual([json.loads(line)["step_id"] for line in two.splitlines()], ["0", "1"])
        self.assertIn("identity", self.server.cli("events", "--kind", "identity", "--since", "1h").stdout)
        self.assertNotEqual(self.server.cli("events", "--kind", "nonsense", check=False).returncode, 0)
        self.assertEqual(self.server.cli("events", "--since", "yesterday", check=False).returncode, 64)

    def test_an_unknown_run_is_a_no(self):
        done = self.server.cli("run", "run_nowhere", check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_identities_are_listed_and_revoked(self):
        client = self.server.client("temp", "service", "metrics")
        self.assertEqual(client.get("/metrics").status, 200)
        self.assertIn("temp", self.server.cli("token", "list").stdout)
        self.server.cli("token", "revoke", "temp", "--reason", "test")
        self.assertEqual(client.get("/metrics").status, 401)
        again = self.server.cli("token", "create", "--id", "agent-7", "--kind", "agent", check=False)
        self.assertEqual(again.returncode, 1, again.stderr)
        wrong = self.server.cli("token", "create", "--id", "x", "--kind", "robot", check=False)
        self.assertEqual(wrong.returncode, 65, wrong.stderr)
        self.assertEqual(self.server.cli("token", "create", "--id", "x", check=False).returncode, 64)

    def test_a_broken_policy_is_refused_and_the_old_one_goes_on(self):
        text = self.server.policies.joinpath("test.yaml").read_text()
        path = self.server.policies / "test.yaml"
        self.addCleanup(path.write_text, text)
        path.write_text(text.replace("actions:", "acions:", 1))
        checked = self.server.cli("policy", "check", check=False)
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stdout, r"test\.yaml:4:5: error: ")
        self.assertIn("^", checked.stdout)
        reloaded = self.server.cli("policy", "reload", check=False)
        self.assertEqual(reloaded.returncode, 65)
        self.assertIn("acions", reloaded.stderr)
        self.assertEqual(self.agent.decide("run_old_policy", "1", "kb.read").body["decision"], "allow")
        path.write_text(text)
        self.server.cli("policy", "reload")

    def test_a_policy_is_rolled_back_by_its_digest(self):
        first = self.agent.decide("run_rollback", "1", "kb.read").body["policy"]
        path = self.server.policies / "test.yaml"
        text = path.read_text()
        self.addCleanup(self.server.cli, "policy", "reload")
        self.addCleanup(path.write_text, text)
        path.write_text(text + "# changed\n")
        self.server.cli("policy", "reload")
        second = self.agent.decide("run_rollback", "2", "kb.read").body["policy"]
        self.assertNotEqual(first, second)
        self.server.cli("policy", "rollback", first, "--reason", "test")
        self.assertEqual(self.agent.decide("run_rollback", "3", "kb.read").body["policy"], first)
        self.assertEqual(self.server.cli("policy", "rollback", "sha256:" + "0" * 64, check=False).returncode, 1)

    def test_sighup_reloads_the_policy_in_the_senders_name(self):
        path = self.server.policies / "test.yaml"
        text = path.read_text()
        self.addCleanup(self.server.cli, "policy", "reload")
        self.addCleanup(path.write_text, text)
        path.write_text(text + "# by signal\n")
        self.server.signal(signal.SIGHUP)
        harness.until("policy_reloaded", lambda: '"policy_reloaded"' in self.server.log())
        events = self.server.cli("events", "--kind", "policy", "--json").stdout.splitlines()
        self.assertEqual(json.loads(events[-1])["caller"], f"local:{os.getuid()}")
        path.write_text("policy: [\n")
        self.server.signal(signal.SIGHUP)
        harness.until("policy_rejected", lambda: '"policy_rejected"' in self.server.log())

    def test_a_backup_of_a_running_journal_verifies(self):
        target = self.server.root / "copy"
        self.server.cli("backup", str(target))
        self.assertEqual(self.server.cli("verify", str(target)).returncode, 0)
        self.assertFalse((target / "keys" / "signing.key").exists())
        self.assertNotEqual(self.server.cli("backup", str(target), check=False).returncode, 0)
        full = self.server.root / "full"
        self.server.cli("backup", str(full), "--with-keys")
        self.assertTrue((full / "keys" / "signing.key").exists())

    def test_verify_takes_the_key_that_somebody_holds(self):
        key = self.server.cli("verify", "--print-key").stdout.strip()
        self.assertRegex(key, r"^\S+\+[0-9a-f]{8}\+\S+$")
        self.assertEqual(self.server.cli("verify", "--key", key).returncode, 0)
        held = self.server.root / "held.vkey"
        held.write_text(key + "\n")
        self.assertEqual(self.server.cli("verify", "--key", f"@{held}").returncode, 0)
        json.loads(self.server.cli("verify", "--json").stdout)
        other = key[:-6] + ("A" if key[-6] != "A" else "B") + key[-5:]
        self.assertNotEqual(self.server.cli("verify", "--key", other, check=False).returncode, 0)
        self.assertEqual(self.server.cli("verify", "--key", "@/nonexistent", check=False).returncode, 66)

    def test_a_second_server_finds_the_lock_taken(self):
        done = self.server.cli("serve", check=False)
        self.assertEqual(done.returncode, 75, done.stderr)


class Alone(unittest.TestCase):
    """Commands that open the journal themselves."""

    def setUp(self):
        self.server = harness.Server()
        self.addCleanup(self.server.destroy)

    def test_a_token_that_was_made_before_the_start_works(self):
        agent = self.server.agent()
        self.assertRegex(agent.token, r"^gk_[A-Za-z0-9_-]{43}$")
        self.server.start()
        self.assertEqual(agent.decide("run_1", "1", "kb.read").body["decision"], "allow")
        self.assertEqual(self.server.stop(), 0)
        kinds = [json.loads(line)["kind"] for line in
                 self.server.cli("events", "--order", "asc", "--json").stdout.splitlines()]
        self.assertEqual(kinds[:5], ["genesis", "boot", "policy", "identity", "close"])

    def test_a_switch_and_a_grant_work_without_a_server(self):
        agent, alice = self.server.agent(), self.server.approver("alice")
        self.server.start()
        approval = agent.decide("run_1", "1", "refund.create", {"amount": 70}, actor=ACTOR).body["approval"]["approval_id"]
        self.assertEqual(self.server.stop(), 0)
        done = self.server.cli("approvals", "grant", approval, env={"GATEKEEPER_TOKEN": alice.token})
        self.assertIn("granted (1 of 1)", done.stdout)
        refused = self.server.cli("approvals", "grant", approval, check=False, env={"GATEKEEPER_TOKEN": agent.token})
        self.assertEqual(refused.returncode, 77, refused.stderr)
        self.server.cli("kill", "on", "--agent", "support-agent", "--action", "kb.*", "--reason", "drill")
        self.server.start()
        self.assertEqual(agent.decide("run_1", "2", "kb.read").outcome, (200, "stop", "kill_switch"))
        answer = agent.decide("run_1", "3", "refund.create", {"amount": 70}, actor=ACTOR, approval_id=approval)
        self.assertEqual(answer.body["decision"], "allow")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)

    def test_a_changed_event_is_tampering_and_names_its_place(self):
        self.server.agent()
        path = self.server.data / "journal.db"
        data = path.read_bytes()
        self.assertIn(b'"kind":"identity"', data)
        path.write_bytes(data.replace(b"support-agent", b"suppord-agent"))
        done = self.server.verify()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("tampered at", done.stdout)

    def test_an_older_journal_is_refused_until_somebody_accepts_it(self):
        self.server.agent()
        old = self.server.root / "old"
        self.server.cli("backup", str(old), "--with-keys")
        self.server.approver("alice")
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            (self.server.data / name).unlink(missing_ok=True)
        (self.server.data / "journal.db").write_bytes((old / "journal.db").read_bytes())
        refused = self.server.cli("serve", check=False)
        self.assertEqual(refused.returncode, 65, refused.stderr)
        size = re.search(r"recover --accept (\d+)", refused.stderr)
        self.assertIsNotNone(size, refused.stderr)
        self.assertEqual(self.server.cli("recover", "--accept", "1", check=False).returncode, 65)
        self.assertEqual(self.server.cli("recover", check=False).returncode, 64)
        self.server.cli("recover", "--accept", size.group(1), "--reason", "a test")
        self.server.start()
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.verify().returncode, 0)
        boots = self.server.cli("events", "--kind", "boot", "--json").stdout
        self.assertIn("recovered", boots)

    def test_a_broken_policy_stops_the_start_with_file_line_and_column(self):
        self.server.write_policy("policy: p\nallow:\n  - id: a\n    acions: [x]\n")
        done = self.server.cli("serve", check=False)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("test.yaml:4:5", done.stderr)

    def test_a_wrong_configuration_stops_everything_with_its_place(self):
        self.server.config_path.write_text("listen: 127.0.0.1:1\naudit:\n  hash_args: false\n")
        for command in (["serve"], ["token", "list"], ["config"], ["verify"]):
            done = self.server.cli(*command, check=False)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn("gatekeeper.yaml:3:14", done.stderr)

    def test_a_folder_that_others_can_reach_is_warned_about(self):
        self.server.cli("token", "list")
        self.server.data.chmod(0o755)
        self.server.start()
        self.assertEqual(self.server.stop(), 0)
        self.assertIn('"exposed"', self.server.log())

    def test_every_line_of_the_log_is_json(self):
        self.server.start()
        self.server.signal(signal.SIGHUP)
        harness.until("policy_reloaded", lambda: '"policy_reloaded"' in self.server.log())
        self.assertEqual(self.server.stop(), 0)
        words = [json.loads(line)["event"] for line in self.server.log().splitlines()]
        for word in ("starting", "listening", "stopping", "stopped"):
            self.assertIn(word, words)

    def test_a_unix_socket_is_served_and_granted_over(self):
        self.server.write_config(listen="unix:gk.sock")
        agent, alice = self.server.agent(), self.server.approver("alice")
        command = [harness.binary(), "serve", "--config", str(self.server.config_path)]
        with open(self.server.log_path, "ab") as log:
            self.server.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        harness.until("listening", lambda: '"listening"' in self.server.log())
        self.assertTrue(stat.S_ISSOCK((self.server.root / "gk.sock").stat().st_mode))
        done = gatekeeper("approvals", "grant", "apr_AAAAAAAAAAAAAAAAAAAAAA", "--config", str(self.server.config_path),
                          env={"GATEKEEPER_TOKEN": alice.token})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("not_found", done.stderr)
        self.assertEqual(self.server.stop(), 0)
        self.assertTrue(agent.token)


class Init(unittest.TestCase):
    def test_init_makes_what_serves_and_keeps_what_is_there(self):
        with tempfile.TemporaryDirectory(prefix="gk-") as root:
            home = pathlib.Path(root) / "home"
            first = gatekeeper("init", str(home))
            self.assertEqual(first.returncode, 0, first.stderr)
            self.assertIn("verifier key", first.stdout)
            for name in ("gatekeeper.yaml", "policies/start.yaml", "data/journal.db", "data/keys/signing.key"):
                self.assertTrue((home / name).exists(), name)
            self.assertEqual((home / "data/keys/signing.key").stat().st_mode & 0o777, 0o600)
            config = str(home / "gatekeeper.yaml")
            self.assertEqual(gatekeeper("policy", "check", "--config", config).returncode, 0)
            self.assertEqual(gatekeeper("verify", "--config", config).returncode, 0)
            self.assertEqual(gatekeeper("config", "--config", config).returncode, 0)
            (home / "gatekeeper.yaml").write_text("queue: 99\n")
            again = gatekeeper("init", cwd=home)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual((home / "gatekeeper.yaml").read_text(), "queue: 99\n")
            self.assertEqual(again.stdout.count("kept"), 3)
            self.assertEqual(gatekeeper("init", str(home), "--config", "x").returncode, 64)

    def test_init_says_what_it_cannot_make(self):
        done = gatekeeper("init", "/proc/nowhere/at/all")
        self.assertEqual(done.returncode, 73, done.stderr)


class Docs(unittest.TestCase):
    def test_docs_are_what_the_program_prints(self):
        for flag, name in (("--cli-docs", "docs/cli.md"), ("--docs", "docs/config.md"),
                           ("--schema", "schema/config.schema.json")):
            printed = gatekeeper("config", flag).stdout
            self.assertEqual(printed, (harness.REPO / name).read_text(), f"stale: gatekeeper config {flag} > {name}")

    def test_every_command_explains_itself(self):
        listed = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", gatekeeper("--help").stdout, re.M)
        self.assertGreater(len(listed), 20)
        for command in listed:
            done = gatekeeper(*command.split(), "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("exit codes:", done.stdout)
            self.assertIn(f"## gatekeeper {command}\n", (harness.REPO / "docs/cli.md").read_text())

    def test_what_is_mistyped_gets_a_hint(self):
        for args, hint in ((["srve"], "serve"), (["token", "creat"], "token create"),
                           (["serve", "--confg", "x"], "--config"), (["config", "--set", "lisen=1"], "listen")):
            done = gatekeeper(*args)
            self.assertIn(done.returncode, (64, 78))
            self.assertIn(f"did you mean", done.stderr)
            self.assertIn(hint, done.stderr)

    def test_the_version_is_printed(self):
        self.assertRegex(gatekeeper("version").stdout, r"^gatekeeper \d+\.\d+\.\d+\n$")
        self.assertEqual(gatekeeper("--version").stdout, gatekeeper("version").stdout)


if __name__ == "__main__":
    harness.main()
