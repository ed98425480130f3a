"""Shipping to a file, syslog and HTTPS: nothing is lost, order holds, a bad target harms only itself."""

import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest

import harness

QUICK = {"max_backoff": "200ms", "flush": "1m"}  # no backoff grows; a busy machine has time to flush
MESSAGE = re.compile(rb"<(\d+)>1 (\S+) (\S+) gatekeeper (\d+) (\S+) - (.*)", re.S)


def seqs(rows):
    return [row["seq"] for row in rows]


def rows_of(path):
    text = pathlib.Path(path).read_text() if os.path.exists(path) else ""
    return [json.loads(line) for line in text.splitlines()]


def one_seam(numbers, starts=1):
    """Every number from 0 on, in order; going back only where a process began anew, and never leaving a gap."""
    back = 0
    for before, after in zip(numbers, numbers[1:]):
        if after <= before:
            back += 1
        elif after != before + 1:
            return f"a gap between {before} and {after}"
    if numbers[:1] != [0]:
        return f"begins with {numbers[:1]}"
    return f"goes back {back} times" if back > starts else ""


class Case(unittest.TestCase):
    """A server of its own for each test, with an export section."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-ship-"))
        self.server = None

    def tearDown(self):
        if self.server:
            self.server.destroy()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, **export):
        self.server = harness.Server(config={"export": {**QUICK, **export}}).start()
        self.agent = self.server.agent()
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")
        return self.server

    def decide(self, n, run="run_1"):
        for i in range(n):
            answer = self.agent.decide(run, str(i), "kb.read", {"i": i})
            self.assertEqual(answer.status, 200, answer)

    def metric(self, name, target):
        text = self.metrics_client.get("/metrics").text
        found = re.search(rf'^{name}{{target="{target}"}} (\S+)$', text, re.M)
        self.assertTrue(found, f"{name} {target} isn't in\n{text[-2000:]}")
        return float(found[1])

    def shipped(self, target):
        harness.until(f"{target} has all", lambda: self.metric("gatekeeper_export_lag_events", target) == 0)

    def recorded(self):
        """How many events the log has; the server is stopped."""
        return len(self.server.recorded())


class File(Case):
    def test_a_file_has_every_event_in_order_up_to_the_close(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path))
        self.decide(20)
        self.assertEqual(self.server.stop(), 0)
        rows = rows_of(path)
        self.assertEqual(seqs(rows), list(range(self.recorded())))
        self.assertEqual(rows[-1]["kind"], "close")
        self.assertEqual([row for row in rows if row["kind"] == "access"][0]["access"]["what"], "ship.file")
        self.assertEqual([row["leaf_hash"] for row in rows], [one.leaf.hex() for one in self.server.recorded()])
        self.assertEqual(os.stat(path).st_mode & 0o027, 0)

    def test_a_restart_goes_on_where_it_was(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path))
        self.decide(5)
        self.server.stop()
        self.server.start()
        self.decide(5, "run_2")
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(self.recorded())))

    def test_after_kills_there_is_no_gap_and_repeats_stand_at_the_seams(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path), batch=7)
        for i in range(4):
            self.decide(40, f"run_{i}")
            self.server.kill()
            self.server.start()
        self.server.stop()
        numbers = seqs(rows_of(path))
        self.assertEqual(one_seam(numbers, starts=4), "")
        self.assertEqual(max(numbers) + 1, self.recorded())

    def test_a_torn_line_of_a_crash_is_cut(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path))
        self.decide(3)
        self.server.stop()
        with open(path, "ab") as file:
            file.write(b'{"torn":')
        self.server.start()
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(self.recorded())))

    def test_sighup_opens_the_file_anew(self):
        path, old = self.folder / "events.csv", self.folder / "events.csv.1"
        self.start(file=str(path), file_format="csv")
        self.decide(3)
        self.shipped("file")
        path.rename(old)
        self.server.signal(signal.SIGHUP)
        harness.until("it was read again", lambda: "config_reloaded" in self.server.log())
        self.decide(3, "run_2")
        harness.until("a new file", path.exists)
        self.server.stop()
        first, second = old.read_bytes().split(b"\r\n"), path.read_bytes().split(b"\r\n")
        self.assertEqual(first[0], second[0])  # each file has its titles, once
        self.assertTrue(first[0].startswith(b"seq,timestamp,"))
        numbers = [int(line.split(b",")[0]) for line in first[1:-1] + second[1:-1]]
        self.assertEqual(numbers, list(range(self.recorded())))

    def test_without_its_cursor_a_target_begins_anew(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path))
        self.server.stop()
        (self.server.data / "export" / "file.seq").unlink()
        path.unlink()
        self.server.start()
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(self.recorded())))

    def test_from_now_skips_what_was_there(self):
        path = self.folder / "events.jsonl"
        self.start()
        self.decide(10)
        self.server.stop()
        before = self.recorded()
        self.server.write_config(export={**QUICK, "file": str(path), "from": "now"})
        self.server.start()
        self.server.stop()
        numbers = seqs(rows_of(path))
        self.assertGreaterEqual(numbers[0], before)
        self.assertEqual(numbers, list(range(numbers[0], self.recorded())))
        self.server.start()
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(numbers[0], self.recorded())))

    def test_a_broken_cursor_stops_the_start(self):
        self.start(file=str(self.folder / "events.jsonl"))
        self.server.stop()
        (self.server.data / "export" / "file.seq").write_text("12 nonsense\n")
        self.server.start(ready=False)
        self.assertEqual(self.server.wait(), 65)
        self.assertIn("file.seq", self.server.log())

    def test_a_cursor_of_another_log_is_noticed_and_all_is_shipped_anew(self):
        path = self.folder / "events.jsonl"
        self.start(file=str(path))
        self.decide(3)
        self.server.stop()
        (self.server.data / "export" / "file.seq").write_text(f"3 {'ab' * 32}\n")
        path.unlink()
        self.server.start()
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(self.recorded())))
        self.assertIn("export_rolled_back", self.server.log())

    def test_openings_are_shipped_only_where_that_is_asked_for(self):
        for wanted in (False, True):
            path = self.folder / f"events-{wanted}.jsonl"
            server = harness.Server(config={"audit": {"show_fields": ["amount"]},
                                            "export": {"file": str(path), "openings": wanted}}).start()
            server.agent().decide("run_1", "1", "refund.create", {"amount": 70})
            server.stop()
            asked = [row for row in rows_of(path) if row["kind"] == "decision"]
            self.assertEqual([row.get("opened") for row in asked], [{"/amount": 70} if wanted else None])
            self.assertIn("shown", asked[0])
            server.destroy()

    def test_a_full_disk_is_told_and_recovered_from(self):
        path = self.folder / "missing" / "events.jsonl"
        self.start(file=str(path))
        self.decide(3)
        harness.until("it is told", lambda: "export_failing" in self.server.log())
        self.assertEqual(self.metric("gatekeeper_export_up", "file"), 0)
        path.parent.mkdir()
        self.shipped("file")
        self.assertEqual(self.metric("gatekeeper_export_up", "file"), 1)
        self.server.stop()
        self.assertEqual(seqs(rows_of(path)), list(range(self.recorded())))
        self.assertEqual(self.server.log().count("export_failing"), 1)
        self.assertEqual(self.server.log().count("export_recovered"), 1)


@unittest.skipUnless(os.environ.get("CLOCK_PRELOAD"), "CLOCK_PRELOAD names the library that moves the clock")
class LetGo(Case):
    def test_what_was_let_go_before_it_was_shipped_is_passed_over_and_counted(self):
        clock, path = self.folder / "offset", self.folder / "events.jsonl"
        clock.write_text("0")
        self.server = harness.Server(config={"audit": {"retention_days": 30}, "admission_burst": 100000},
                                     env={"LD_PRELOAD": os.environ["CLOCK_PRELOAD"], "CLOCK_FILE": str(clock)}).start()
        self.agent = self.server.agent()
        auditor = self.server.client("ann", "human", "auditor", tenant="*")
        for i in range(150):
            answer = self.agent.decide("run_old", str(i), "kb.read", {"i": i}).body
            self.agent.result(answer["decision_id"])
        clock.write_text(str(31 * 86400))
        harness.until("the jump to be seen", lambda: auditor.events("kind=clock"))
        self.server.cli("clock", "accept", "--reason", "time passed")
        harness.until("bodies to go", lambda: auditor.events("kind=retention"))
        self.server.stop()
        self.server.write_config(export={**QUICK, "file": str(path)})
        self.server.start()
        self.metrics_client = self.server.client("prom", "service", "metrics", tenant="*")
        self.shipped("file")
        skipped = self.metric("gatekeeper_export_skipped_events_total", "file")
        self.server.stop()
        numbers = seqs(rows_of(path))
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreater(skipped, 0)
        self.assertEqual(numbers[-1] + 1 - len(numbers), skipped)
        self.assertEqual(numbers[-1], max(one.seq for one in self.server.recorded()))
        self.assertIn("export_skipped", self.server.log())


class SyslogServer:
    """Octet-counted messages over TCP; may hang up after so many messages."""

    def __init__(self, port=0, tls=None):
        self.messages, self.hang_up_after, self.context = [], None, None
        if tls is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    def read(self, connection):
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.connections.append(connection)
            stream = connection.makefile("rb")
            while True:
                count = b""
                while (byte := stream.read(1)).isdigit():
                    count += byte
                if byte != b" ":
                    return
                self.messages.append(stream.read(int(count)))
                if self.hang_up_after is not None and len(self.messages) >= self.hang_up_after:
                    self.hang_up_after = None
                    # reset, so that the sender can't mistake it for a quiet end
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                    stream.close()
                    return
        except (OSError, ValueError):
            return

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


def parse_message(data):
    found = MESSAGE.fullmatch(data)
    assert found, data
    priority, stamp, host, pid, kind, text = found.groups()
    assert int(priority) // 8 == 13, "facility: log audit"
    return {"severity": int(priority) % 8, "time": stamp.decode(), "kind": kind.decode(), "pid": int(pid),
            "host": host.decode(), "text": text.decode()}


class Syslog(Case):
    def test_tcp_messages_are_counted_and_in_order(self):
        sink = SyslogServer()
        self.start(syslog=f"tcp://127.0.0.1:{sink.port}", syslog_format="jsonl")
        self.decide(10)
        self.agent.decide("run_1", "stop", "shell.run", {})
        self.shipped("syslog")
        pid = self.server.process.pid
        self.server.stop()
        harness.until("all messages", lambda: len(sink.messages) >= self.recorded())
        parsed = [parse_message(data) for data in sink.messages]
        rows = [json.loads(one["text"]) for one in parsed]
        self.assertEqual(seqs(rows), list(range(self.recorded())))
        for one, row in zip(parsed, rows):
            self.assertEqual((one["time"], one["kind"], one["pid"]), (row["timestamp"], row["kind"], pid))
        stopped = [one for one, row in zip(parsed, rows) if row.get("decision") == "stop"]
        allowed = [one for one, row in zip(parsed, rows) if row.get("decision") == "allow"]
        self.assertEqual({one["severity"] for one in stopped}, {5})
        self.assertEqual({one["severity"] for one in allowed}, {6})
        sink.close()

    def test_a_connection_that_is_reset_leaves_no_gap(self):
        sink = SyslogServer()
        sink.hang_up_after = 15
        self.start(syslog=f"tcp://127.0.0.1:{sink.port}", syslog_format="jsonl", batch=10)
        self.decide(60)
        self.shipped("syslog")
        self.server.stop()
        harness.until("the last", lambda: b'"kind":"close"' in sink.messages[-1])
        numbers = seqs(json.loads(parse_message(data)["text"]) for data in list(sink.messages))
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))
        self.assertEqual(one_seam(numbers, starts=2), "")
        self.assertIsNone(sink.hang_up_after)
        sink.close()

    def test_a_server_that_is_down_at_the_start_gets_everything_later(self):
        port = harness.free_port()
        self.start(syslog=f"tcp://127.0.0.1:{port}", syslog_format="cef")
        self.decide(5)
        harness.until("it is told", lambda: "export_failing" in self.server.log())
        sink = SyslogServer(port)
        self.shipped("syslog")
        self.server.stop()
        harness.until("all messages", lambda: len(sink.messages) >= self.recorded())
        found = [int(re.search(r"externalId=(\d+)", parse_message(data)["text"])[1]) for data in sink.messages]
        self.assertEqual(found, list(range(self.recorded())))
        sink.close()

    def certificate(self, name, host="IP:127.0.0.1"):
        key, cert = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=siem", "-addext", f"subjectAltName={host}"],
                       check=True, capture_output=True)
        return cert, key

    def test_over_tls_nothing_is_lost_when_the_connection_breaks(self):
        cert, key = self.certificate("siem")
        sink = SyslogServer(tls=(cert, key))
        sink.hang_up_after = 15
        self.start(syslog=f"tls://127.0.0.1:{sink.port}", syslog_format="jsonl", syslog_ca_file=str(cert), batch=10)
        self.decide(60)
        self.shipped("syslog")
        self.server.stop()
        harness.until("the last", lambda: b'"kind":"close"' in sink.messages[-1])
        numbers = seqs(json.loads(parse_message(data)["text"]) for data in list(sink.messages))
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))
        self.assertEqual(one_seam(numbers, starts=2), "")
        self.assertIsNone(sink.hang_up_after)
        sink.close()

    def test_over_tls_only_a_server_that_the_authorities_vouch_for_gets_anything(self):
        cert, key = self.certificate("siem")
        other, _ = self.certificate("other")
        named, named_key = self.certificate("named", "DNS:siem.example")
        for ca, pair in ((other, (cert, key)), (named, (named, named_key))):
            sink = SyslogServer(tls=pair)
            self.start(syslog=f"tls://127.0.0.1:{sink.port}", syslog_format="jsonl", syslog_ca_file=str(ca))
            self.decide(2)
            harness.until("it is told", lambda: "export_failing" in self.server.log())
            self.assertEqual(sink.messages, [])
            self.server.stop()
            self.server.destroy()
            sink.close()

    def test_a_unix_socket_gets_a_datagram_each(self):
        path = self.folder / "log"
        sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sink.bind(str(path))
        sink.settimeout(harness.DEADLINE_S)
        got = []

        def read():
            while True:
                data = sink.recv(1 << 17)
                got.append(data)
                if b'"session_end"' in data and b'"kind":"close"' in data:
                    return
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.start(syslog=f"unix:{path}", syslog_format="aat")
        self.decide(30)
        self.server.stop()
        reader.join(harness.DEADLINE_S)
        records = [json.loads(parse_message(data)["text"]) for data in got]
        own = [one["action_detail"]["seq"] for one in records if "kind" in one["action_detail"]]
        self.assertEqual(own, list(range(self.recorded())))
        sink.close()


def certificates(folder):
    """A CA of our own and a server's certificate of it, for 127.0.0.1."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "srv.key",
            "-out", "srv.csr", "-subj", "/CN=127.0.0.1")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "srv.pem", "-days", "2", "-extfile", "ext")


class HttpsServer:
    """Keeps every batch that it acknowledges; misbehaviours are taken one by one from a list."""

    def __init__(self, folder, port=0):
        self.batches, self.tried, self.misbehave = [], [], []
        self.hold = threading.Event()  # while set, a request waits
        self.waiting = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.tried.append((dict(self.headers), body))
                how = outer.misbehave.pop(0) if outer.misbehave else None
                if outer.hold.is_set():
                    outer.waiting.set()
                    while outer.hold.is_set():
                        threading.Event().wait(0.02)
                if how == "reset":
                    self.connection.close()
                    self.close_connection = True
                    return
                if how is None or how == "lost":
                    outer.batches.append((dict(self.headers), body))
                if how == "lost":  # taken, but the answer doesn't arrive
                    self.connection.close()
                    self.close_connection = True
                    return
                self.send_response(how or 204)
                if how == 429:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "srv.pem", folder / "srv.key")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass

            def finish_request(self, request, client):
                super().finish_request(context.wrap_socket(request, server_side=True), client)

        self.http = Server(("127.0.0.1", port), Handler)
        self.port = self.http.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}/events"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def rows(self):
        return [json.loads(line) for _, body in list(self.batches) for line in body.decode().splitlines()]

    def close(self):
        self.hold.clear()
        self.http.shutdown()
        self.http.server_close()


class Https(Case):
    @classmethod
    def setUpClass(cls):
        cls.pki = pathlib.Path(tempfile.mkdtemp(prefix="gk-pki-"))
        certificates(cls.pki)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.pki)

    def setUp(self):
        super().setUp()
        self.sink = HttpsServer(self.pki)

    def tearDown(self):
        super().tearDown()
        self.sink.close()

    def start_https(self, **export):
        return self.start(https=self.sink.url, https_ca_file=str(self.pki / "ca.pem"), **export)

    def test_batches_arrive_in_order_with_token_and_range(self):
        token = self.folder / "token"
        token.write_text("s3cret\n")
        self.start_https(https_token_file=str(token), batch=10)
        self.decide(35)
        self.server.stop()
        self.assertEqual(seqs(self.sink.rows()), list(range(self.recorded())))
        origin = (self.server.data / "vkey").read_text().split("+")[0]
        for headers, body in self.sink.batches:
            lines = [json.loads(line) for line in body.decode().splitlines()]
            self.assertLessEqual(len(lines), 10)
            self.assertEqual(headers["Authorization"], "Bearer s3cret")
            self.assertEqual(headers["Content-Type"], "application/x-ndjson")
            self.assertEqual(headers["Gatekeeper-Log"], origin)
            self.assertEqual(headers["Gatekeeper-Seq"], f"{lines[0]['seq']}-{lines[-1]['seq']}")
        self.assertNotIn("s3cret", self.server.log())

    def test_cloudevents_go_as_one_batch(self):
        self.start_https(https_format="cloudevents")
        self.decide(5)
        self.server.stop()
        ids = []
        for headers, body in self.sink.batches:
            self.assertEqual(headers["Content-Type"], "application/cloudevents-batch+json; charset=utf-8")
            ids += [int(one["id"]) for one in json.loads(body)]
        self.assertEqual(ids, list(range(self.recorded())))

    def test_errors_and_resets_bring_the_same_batch_again(self):
        self.sink.misbehave = [500, 503, "reset", 429, 404, "reset"]
        self.start_https()
        self.decide(20)
        self.shipped("https")
        self.assertGreaterEqual(self.metric("gatekeeper_export_failures_total", "https"), 4)
        self.server.stop()
        self.assertEqual(seqs(self.sink.rows()), list(range(self.recorded())))
        bodies = [body for _, body in self.sink.tried[:7]]
        self.assertEqual(len(set(bodies)), 1, "the same bytes until they are acknowledged")

    def test_a_lost_acknowledgement_repeats_one_batch(self):
        self.sink.misbehave = ["lost"]
        self.start_https()
        self.decide(20)
        self.server.stop()
        numbers = seqs(self.sink.rows())
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))
        self.assertEqual(one_seam(numbers, starts=1), "")
        self.assertEqual(self.sink.batches[0][1], self.sink.batches[1][1])

    def test_a_certificate_of_nobody_is_never_trusted(self):
        self.start(https=self.sink.url)  # the system's authorities
        self.decide(5)
        harness.until("it is told", lambda: "export_failing" in self.server.log())
        harness.until("tried often", lambda: self.metric("gatekeeper_export_failures_total", "https") > 3)
        self.server.stop()
        self.assertEqual(self.sink.tried, [])

    def test_after_a_kill_it_goes_on_without_a_gap(self):
        self.start_https(batch=5)
        for i in range(3):
            self.decide(30, f"run_{i}")
            self.server.kill()
            self.server.start()
        self.server.stop()
        numbers = seqs(self.sink.rows())
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))
        self.assertEqual(one_seam(numbers, starts=3), "")

    def test_a_target_that_hangs_delays_no_decision_and_no_other_target(self):
        path = self.folder / "events.jsonl"
        self.sink.hold.set()
        self.start_https(file=str(path))
        self.assertTrue(self.sink.waiting.wait(harness.DEADLINE_S))
        # the request is held; everything below happens before it is let go
        self.decide(150)
        self.shipped("file")
        self.assertGreaterEqual(self.metric("gatekeeper_export_lag_events", "https"), 150)
        self.assertEqual(self.sink.batches, [])
        self.assertEqual(len([row for row in rows_of(path) if row["kind"] == "decision"]), 150)
        self.sink.hold.clear()
        self.shipped("https")
        self.server.stop()
        numbers = seqs(self.sink.rows())
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))

    def test_a_target_that_hangs_does_not_hold_up_the_end(self):
        self.sink.hold.set()
        self.start_https(flush="100ms")
        self.decide(5)
        self.assertTrue(self.sink.waiting.wait(harness.DEADLINE_S))
        self.server.signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(15), 0)  # while the request is still held, and long before it times out
        self.server.check_log()
        self.assertEqual(self.sink.batches, [])
        self.assertTrue(self.sink.hold.is_set())
        self.sink.hold.clear()
        self.server.start()
        self.shipped("https")
        self.server.stop()
        numbers = seqs(self.sink.rows())
        self.assertEqual(sorted(set(numbers)), list(range(self.recorded())))

    def test_a_dead_target_does_not_hold_up_the_end(self):
        self.sink.close()
        self.start_https(max_backoff="1h", flush="1m")
        self.decide(5)
        harness.until("it is told", lambda: "export_failing" in self.server.log())
        self.assertEqual(self.server.stop(), 0)  # long before a minute or an hour


class Configuration(unittest.TestCase):
    def test_wrong_targets_are_refused(self):
        for export, words in (
                ({"syslog": "127.0.0.1:514"}, "export.syslog"),
                ({"syslog": "tcp://127.0.0.1:x"}, "export.syslog"),
                ({"syslog": "tls://127.0.0.1"}, "export.syslog"),
                ({"syslog": "tcp://127.0.0.1:514", "syslog_ca_file": "/x"}, "export.syslog_ca_file"),
                ({"syslog_ca_file": "/x"}, "export.syslog_ca_file"),
                ({"syslog": "tcp://127.0.0.1"}, "export.syslog"),
                ({"https": "http://127.0.0.1/"}, "export.https"),
                ({"https": "https://"}, "export.https"),
                ({"syslog": "unix:/x", "syslog_format": "csv"}, "export.syslog_format"),
                ({"batch": 0}, "export.batch"), ({"file_format": "xml"}, "export.file_format"),
                ({"https_token_file": "/x"}, "export.https_token_file")):
            server = harness.Server(config={"export": export})
            done = server.cli("config", check=False)
            self.assertEqual(done.returncode, 78, (export, done.stdout))
            self.assertIn(words, done.stderr)
            server.destroy()


if __name__ == "__main__":
    harness.main()
