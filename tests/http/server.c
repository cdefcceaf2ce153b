/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server.h"

static void start(struct server *s, const char *const *argv)
{
	struct err err = {0};
	char line[64] = "";
	size_t n = 0;

	*s = (struct server){0};
	if (spawn_start(&(struct spawn_options){.argv = argv}, &s->child, &err) < 0)
		fail_msg("%s", err.text);
	while (n + 1 < sizeof(line) && read(s->child.out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	if (sscanf(line, "%u", &s->port) != 1)
		fail_msg("the server does not start");
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", s->port);
}

void server_start(struct server *s, const char *cert, const char *key)
{
	const char *const argv[] = {
		"/usr/bin/python3", SERVER, cert ? "--tls" : NULL, cert, key, NULL};

	start(s, argv);
	s->tls = cert != NULL;
	if (cert)
		snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", s->port);
}

void server_start_unix(struct server *s, const char *path)
{
	const char *const argv[] = {"/usr/bin/python3", SERVER, "--unix", path, NULL};

	start(s, argv);
	snprintf(s->url, sizeof(s->url), "http://localhost");
}

void server_stop(struct server *s)
{
	spawn_stop(&s->child, deadline_in(5));
}

const char *server_url(const struct server *s, const char *path)
{
	static char urls[4][1024];
	static unsigned next;
	char *url = urls[next++ % ARRAY_SIZE(urls)];

	snprintf(url, sizeof(urls[0]), "%s%s", s->url, path);
	return url;
}

void server_make_certificate(const char *dir, char cert[256], char key[256])
{
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	struct err err = {0};

	snprintf(cert, 256, "%s/cert.pem", dir);
	snprintf(key, 256, "%s/key.pem", dir);
	const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
		"/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
		"-keyout", key, "-out", cert, NULL};
	if (spawn_run(&(struct spawn_options){.argv = argv, .until = deadline_in(30)}, &result,
		    &err) < 0 ||
		spawn_exit_code(result.status) != 0)
		fail_msg("openssl: %s %s", err.text, result.err.data);
	spawn_result_release(&result);
}
