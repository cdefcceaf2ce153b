/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the pipeline is well: its unit, a port, a URL, a command; all that is configured. */
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "daemons/sync_agent/pilot.h"
#include "http/client.h"

#define PAUSE       0.5 /* seconds between two looks */
#define CHECK_LIMIT 10.0

struct look {
	const struct agent_health *health;
	const struct cancel *cancel;
	deadline until;     /* of this look */
	struct strbuf unit; /* what systemd said of the unit when it was first well */
};

/* What systemd says of the unit: how often it was started again, and whether it is active. */
static int ask_unit(struct look *l, struct strbuf *said, struct err *err)
{
	const char *const argv[] = {"systemctl", "show",
		"--property=ActiveState,SubState,NRestarts,MainPID", "--", l->health->unit,
		NULL};
	const struct spawn_options o = {.argv = argv, .until = l->until, .cancel = l->cancel};
	AUTO(spawn_result_release)
	struct spawn_result r = {.out = STRBUF_INIT, .err = STRBUF_INIT};

	if (spawn_run(&o, &r, err) < 0)
		return -1;
	strbuf_add(said, r.out.data, r.out.len);
	if (strstr(r.out.data, "ActiveState=active\n"))
		return 0;
	return err_set(err, ERR_SYSTEM, "the unit %s is not active", l->health->unit);
}

static int check_unit(struct look *l, struct err *err)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	if (!l->health->unit)
		return 0;
	if (ask_unit(l, &said, err) < 0)
		return -1;
	if (l->unit.len && strcmp(l->unit.data, said.data) != 0)
		return err_set(
			err, ERR_SYSTEM, "the unit %s was started again", l->health->unit);
	if (!l->unit.len)
		strbuf_add(&l->unit, said.data, said.len);
	return 0;
}

static int try_address(struct look *l, const struct addrinfo *a, struct err *err)
{
	autofd int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return err_sys(err, "socket");
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	if (wait_fds(&ready, 1, l->until, l->cancel, err) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
		return 0;
	return err_set(err, ERR_UNREACHABLE, "nobody listens");
}

static int check_port(struct look *l, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int rc = -1;

	if (!l->health->port)
		return 0;
	autofree char *port = xasprintf("%d", (int)l->health->port);
	if (getaddrinfo(l->health->host, port, &hints, &found) != 0)
		return err_set(
			err, ERR_INPUT, "health.host: \"%s\" has no address", l->health->host);
	for (const struct addrinfo *a = found; a && rc < 0; a = a->ai_next)
		rc = try_address(l, a, err);
	freeaddrinfo(found);
	return rc < 0 ? err_wrap(err, "port %s of %s", port, l->health->host) : 0;
}

static int check_url(struct look *l, struct err *err)
{
	if (!l->health->url)
		return 0;
	struct http_client *client =
		http_client_new(&(struct http_options){.cancel = l->cancel});
	AUTO(http_response_release) struct http_response r = {0};
	const struct http_request q = {.url = l->health->url, .until = l->until};
	int rc = http_perform(client, &q, &r, err);
	http_client_free(client);
	if (rc < 0)
		return -1;
	if (r.status >= 200 && r.status < 400)
		return 0;
	return err_set(err, ERR_PROTOCOL, "%s says %d", l->health->url, r.status);
}

static int check_command(struct look *l, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", l->health->command, NULL};
	const struct spawn_options o = {.argv = argv, .until = l->until, .cancel = l->cancel};
	AUTO(spawn_result_release)
	struct spawn_result r = {.out = STRBUF_INIT, .err = STRBUF_INIT};

	if (!l->health->command)
		return 0;
	if (spawn_run(&o, &r, err) < 0)
		return -1;
	int code = spawn_exit_code(r.status);
	return code == 0 ? 0
			 : err_set(err, ERR_SYSTEM, "\"%s\" ended with %d", l->health->command,
				   code);
}

/* One look at everything. */
static int look(struct look *l, struct err *err)
{
	static int (*const checks[])(struct look * l, struct err * err) = {
		check_unit, check_port, check_url, check_command};

	l->until = deadline_in(CHECK_LIMIT);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i](l, err) < 0)
			return -1;
	return 0;
}

static bool is_watched(const struct agent_health *h)
{
	return h->unit || h->port || h->url || h->command;
}

/* Looks until all is well; the last error when time is over. */
static int await_health(struct look *l, deadline until, struct err *err)
{
	while (look(l, err) < 0) {
		if (cancel_level(l->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (deadline_passed(until))
			return -1;
		strbuf_clear(&l->unit);
		if (wait_until(deadline_in(PAUSE), l->cancel, err) < 0)
			return -1;
	}
	return 0;
}

int pilot_is_well(const struct agent_update *u, const struct cancel *cancel, struct err *err)
{
	struct look l = {.health = &u->health, .cancel = cancel, .unit = STRBUF_INIT};
	int rc = 0;

	if (!is_watched(&u->health))
		return 0;
	rc = await_health(&l, deadline_in(u->health.timeout), err);
	deadline stable = deadline_in(u->health.stable);
	while (rc == 0 && !deadline_passed(stable)) {
		rc = wait_until(deadline_min(stable, deadline_in(PAUSE)), cancel, err);
		if (rc == 0)
			rc = look(&l, err);
	}
	strbuf_release(&l.unit);
	return rc;
}
