"""People sign in to the console by an identity provider's word: JWTs made with openssl, checked by gatekeeper.

The provider is openssl and a web server of this file; the proxy in front is a header that the tests send.
"""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness

ISSUER, AUDIENCE = "https://idp.example/realm", "gatekeeper"
P256_DER_HEAD = 26  # bytes before 0x04, x, y in a SubjectPublicKeyInfo of P-256


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=stdin, capture_output=True, check=True, timeout=harness.DEADLINE_S).stdout


class Key:
    """A signing key of the provider: kind is RS256, PS256, ES256 or EdDSA."""

    made = 0

    def __init__(self, folder: pathlib.Path, kid: str | None, alg: str, bits: int = 2048):
        Key.made += 1
        self.kid, self.alg, self.path = kid, alg, folder / f"{Key.made}.pem"
        how = {"ES256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "EdDSA": ["ED25519"]}
        self.path.write_bytes(openssl("genpkey", "-algorithm", *how.get(alg, ["RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"])))
        self.der = openssl("pkey", "-in", str(self.path), "-pubout", "-outform", "DER")

    def jwk(self, **more: str) -> dict:
        if self.alg == "ES256":
            point = self.der[P256_DER_HEAD + 1:]
            found = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:])}
        elif self.alg == "EdDSA":
            found = {"kty": "OKP", "crv": "Ed25519", "x": b64(self.der[-32:])}
        else:
            modulus = openssl("rsa", "-in", str(self.path), "-noout", "-modulus").strip().split(b"=")[1]
            found = {"kty": "RSA", "n": b64(bytes.fromhex(modulus.decode())), "e": "AQAB"}
        return {**found, "use": "sig", **({"kid": self.kid} if self.kid else {}), **more}

    def sign(self, data: bytes) -> bytes:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            if self.alg == "EdDSA":
                return openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self.path), "-in", file.name)
            pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"] if self.alg == "PS256" else []
            found = openssl("dgst", "-sha256", *pss, "-sign", str(self.path), file.name)
        if self.alg != "ES256":
            return found
        r_n = found[3]
        r, s = found[4:4 + r_n], found[6 + r_n:]
        return b"".join(int.from_bytes(part, "big").to_bytes(32, "big") for part in (r, s))

    def token(self, claims: dict | str, **head) -> str:
        head = {"alg": self.alg, "typ": "JWT", **({"kid": self.kid} if self.kid else {}), **head}
        text = claims if isinstance(claims, str) else json.dumps(claims)
        signed = f"{b64(json.dumps(head).encode())}.{b64(text.encode())}"
        return f"{signed}.{b64(self.sign(signed.encode()))}"


def claims(**more) -> dict:
    now = int(time.time())
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, **more}
    return {name: value for name, value in found.items() if value is not None}


class Provider(unittest.TestCase):
    """One server with the keys in a file, and the header of a proxy that passes them on."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-idp-"))
        cls.keys = {alg: Key(cls.folder, f"k-{alg}", alg) for alg in ("RS256", "ES256", "EdDSA", "PS256")}
        cls.unnamed = Key(cls.folder, None, "RS256")  # one of several that an RS256 token could mean
        cls.small = Key(cls.folder, "small", "RS256", 1024)
        cls.set = {"keys": [key.jwk() for key in cls.keys.values()] + [cls.small.jwk(), cls.unnamed.jwk(), {"kty": "new", "kid": "x"}]}
        cls.jwks = cls.folder / "jwks.json"
        cls.jwks.write_text(json.dumps(cls.set))
        cls.server = harness.Server(config={"sign_in": {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": str(cls.jwks),
                                                        "header": "X-Id-Token"}}).start()
        cls.server.approver("alice")
        cls.agent = cls.server.agent()
        cls.scraper = cls.server.client("scraper", "service", "metrics")

    @classmethod
    def tearDownClass(cls):
        cls.server.destroy()
        for path in cls.folder.iterdir():
            path.unlink()
        cls.folder.rmdir()

    def sign_in(self, token: str | None, header: str = "X-Id-Token", **headers: str) -> harness.Answer:
        return self.server.anonymous().post("/v1/session", {}, headers={**({header: token} if token else {}), **headers})

    def refused(self, token: str, why: str) -> None:
        answer = self.sign_in(token)
        self.assertEqual((answer.status, answer.code), (401, "unauthorized"), answer)
        self.assertIn(why, answer.body["detail"])
        self.assertNotIn("set-cookie", {name.lower() for name in answer.headers})


class TestSignIn(Provider):
    def test_who_the_provider_names_is_signed_in_by_each_algorithm(self):
        for alg in ("RS256", "ES256", "EdDSA"):
            with self.subTest(alg):
                answer = self.sign_in(self.keys[alg].token(claims()))
                self.assertEqual((answer.status, answer.body["identity"]["id"]), (201, "alice"), answer)
                self.assertIn("HttpOnly", answer.headers["set-cookie"])

    def test_a_session_of_the_provider_grants_as_any_other(self):
        approval = self.agent.decide("run_idp", "1", "refund.create").body["approval"]["approval_id"]
        begun = self.sign_in(self.keys["RS256"].token(claims()))
        cookie = begun.headers["set-cookie"].split(";")[0]
        answer = self.server.anonymous().post(f"/v1/approvals/{approval}/grant", {"comment": "yes"},
                                              headers={"Cookie": cookie, "X-CSRF-Token": begun.body["csrf"]})
        self.assertEqual(answer.status, 200, answer)
        kinds = [recorded.event for recorded in self.server.recorded()]
        self.assertTrue(any(event.get("access", {}).get("what") == "sign_in" for event in kinds))

    def test_a_session_ends_with_the_token_that_began_it(self):
        answer = self.sign_in(self.keys["RS256"].token(claims(exp=int(time.time()) + 40)))
        self.assertLessEqual(answer.body["ends_in_s"], 100)  # 40, and a minute between two clocks
        self.assertGreater(answer.body["ends_in_s"], 30)

    def test_behind_a_proxy_with_tls_the_cookie_is_for_tls(self):
        answer = self.sign_in(self.keys["RS256"].token(claims()), **{"X-Forwarded-Proto": "https"})
        self.assertTrue(answer.headers["set-cookie"].startswith("__Host-gk_session="))
        self.assertIn("; Secure", answer.headers["set-cookie"])

    def test_without_the_header_nobody_is_signed_in(self):
        answer = self.sign_in(None)
        self.assertEqual((answer.status, answer.code), (401, "unauthorized"))
        answer = self.sign_in(self.keys["RS256"].token(claims()), header="Authorization")
        self.assertEqual(answer.status, 401)

    def test_a_body_that_is_no_object_asks_for_nothing(self):
        headers = {"X-Id-Token": self.keys["RS256"].token(claims())}
        for body in ([], "", 0, None, False, {"token": None}, {"token": []}, {"token": "x", "more": 1}, {"jwt": "x"}):
            with self.subTest(body=body):
                answer = self.server.anonymous().request("POST", "/v1/session", json.dumps(body).encode(),
                                                         headers={**headers, "Content-Type": "application/json"})
                self.assertEqual((answer.status, answer.code), (400, "invalid_request"), answer)

    def test_the_token_alone_opens_no_route(self):
        token = self.keys["RS256"].token(claims())
        answer = self.server.anonymous().get("/v1/approvals", headers={"X-Id-Token": token})
        self.assertEqual(answer.status, 401)

    def test_another_site_signs_nobody_in(self):
        answer = self.sign_in(self.keys["RS256"].token(claims()), **{"Sec-Fetch-Site": "cross-site"})
        self.assertEqual((answer.status, answer.code), (403, "cross_site"))

    def test_claims_that_are_not_for_us_are_refused(self):
        now = int(time.time())
        key = self.keys["RS256"]
        for why, change in (("another issuer", {"iss": ISSUER + "/"}), ("another issuer", {"iss": None}), ("another issuer", {"iss": [ISSUER]}),
                            ("another audience", {"aud": "other"}), ("another audience", {"aud": None}), ("another audience", {"aud": []}),
                            ("another audience", {"aud": [AUDIENCE, "other"], "azp": "other"}),
                            ("it is over", {"exp": now - 120}), ("when it ends", {"exp": None}), ("when it ends", {"exp": "soon"}),
                            ("when it ends", {"exp": -1}), ("isn't valid yet", {"nbf": now + 600}), ("isn't valid yet", {"iat": now + 600}),
                            ("names the person", {"sub": None}), ("names the person", {"sub": ""}), ("names the person", {"sub": "a b"}),
                            ("names the person", {"sub": "a" * 129}), ("names the person", {"sub": ["alice"]}),
                            ("nobody here", {"sub": "mallory"})):
            with self.subTest(why, change=change):
                self.refused(key.token(claims(**change)), why)
        several = self.sign_in(key.token(claims(aud=[AUDIENCE, "other"], azp=AUDIENCE)))
        self.assertEqual(several.status, 201)

    def test_what_is_signed_otherwise_is_refused(self):
        rs, es, ps = self.keys["RS256"], self.keys["ES256"], self.keys["PS256"]
        good = rs.token(claims())
        head, body, signature = good.split(".")
        other = b64(json.dumps(claims(sub="bob")).encode())
        unsigned = b64(b'{"alg":"none"}')
        for why, token in (("signature doesn't hold", f"{head}.{other}.{signature}"),
                           ("signature doesn't hold", f"{head}.{body}.{b64(b'x' * 256)}"),
                           ("signature doesn't hold", f"{head}.{body}."),
                           ("algorithm", f"{unsigned}.{body}."),
                           ("algorithm", ps.token(claims())),
                           ("algorithm", rs.token(claims(), alg="HS256")),
                           ("key isn't known", es.token(claims(), kid="k-RS256")),
                           ("key isn't known", rs.token(claims(), kid="gone")),
                           ("key isn't known", self.small.token(claims())),
                           ("signature doesn't hold", es.token(claims())[:-4] + "AAAA"),
                           ("say which one", self.unnamed.token(claims())),
                           ("key isn't known", rs.token(claims(), kid=None)), ("key isn't known", rs.token(claims(), kid=7)),
                           ("extensions", rs.token(claims(), crit=["exp"])),
                           ("extensions", rs.token(claims(), b64=False)),
                           ("another type", rs.token(claims(), typ="dpop+jwt")),
                           ("three parts", "a.b"), ("three parts", good + ".x"),
                           ("base64url", f"{head}=.{body}.{signature}"), ("JSON object", f"{b64(b'[]')}.{body}.{signature}")):
            with self.subTest(why, token=token[:60]):
                self.refused(token, why)

    def test_a_claim_that_is_there_twice_is_refused(self):
        now = int(time.time())
        text = json.dumps(claims())[:-1] + f', "sub": "bob", "exp": {now + 600}' + "}"
        self.refused(self.keys["RS256"].token(text), "JSON object")

    def test_a_key_that_the_token_brings_along_is_not_looked_at(self):
        stranger = Key(self.folder, "k-RS256", "RS256")
        self.refused(stranger.token(claims(), jwk=stranger.jwk()), "signature doesn't hold")
        self.refused(stranger.token(claims(), kid="k-RS256", jwk=stranger.jwk(), jku="https://127.0.0.1:1/x"), "signature doesn't hold")
        self.refused(Key(self.folder, None, "RS256").token(claims(), jwk=stranger.jwk()), "say which one")

    def test_failed_attempts_are_counted_in_the_record(self):
        before = self.failed()
        self.refused(self.keys["RS256"].token(claims(aud="other")), "another audience")
        self.assertEqual(self.failed(), before + 1)
        self.sign_in(None)  # the console asks once for everybody
        self.assertEqual(self.failed(), before + 1)

    def failed(self) -> float:
        text = self.scraper.get("/metrics").text
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith("gatekeeper_sign_ins_failed_total"))

    def test_who_is_revoked_is_signed_out_whatever_the_provider_says(self):
        self.server.approver("carol")
        begun = self.sign_in(self.keys["RS256"].token(claims(sub="carol")))
        cookie = {"Cookie": begun.headers["set-cookie"].split(";")[0]}
        self.assertEqual(self.server.anonymous().get("/v1/session", headers=cookie).status, 200)
        self.server.cli("token", "revoke", "carol")
        self.assertEqual(self.server.anonymous().get("/v1/session", headers=cookie).status, 401)
        self.refused(self.keys["RS256"].token(claims(sub="carol")), "nobody here")

    def test_the_provider_names_people_only(self):
        answer = self.sign_in(self.keys["RS256"].token(claims(sub="agent-7")))
        self.assertEqual((answer.status, answer.code), (403, "not_a_person"))

    def test_new_keys_in_the_file_count_after_a_signal_and_broken_ones_do_not(self):
        added = Key(self.folder, "added", "ES256")
        self.refused(added.token(claims()), "key isn't known")
        try:
            self.jwks.write_text(json.dumps({"keys": [*self.set["keys"], added.jwk()]}))
            self.server.signal(1)
            harness.until("the new key counts", lambda: self.sign_in(added.token(claims())).status == 201)
            private = json.dumps({"keys": [*self.set["keys"], {**added.jwk(), "kid": "p", "d": "AAAA"}]})
            secret = json.dumps({"keys": [*self.set["keys"], added.jwk(), {"kty": "oct", "kid": "s", "k": "AAAA"}]})
            for broken in ('{"keys": []}', "{", private, secret):
                told = self.server.log().count("the old keys go on")
                self.jwks.write_text(broken)
                self.server.signal(1)
                harness.until("the refusal is told", lambda: self.server.log().count("the old keys go on") > told)
                self.assertEqual(self.sign_in(added.token(claims())).status, 201)
        finally:
            self.jwks.write_text(json.dumps(self.set))
            self.server.signal(1)
            harness.until("the old keys count", lambda: self.sign_in(added.token(claims())).status == 401)


class TestProxyHeader(unittest.TestCase):
    """A proxy that puts its token into Authorization of every request, and an e-mail address for a name."""

    def test_the_session_counts_beside_it_and_an_unverified_address_names_nobody(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-idp-"))
        key = Key(folder, None, "EdDSA")
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [key.jwk()]}))
        server = harness.Server(config={"sign_in": {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": str(jwks), "claim": "email",
                                                    "algorithms": ["EdDSA"]}}).start()
        self.addCleanup(server.destroy)
        server.approver("alice@example.com")
        proxied = {"Authorization": f"Bearer {key.token(claims(email='alice@example.com', email_verified=True))}"}
        begun = server.anonymous().post("/v1/session", {}, headers=proxied)
        self.assertEqual((begun.status, begun.body["identity"]["id"]), (201, "alice@example.com"), begun)
        cookie = begun.headers["set-cookie"].split(";")[0]
        self.assertEqual(server.anonymous().get("/v1/session", headers={**proxied, "Cookie": cookie}).status, 200)
        self.assertEqual(server.anonymous().get("/v1/session", headers=proxied).status, 401)
        said = {"Authorization": f"Bearer {key.token(claims(email='alice@example.com', email_verified=False))}"}
        answer = server.anonymous().post("/v1/session", {}, headers=said)
        self.assertEqual(answer.status, 401)
        self.assertIn("isn't verified", answer.body["detail"])


class TestFetched(unittest.TestCase):
    """Keys that are fetched: by https only, again when a token names another, and the old ones go on."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gk-idp-"))
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost")
        self.first, self.second = Key(self.folder, "first", "ES256"), Key(self.folder, "second", "ES256")
        outer = self
        self.answer, self.asked = (200, json.dumps({"keys": [self.first.jwk()]})), 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                status, text = outer.answer
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", text)
                    text = ""
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args):
                pass

        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.web.socket = context.wrap_socket(self.web.socket, server_side=True)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        self.addCleanup(self.web.server_close)
        self.addCleanup(self.web.shutdown)
        self.server = harness.Server(config={"sign_in": {
            "issuer": ISSUER, "audience": AUDIENCE, "header": "X-Id-Token", "ca_file": str(cert), "refresh": "1s",
            "jwks_url": f"https://localhost:{self.web.server_address[1]}/jwks"}}).start()
        self.addCleanup(self.server.destroy)
        self.server.approver("alice")

    def status(self, key: Key) -> int:
        return self.server.anonymous().post("/v1/session", {}, headers={"X-Id-Token": key.token(claims())}).status

    def test_fetched_keys_count_are_renewed_and_outlive_a_provider_that_fails(self):
        harness.until("the first key counts", lambda: self.status(self.first) == 201)
        self.assertEqual(self.status(self.second), 401)
        self.answer = (200, json.dumps({"keys": [self.second.jwk()]}))
        harness.until("the second key counts", lambda: self.status(self.second) == 201)
        self.assertEqual(self.status(self.first), 401)
        for broken in ((500, "down"), (302, "https://localhost:1/jwks"), (200, "{"), (200, "x" * 300000)):
            asked, self.answer = self.asked, broken
            harness.until("it was asked", lambda: self.asked > asked + 1)
            self.assertEqual(self.status(self.second), 201)
        self.assertIn("the old keys go on", self.server.log())


class TestConfig(unittest.TestCase):
    def test_half_of_the_settings_is_refused_with_their_place(self):
        for sign_in, why in (({"issuer": ISSUER}, "needs sign_in.audience"), ({"audience": AUDIENCE}, "needs sign_in.issuer"),
                             ({"issuer": ISSUER, "audience": AUDIENCE}, "one of"),
                             ({"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "http://idp/x"}, "expected https"),
                             ({"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": "none.json"}, "none.json"),
                             ({"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": "none.json", "algorithms": ["HS256"]}, "unknown algorithm")):
            with self.subTest(sign_in=sign_in):
                server = harness.Server(config={"sign_in": sign_in})
                self.addCleanup(server.destroy)
                server.start(ready=False)
                self.assertIn(server.wait(), (78, 74))
                self.assertIn(why, server.log())


del Provider  # not a test itself

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    harness.main()
