#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent and an MLflow behind TLS: whom it trusts, and what it says of others."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

from test_sync_agent import PATIENCE, AgentCase, pt


class TlsProxy:
    """Ends TLS in front of a server, with one certificate."""

    def __init__(self, upstream, context):
        self.upstream = upstream
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(connection,), daemon=True).start()

    def forward(self, connection):
        with connection, connection.dup() as outside:
            connection.settimeout(PATIENCE)
            outside.settimeout(PATIENCE)
            try:
                inside = self.context.wrap_socket(connection, server_side=True)
            except OSError:
                self.part(outside)
                return
            with inside, socket.create_connection(self.upstream, PATIENCE) as server:
                back = threading.Thread(target=self.copy, args=(server, inside), daemon=True)
                back.start()
                self.copy(inside, server)
                back.join()

    @staticmethod
    def part(connection):
        """Lets the peer read why: what it sends now would reset the connection, once that is closed."""
        try:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass

    @staticmethod
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class TlsCase(AgentCase):
    """A device, a registry behind TLS, and an authority of one's own."""

    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.openssl("req", "-x509", *self.KEY, "ca.key", "-subj", "/CN=Fleet CA", "-days", "2",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-out", "ca.crt")

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.site, check=True, capture_output=True,
                       timeout=PATIENCE)

    def certificate(self, name, alternative, *times, usage="serverAuth"):
        """NAME.crt and NAME.key, signed by the authority, for a name or an address."""
        (self.site / f"{name}.ext").write_text(f"subjectAltName={alternative}\n"
                                               f"extendedKeyUsage={usage}\n")
        (self.site / "ca.cnf").write_text(
            "[ca]\ndefault_ca=own\n[own]\ndir=.\nnew_certs_dir=.\ndatabase=index\n"
            "rand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\n"
            "[any]\ncommonName=supplied\n")
        (self.site / "index").touch()
        self.openssl("req", "-new", *self.KEY, f"{name}.key", "-subj", f"/CN={name}",
                     "-out", f"{name}.csr")
        self.openssl("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key",
                     "-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", f"{name}.ext",
                     "-notext", *(times or ("-days", "2")))

    def serve(self, name, clients=False):
        """MLflow with a certificate; with `clients`, for those alone who bring one, too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.site / f"{name}.crt", self.site / f"{name}.key")
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.site / "ca.crt")
        self.proxy = TlsProxy(self.registry.server.server_address, context)
        self.addCleanup(self.proxy.stop)
        self.configure(mlflow_uri=f"https://127.0.0.1:{self.proxy.port}")

    def cycle(self, code=0, more=None, **environment):
        """What a cycle says with MLflow's variables: MLFLOW_TRACKING_..."""
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("MLFLOW_", "SSL_CERT", "CURL_CA"))}
        done = subprocess.run(self.command("--once"), cwd=self.site, text=True,
                              capture_output=True, timeout=PATIENCE, check=False,
                              env={**clean, **(more or {}), **{f"MLFLOW_TRACKING_{name}": str(value)
                                               for name, value in environment.items()}})
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def assert_refused(self, *words, **environment):
        said = self.cycle(code=1, **environment)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.registry.asked, [])
        self.assertFalse((self.models / "plates.pt").exists())


class TrustTest(TlsCase):
    def test_an_authority_of_ones_own(self):
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        self.assert_refused("error: plates.pt", "unable to get local issuer certificate",
                            "no CA that is trusted here has signed it",
                            "let MLFLOW_TRACKING_SERVER_CERT_PATH name a file")
        self.cycle(SERVER_CERT_PATH=self.site / "ca.crt")
        self.assert_file(pt("one"))

    def test_a_directory_of_authorities(self):
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        (self.site / "trusted").mkdir()
        self.assert_refused("MLFLOW_TRACKING_SERVER_CERT_PATH", SERVER_CERT_PATH=self.site / "trusted")
        (self.site / "ca.crt").rename(self.site / "trusted/ca.crt")
        self.openssl("rehash", "trusted")
        self.cycle(SERVER_CERT_PATH=self.site / "trusted")
        self.assert_file(pt("one"))

    def test_the_variable_that_others_have_too(self):
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        self.cycle(more={"SSL_CERT_FILE": self.site / "ca.crt"})
        self.assert_file(pt("one"))

    def test_another_authority(self):
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        self.openssl("req", "-x509", *self.KEY, "other.key", "-subj", "/CN=Other CA", "-days", "2",
                     "-out", "other.crt")
        self.assert_refused("certificate", SERVER_CERT_PATH=self.site / "other.crt")

    def test_an_authority_that_is_not_there(self):
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        self.assert_refused("nowhere.crt", "let MLFLOW_TRACKING_SERVER_CERT_PATH name a file in PEM",
                            SERVER_CERT_PATH=self.site / "nowhere.crt")

    def test_the_name_of_another_host(self):
        self.certificate("mlflow", "DNS:mlflow.example.org,IP:192.0.2.1")
        self.serve("mlflow")
        self.assert_refused("host name '127.0.0.1'", "a name that its certificate has",
                            SERVER_CERT_PATH=self.site / "ca.crt")

    def test_one_that_is_over(self):
        self.certificate("mlflow", "IP:127.0.0.1", "-startdate", "20200101000000Z",
                         "-enddate", "20200201000000Z")
        self.serve("mlflow")
        self.assert_refused("expired", "the server needs a new one", "clock is wrong: it is 20",
                            SERVER_CERT_PATH=self.site / "ca.crt")

    def test_one_that_has_not_begun(self):
        self.certificate("mlflow", "IP:127.0.0.1", "-startdate", "20900101000000Z",
                         "-enddate", "20910101000000Z")
        self.serve("mlflow")
        self.assert_refused("not yet valid", "clock is wrong: it is 20",
                            SERVER_CERT_PATH=self.site / "ca.crt")

    def test_one_that_is_for_clients(self):
        self.certificate("mlflow", "IP:127.0.0.1", usage="clientAuth")
        self.serve("mlflow")
        self.assert_refused("one that is for servers", SERVER_CERT_PATH=self.site / "ca.crt")

    def test_whoever_it_is_where_that_is_wanted(self):
        self.certificate("mlflow", "DNS:mlflow.example.org")
        self.serve("mlflow")
        self.cycle(INSECURE_TLS="true")
        self.assert_file(pt("one"))

    def test_no_tls_at_all_where_it_is_wanted(self):
        address, port = self.registry.server.server_address
        self.configure(mlflow_uri=f"https://{address}:{port}")
        self.assert_refused("plates.pt", "is it one of http://?")

    def test_a_renewed_certificate_is_the_next_cycle(self):
        self.certificate("over", "IP:127.0.0.1", "-startdate", "20200101000000Z",
                         "-enddate", "20200201000000Z")
        self.serve("over")
        self.assert_refused("expired", SERVER_CERT_PATH=self.site / "ca.crt")
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow")
        self.cycle(SERVER_CERT_PATH=self.site / "ca.crt")
        self.assert_file(pt("one"))


class ClientTest(TlsCase):
    """An MLflow that wants to know who asks."""

    def setUp(self):
        super().setUp()
        self.certificate("mlflow", "IP:127.0.0.1")
        self.serve("mlflow", clients=True)

    def test_a_device_with_a_certificate(self):
        self.certificate("jetson", "DNS:jetson", usage="clientAuth")
        both = self.site / "jetson.pem"
        both.write_text((self.site / "jetson.key").read_text() +
                        (self.site / "jetson.crt").read_text())
        both.chmod(0o600)
        self.cycle(SERVER_CERT_PATH=self.site / "ca.crt", CLIENT_CERT_PATH=both)
        self.assert_file(pt("one"))

    def test_a_device_without_one(self):
        self.assert_refused("error: plates.pt", "let MLFLOW_TRACKING_CLIENT_CERT_PATH name a file",
                            SERVER_CERT_PATH=self.site / "ca.crt")

    def test_a_device_that_the_server_does_not_know(self):
        self.openssl("req", "-x509", *self.KEY, "stranger.key", "-subj", "/CN=jetson", "-days", "2",
                     "-out", "stranger.crt")
        both = self.site / "stranger.pem"
        both.write_text((self.site / "stranger.key").read_text() +
                        (self.site / "stranger.crt").read_text())
        self.assert_refused("does not take this client's certificate",
                            "let MLFLOW_TRACKING_CLIENT_CERT_PATH name one that it takes",
                            SERVER_CERT_PATH=self.site / "ca.crt", CLIENT_CERT_PATH=both)

    def test_a_certificate_that_is_not_there(self):
        self.assert_refused("the certificate of this client cannot be used",
                            "MLFLOW_TRACKING_CLIENT_CERT_PATH",
                            SERVER_CERT_PATH=self.site / "ca.crt",
                            CLIENT_CERT_PATH=self.site / "nowhere.pem")

    def test_a_server_of_the_former_protocol(self):
        self.proxy.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assert_refused("let MLFLOW_TRACKING_CLIENT_CERT_PATH name a file",
                            SERVER_CERT_PATH=self.site / "ca.crt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
