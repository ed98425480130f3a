"""What stands at the other end of notifications: a webhook's receiver that checks signatures by itself and misbehaves on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
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
