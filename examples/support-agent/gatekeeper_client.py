"""Ask gatekeeper before a tool call, report after it.  Anything but the exact answer "allow" means no."""

import http.client
import json
import urllib.parse


class Denied(Exception):
    """The action may not run.  why is the reason; answer is what gatekeeper said, {} when nothing usable came."""

    def __init__(self, why, answer=None):
        super().__init__(why)
        self.why, self.answer = why, answer or {}


class Gatekeeper:
    def __init__(self, url, token, timeout=10.0):
        self._place, self._token, self._timeout = urllib.parse.urlsplit(url), token, timeout

    def _post(self, path, body, wait=0):
        """(status, object); Denied when there's no whole answer that is a JSON object."""
        kind = http.client.HTTPSConnection if self._place.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._place.hostname, self._place.port, timeout=self._timeout + wait)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        try:
            connection.request("POST", path, json.dumps(body, allow_nan=False), headers)
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Denied(f"no answer: {error}") from error
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise Denied("the answer isn't an object")
        return reply.status, answer

    def ask(self, run, step, action, args, wait=0, **more):
        """May this run?  The answer when it is "allow", Denied in every other case.  wait: seconds for an approval."""
        body = {"run_id": run, "step_id": step, "action": action, "args": args, **more}
        status, answer = self._post("/v1/decisions", body, wait)
        if status != 200:
            raise Denied(f"{status} {answer.get('code')}", answer)
        if answer.get("run_id") != run or answer.get("step_id") not in (step, step + "~granted"):
            raise Denied("the answer is for another step")
        if answer.get("decision") != "allow":
            raise Denied(str(answer.get("reason")), answer)
        if answer.get("replayed") is not False:
            raise Denied("replayed: whether it ran before isn't known", answer)
        return answer

    def report(self, answer, status, **more):
        """Say how it went: status is ok, error, timeout, cancelled or not_executed."""
        code, reply = self._post(f"/v1/decisions/{answer['decision_id']}/result", {"status": status, **more})
        if code not in (200, 201):
            raise RuntimeError(f"gatekeeper didn't take the result: {code} {reply.get('code')}")
