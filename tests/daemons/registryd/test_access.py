#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may do what with model-registryd: keys, tokens, the audit log, TLS."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import time
import unittest

from registry_case import MODELS, RegistryCase

SECRET = "a secret of at least 32 bytes, for tests"
VECTORS = pathlib.Path(__file__).parents[2] / "crypto" / "jwt"


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(secret=SECRET, header=None, **claims):
    claims = {"exp": time.time() + 600, **claims}
    text = ".".join(encode(json.dumps(part).encode())
                    for part in ({"alg": "HS256", **(header or {})}, claims))
    return f"{text}.{encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


class AccessCase(RegistryCase):
    def setUp(self):
        super().setUp()
        self.keys = [{"name": f"the {role}", "sha256": digest(f"{role}-key"), "role": role}
                     for role in ("read", "write", "admin")]
        self.audit_path = self.site / "audit" / "audit.log"
        self.settings["access"] = {"keys": self.keys}
        self.settings["audit"] = {"file": str(self.audit_path)}

    def audit(self):
        return [json.loads(line) for line in self.audit_path.read_text().splitlines()]

    def use_secret(self, **more):
        path = self.site / "secret"
        path.write_text(SECRET + "\n")
        path.chmod(0o600)
        self.settings["access"]["jwt"] = {"secret_file": str(path), **more}

    def bearer(self, what):
        return self.client(Authorization=f"Bearer {what}")

    def roles(self, ask):
        """The statuses of reading, registering and deleting."""
        body = {"model_name": "a", "version": 10 ** 6, "path": "p"}
        return [ask("GET", MODELS).status, ask("POST", MODELS, body).status,
                ask("DELETE", f"{MODELS}/a/{10 ** 6}").status]


REFUSED, READ, WRITE, ADMIN = [401, 401, 401], [200, 403, 403], [200, 201, 403], [200, 201, 204]


class KeyTest(AccessCase):
    def test_roles_of_keys(self):
        anonymous = self.start()
        self.assertEqual(self.roles(anonymous), REFUSED)
        self.assertEqual(self.roles(self.client(X_API_Key="no-key")), REFUSED)
        self.assertEqual(self.roles(self.client(X_API_Key="read-key")), READ)
        self.assertEqual(self.roles(self.bearer("read-key")), READ)
        self.assertEqual(self.roles(self.client(X_API_Key="admin-key")), ADMIN)
        self.assertEqual(self.roles(self.client(X_API_Key="write-key")), WRITE)

    def test_who_asks_is_told_what_is_missing(self):
        anonymous = self.start()
        answer = anonymous("GET", MODELS)
        self.assert_problem(answer, 401, "X-API-Key", "the role read")
        self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        self.assert_problem(self.client(X_API_Key="read-key")("POST", MODELS, {}), 403,
                            "this needs the role write; yours is read")

    def test_health_is_for_everybody(self):
        anonymous = self.start()
        for path in ("/health", "/ready", "/metrics", "/openapi.json"):
            self.assertEqual(anonymous("GET", path).status, 200, path)

    def test_a_file_has_keys_that_are_read_again(self):
        path = self.site / "keys.yaml"
        path.write_text(json.dumps({"keys": [self.keys[0]]}))
        path.chmod(0o600)
        self.settings["access"] = {"keys_file": str(path)}
        self.start()
        self.assertEqual(self.roles(self.client(X_API_Key="read-key")), READ)
        self.assertEqual(self.roles(self.client(X_API_Key="admin-key")), REFUSED)
        path.write_text(json.dumps({"keys": [self.keys[2]]}))
        self.daemon.send_signal(signal.SIGHUP)
        self.await_log("were read again")
        self.assertEqual(self.roles(self.client(X_API_Key="read-key")), REFUSED)
        self.assertEqual(self.roles(self.client(X_API_Key="admin-key")), ADMIN)
        path.write_text("keys: [{name: x}]")
        self.daemon.send_signal(signal.SIGHUP)
        self.await_log("is refused, and the former stays")
        self.assertEqual(self.roles(self.client(X_API_Key="admin-key")), ADMIN)

    def test_keys_do_not_go_while_it_runs(self):
        self.start()
        self.settings["access"] = {}
        self.write_settings()
        self.daemon.send_signal(signal.SIGHUP)
        self.await_log("without any key everybody could change the registry")
        self.assertEqual(self.roles(self.client()), REFUSED)

    def test_a_file_that_others_read_is_refused(self):
        path = self.site / "keys.yaml"
        path.write_text(json.dumps({"keys": self.keys}))
        path.chmod(0o644)
        self.settings["access"] = {"keys_file": str(path)}
        code, _, errors = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("keys.yaml: its mode 0644 lets others read or change it: chmod 0600", errors)

    def test_keys_are_checked(self):
        self.settings["access"]["keys"] = [{"name": "a", "sha256": "xyz"},
                                           {"name": "b", "sha256": digest("b"), "role": "root"}]
        code, _, errors = self.run_to_end("--check-config")
        self.assertEqual(code, 2)
        self.assertIn("expected the 64 hex digits of the key's SHA-256", errors)
        self.assertIn('found "root", expected read, write or admin', errors)

    def test_a_secret_is_nowhere(self):
        self.use_secret()
        self.start()
        self.roles(self.client(X_API_Key="admin-key"))
        self.roles(self.bearer(token()))
        self.assertEqual(self.stop(), 0)
        command = " ".join(self.daemon.args)
        for text in (self.log(), self.audit_path.read_text(), command):
            for secret in ("admin-key", SECRET, "eyJ"):
                self.assertNotIn(secret, text)


class LocalTest(AccessCase):
    """Without keys."""

    def setUp(self):
        super().setUp()
        del self.settings["access"]

    def test_everything_is_allowed_here(self):
        self.assertEqual(self.roles(self.start()), ADMIN)
        self.assertEqual({line["who"] for line in self.audit()}, {"local"})

    def test_it_does_not_listen_elsewhere(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            code, _, errors = self.run_to_end("--listen", address)
            self.assertEqual(code, 1)
            self.assertIn("configure access.keys or access.jwt first", errors)

    def test_web_pages_of_others_are_kept_out(self):
        ask = self.start()
        for headers in ({"Host": "registry.example"}, {"Origin": "https://registry.example"},
                        {"Host": "localhost.example:80"}, {"Origin": "null"}):
            self.assert_problem(ask("GET", MODELS, **headers), 403, "is not localhost")
        for headers in ({"Host": "localhost:1"}, {"Origin": "http://127.0.0.1:99"}, {"Host": "[::1]"}):
            self.assertEqual(ask("GET", MODELS, **headers).status, 200, headers)


class TokenTest(AccessCase):
    def test_roles_of_tokens(self):
        self.use_secret()
        self.start()
        for claim, expected in ((None, READ), ([], READ), (["other"], READ), ("read", READ),
                                (["read", "admin"], ADMIN), ("admin", ADMIN), (5, READ),
                                (["write", 1], WRITE)):
            self.assertEqual(self.roles(self.bearer(token(roles=claim))), expected, claim)
            self.client(X_API_Key="admin-key")("DELETE", f"{MODELS}/a/{10 ** 6}")

    def test_a_claim_of_another_name(self):
        self.use_secret(roles_claim="groups")
        self.start()
        self.assertEqual(self.roles(self.bearer(token(roles=["admin"]))), READ)
        self.assertEqual(self.roles(self.bearer(token(groups=["admin"]))), ADMIN)

    def test_tokens_are_checked(self):
        self.use_secret(issuer="us", audience="models")
        self.start()
        good = {"iss": "us", "aud": ["models", "x"]}
        self.assertEqual(self.roles(self.bearer(token(**good))), READ)
        for claims, why in (({**good, "exp": time.time() - 60}, "has expired"),
                            ({**good, "nbf": time.time() + 60}, "is not valid yet"),
                            ({**good, "iss": "them"}, "another issuer"),
                            ({"iss": "us"}, "another audience")):
            answer = self.bearer(token(**claims))("GET", MODELS)
            self.assert_problem(answer, 401, why)
            self.assertIn("invalid_token", answer.headers["WWW-Authenticate"])
        for bad in (token(secret="x" * 40, **good), token(header={"alg": "none"}, **good), "a.b.c"):
            self.assertEqual(self.bearer(bad)("GET", MODELS).status, 401)

    def test_a_secret_that_is_short_is_refused(self):
        self.use_secret()
        pathlib.Path(self.settings["access"]["jwt"]["secret_file"]).write_text("short")
        code, _, errors = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("a secret of HS256 has 32 bytes or more", errors)

    def test_the_audit_log_names_the_subject(self):
        self.use_secret()
        self.start()
        self.register(self.bearer(token(sub="ada", roles="write")))
        self.assertEqual([(line["who"], line["role"]) for line in self.audit()], [("ada", "write")])


class KeySetTest(AccessCase):
    """Public keys; the tokens are those of tests/crypto, which have expired long since or not."""

    def setUp(self):
        super().setUp()
        self.served = {"keys": []}
        self.asked = 0
        case = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                case.asked += 1
                text = json.dumps(case.served).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/keys"
        self.vectors = dict(line.split() for line in
                            (VECTORS / "tokens.txt").read_text().splitlines())
        self.known = json.loads((VECTORS / "keys.json").read_text())

    def ask_with(self, name):
        return self.bearer(self.vectors[name])("GET", MODELS)

    def test_keys_of_a_file(self):
        self.settings["access"]["jwt"] = {"jwks": str(VECTORS / "keys.json")}
        self.start()
        for name in ("rs256", "es256"):
            self.assertEqual(self.ask_with(name).status, 200, name)
        for name in ("rs256-stranger", "public-key-as-secret", "es384", "none"):
            self.assertEqual(self.ask_with(name).status in (401, 503), True, name)

    def test_a_file_without_keys_is_refused(self):
        path = self.site / "keys.json"
        path.write_text("{}")
        self.settings["access"]["jwt"] = {"jwks": str(path)}
        code, _, errors = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("a key set is an object", errors)

    def test_a_key_that_is_not_known_yet_is_asked_for(self):
        self.served = {"keys": [k for k in self.known["keys"] if k.get("kid") == "ec-1"]}
        self.settings["access"]["jwt"] = {"jwks": self.url}
        self.start()
        self.assertEqual(self.ask_with("es256").status, 200)
        self.assertEqual(self.asked, 1)
        self.served = self.known
        first = self.ask_with("rs256")
        self.assert_problem(first, 503, "is being read again")
        self.assertEqual(first.headers["Retry-After"], "2")
        self.await_true(lambda: self.ask_with("rs256").status == 200, "the new key")
        self.assertEqual(self.asked, 2)
        self.assertEqual(self.ask_with("rs256-unknown-kid").status, 401)
        self.assertEqual(self.asked, 2)

    def test_a_set_that_is_not_there_yet_is_no_end(self):
        self.settings["access"]["jwt"] = {"jwks": "http://127.0.0.1:1/keys"}
        self.start()
        self.assertIn("tokens are not taken until their key set can be read", self.log())
        self.assertEqual(self.roles(self.client(X_API_Key="read-key")), READ)


class AuditTest(AccessCase):
    def test_every_change_and_every_attempt_has_a_line(self):
        self.start()
        write, read = self.client(X_API_Key="write-key"), self.client(X_API_Key="read-key")
        self.register(write)
        write("POST", MODELS, {"model_name": "yolo", "version": 1, "path": "p"})
        write("PUT", f"{MODELS}/yolo/1/activate")
        write("POST", MODELS, {})
        read("DELETE", f"{MODELS}/yolo/1")
        self.client(X_API_Key="wrong")("DELETE", f"{MODELS}/yolo/1")
        read("GET", MODELS)
        self.assertEqual(self.stop(), 0)
        lines = self.audit()
        for line in lines:
            self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertEqual(line.pop("from"), "127.0.0.1")
        entry = {"model_name": "yolo", "version": 1}
        writer = {"who": "the write", "role": "write"}
        self.assertEqual(lines, [
            {**writer, "what": f"POST {MODELS}", **entry, "status": 201},
            {**writer, "what": f"POST {MODELS}", **entry, "status": 409},
            {**writer, "what": f"PUT {MODELS}/yolo/1/activate", **entry, "status": 200},
            {**writer, "what": f"POST {MODELS}", "status": 422},
            {"who": "the read", "role": "read", "what": f"DELETE {MODELS}/yolo/1", "status": 403},
            {"who": "unknown", "role": "nobody", "what": f"DELETE {MODELS}/yolo/1", "status": 401}])

    def test_a_line_is_there_before_its_answer(self):
        self.start()
        ask = self.client(X_API_Key="write-key")
        for version in range(1, 20):
            self.register(ask, version=version)
            self.assertEqual(self.audit()[-1]["version"], version)

    def test_it_is_rotated_by_its_size(self):
        self.settings["audit"].update(max_bytes=4096, keep=2)
        self.start()
        ask = self.client(X_API_Key="write-key")
        for version in range(1, 81):
            self.register(ask, version=version)
        files = sorted(self.audit_path.parent.iterdir())
        self.assertEqual([f.name for f in files], ["audit.log", "audit.log.1", "audit.log.2"])
        versions = [json.loads(line)["version"] for name in ("audit.log.2", "audit.log.1", "audit.log")
                    for line in (self.audit_path.parent / name).read_text().splitlines()]
        self.assertEqual(versions, list(range(versions[0], 81)))
        for path in files:
            self.assertLessEqual(path.stat().st_size, 4096)

    def test_a_log_that_cannot_be_written_is_no_start(self):
        (self.site / "audit").write_text("")
        code, _, errors = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("audit", errors)


class TlsTest(AccessCase):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl is not installed")
        self.cert, self.key = self.site / "cert.pem", self.site / "key.pem"
        self.settings["tls"] = {"certificate": str(self.cert), "key": str(self.key)}
        self.context = self.make_certificate()

    def make_certificate(self):
        """Writes a new pair, signed by itself; what trusts it alone."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out", self.cert,
                        "-keyout", self.key], check=True, capture_output=True)
        return ssl.create_default_context(cafile=self.cert)

    def reload(self, *says):
        """SIGHUP; waits until one more line of the log says that."""
        before = [self.log().count(text) for text in says]
        self.daemon.send_signal(signal.SIGHUP)
        self.await_true(lambda: all(self.log().count(text) > n for text, n in zip(says, before)),
                        says)

    def assert_trusted(self, context):
        self.assertEqual(self.client(context)("GET", "/health").status, 200)

    def assert_distrusted(self, context):
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client(context)("GET", "/health")

    def test_the_api_over_tls(self):
        self.settings["listen"] = "127.0.0.1:0"
        self.start()
        ask = self.client(self.context, X_API_Key="write-key")
        self.register(ask, metadata={"long": "x" * 100000})
        self.assertEqual(len(ask("GET", MODELS).json["models"]), 1)

    def test_old_versions_of_tls_are_refused(self):
        self.start()
        self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with self.assertRaises((ssl.SSLError, OSError)):
            self.client(self.context)("GET", "/health")

    def test_a_renewed_certificate_is_taken_without_a_cut(self):
        self.start()
        kept = self.client(self.context)
        self.assertEqual(kept("GET", "/health").status, 200)
        port = kept.connection.sock.getsockname()[1]
        renewed = self.make_certificate()
        self.assert_trusted(self.context)
        self.reload("the certificate were read again")
        self.assert_trusted(renewed)
        self.assert_distrusted(self.context)
        self.assertEqual(kept("GET", "/health").status, 200)
        self.assertEqual(kept.connection.sock.getsockname()[1], port)

    def test_a_broken_certificate_leaves_the_former(self):
        self.start()
        key = self.key.read_text()
        self.make_certificate()
        self.key.write_text(key)
        self.reload("is refused, and the former stays", "is not the key of the certificate")
        self.assert_trusted(self.context)
        self.cert.write_text("nothing")
        self.reload("is refused, and the former stays", "expected a certificate as PEM")
        self.assert_trusted(self.context)
        self.cert.unlink()
        self.reload("is refused, and the former stays")
        self.assert_trusted(self.context)

    def test_tls_does_not_end_while_it_runs(self):
        self.start()
        del self.settings["tls"]
        self.write_settings()
        self.reload("is refused, and the former stays", "by a restart alone")
        self.assert_trusted(self.context)


if __name__ == "__main__":
    unittest.main(verbosity=2)
