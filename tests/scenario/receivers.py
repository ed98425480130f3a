"""What stands at the other end of notifications: a webhook's receiver, Slack, a mail server; each misbehaves on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from typing import Any


def signature(secret: str, message: str, timestamp: str, body: bytes) -> str:
    """Standard Webhooks, by its text: HMAC-SHA-256 under the decoded secret over id.timestamp.body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


class Receiver:
    """HTTP on a port of 127.0.0.1.  Requests that were taken are in .taken, all that came in .tried: (path, headers, body).

    misbehave is a list of what the next requests get: a status, "reset" (the connection is closed before the body is
    acknowledged), "lost" (taken, but the answer doesn't arrive), "redirect" (to redirect_to), "slow" (no answer until
    release() is called); None or an empty list: 204, or what answer(path, body) says.
    """

    def __init__(self, port: int = 0):
        self.taken: list[tuple[str, dict, bytes]] = []
        self.tried: list[tuple[str, dict, bytes]] = []
        self.misbehave: list[Any] = []
        self.always: Any = None  # when misbehave is empty
        self.redirect_to = ""
        self.slow = threading.Event()
        self.waiting = threading.Event()
        self.answer = lambda path, body: (204, b"")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                one = (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                outer.tried.append(one)
                how = outer.misbehave.pop(0) if outer.misbehave else outer.always
                if how == "slow":
                    outer.waiting.set()
                    outer.slow.wait(60)
                    how = "reset"
                if how == "lost":
                    outer.taken.append(one)
                if how in ("reset", "lost"):
                    self.connection.close()
                    self.close_connection = True
                    return
                status, text = outer.answer(self.path, body) if how is None else (302 if how == "redirect" else how, b"")
                if how is None:
                    outer.taken.append(one)
                self.send_response(status)
                if how == "redirect":
                    self.send_header("Location", outer.redirect_to)
                if how == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                pass

        self.http = Server(("127.0.0.1", port), Handler)
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def messages(self) -> list[dict]:
        """The bodies that were taken, parsed."""
        return [json.loads(body) for _, _, body in list(self.taken)]

    def seqs(self) -> list[int]:
        return [message["data"]["event"]["seq"] for message in self.messages() if "event" in message["data"]]

    def release(self) -> None:
        self.slow.set()

    def close(self) -> None:
        self.release()
        self.http.shutdown()
        self.http.server_close()


def press(secret: str, user: str, approval: str, action: str = "gatekeeper_grant", response_url: str | None = None,
          team: str = "T0001", at: float | None = None) -> tuple[bytes, dict]:
    """What Slack posts when somebody presses a button: body and headers, signed by its text (v0)."""
    payload = {"type": "block_actions", "user": {"id": user, "username": "x"}, "team": {"id": team, "domain": "x"},
               "actions": [{"type": "button", "action_id": action, "value": approval, "block_id": "b"}]}
    if response_url:
        payload["response_url"] = response_url
    return signed_form(secret, urllib.parse.urlencode({"payload": json.dumps(payload)}).encode(), at)


def signed_form(secret: str, body: bytes, at: float | None = None) -> tuple[bytes, dict]:
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp,
                  "X-Slack-Signature": "v0=" + mac}


def certificates(folder: pathlib.Path) -> None:
    """A CA of our own and a server's certificate of it, for 127.0.0.1: ca.pem, srv.pem, srv.key."""
    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA")
    openssl("req", *key, "-keyout", "srv.key", "-out", "srv.csr", "-subj", "/CN=127.0.0.1")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "srv.pem", "-days", "2", "-extfile", "ext")


class MailServer:
    """SMTP on a port of 127.0.0.1, with TLS from the start (implicit) or by STARTTLS.

    Mails that were taken are in .mails: (from, [to], text).  misbehave: what the next mails get, "451" or another
    code instead of 250 behind DATA, "reset"; offer_tls False: no STARTTLS is offered.  silent: where the next sessions
    fall silent, "greeting", "data" (before the text is read) or "answer" (behind it); .fallen is then set.
    """

    def __init__(self, folder: pathlib.Path, implicit: bool = False):
        self.mails: list[tuple[str, list[str], str]] = []
        self.misbehave: list[str] = []
        self.lines: list[str] = []  # of commands that came in clear
        self.logins: list[str] = []
        self.offer_tls, self.implicit, self.sessions = True, implicit, 0
        self.silent: list[str] = []
        self.fallen, self.ends = threading.Event(), threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "srv.pem", folder / "srv.key")
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            if self.implicit:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.talk(connection, self.implicit)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def talk(self, connection: socket.socket, secret: bool) -> None:
        stream, sender, to = connection.makefile("rb"), "", []

        def say(text: str) -> None:
            connection.sendall(text.encode() + b"\r\n")

        def falls_silent(where: str) -> bool:
            if self.silent[:1] != [where]:
                return False
            self.silent.pop(0)
            self.fallen.set()
            self.ends.wait(300)
            return True

        if falls_silent("greeting"):
            return
        say("220 mail.test ESMTP")
        while line := stream.readline().decode():
            word, rest = line.strip().split(" ", 1) if " " in line.strip() else (line.strip(), "")
            if not secret:
                self.lines.append(line.strip())
            if word in ("EHLO", "HELO"):
                say("250-mail.test")
                if not secret and self.offer_tls:
                    say("250-STARTTLS")
                if secret:
                    say("250-AUTH PLAIN")
                say("250 8BITMIME")
            elif word == "STARTTLS":
                say("220 go on")
                connection = self.context.wrap_socket(connection, server_side=True)
                stream, secret = connection.makefile("rb"), True
            elif word == "AUTH":
                if rest == "PLAIN":
                    say("334 ")
                    rest += " " + stream.readline().decode().strip()
                self.logins.append(base64.b64decode(rest.split()[1]).decode())
                say("235 welcome")
            elif word == "MAIL":
                sender, to = re.search("<(.*)>", rest)[1], []
                say("250 ok")
            elif word == "RCPT":
                to.append(re.search("<(.*)>", rest)[1])
                say("250 ok")
            elif word == "DATA":
                say("354 go on")
                if falls_silent("data"):
                    return
                data = b""
                while (one := stream.readline()) != b".\r\n":
                    data += one[1:] if one.startswith(b".") else one
                if falls_silent("answer"):
                    return
                how = self.misbehave.pop(0) if self.misbehave else None
                if how == "reset":
                    return
                if how is None:
                    self.mails.append((sender, to, data.decode()))
                say("250 taken" if how is None else f"{how} not now")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

    def close(self) -> None:
        self.ends.set()
        self.listener.close()
