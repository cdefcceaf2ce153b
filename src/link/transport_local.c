/* SPDX-License-Identifier: Apache-2.0 */
/* The transport for ansible_connection: local. The login shell is /bin/sh. */
#include "link/process.h"

static int local_connect(struct transport **out, struct transport_target *target,
	deadline until, struct err *err)
{
	struct process_transport *p = xcalloc(1, sizeof(*p));

	(void)target, (void)until, (void)err;
	p->base.ops = &transport_local;
	p->child = (struct spawn_child){.pid = -1, .in = -1, .out = -1, .err = -1};
	*out = &p->base;
	return 0;
}

static int local_start(
	struct transport *t, const char *command, deadline until, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};

	(void)until;
	return process_start((struct process_transport *)t, argv, NULL, err);
}

static int local_lost(struct transport *t, int exit_code, const char *said, struct err *err)
{
	(void)t;
	return err_set(err, ERR_UNREACHABLE,
		"the process on this machine ended (exit code %d)%s%s", exit_code,
		*said ? "; it said: " : "", said);
}

static void local_close(struct transport *t, deadline until)
{
	process_stop(t, until);
	free(t);
}

const struct transport_ops transport_local = {
	.kind = LINK_LOCAL,
	.name = "local",
	.exit_lost = -2,
	.connect = local_connect,
	.start = local_start,
	.read = process_read,
	.read_errors = process_read_errors,
	.write = process_write,
	.has_input = process_has_input,
	.poll = process_poll,
	.end_input = process_end_input,
	.stop = process_stop,
	.lost = local_lost,
	.close = local_close,
};
