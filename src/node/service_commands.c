/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that the operator's own commands start, stop and ask: lines for /bin/sh. What
 * such a command starts in the background may keep its output open for ever, so the output
 * goes to a file, and the command is done when its shell is.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/service_run.h"

#define OUTPUT_MAX 65536

/* A line, with its output in a file whose path is $0. */
static const char wrapper[] = "exec >\"$0\" 2>&1 </dev/null\neval \"$1\"";

static int run_line(struct service_work *w, const char *line, int *status, const char **said,
	deadline until, struct err *err)
{
	AUTO(service_program_release) struct service_program p = {0};
	char path[] = "/tmp/modelfleet-command-XXXXXX";
	autofd int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "make a file for the output of %s", line);
	service_program_add(&p, "/bin/sh");
	service_program_add(&p, "-c");
	service_program_add(&p, wrapper);
	service_program_add(&p, path);
	service_program_add(&p, line);
	int result = service_program_run(w, &p, until, err);
	strbuf_clear(&p.ran.out);
	file_read(path, OUTPUT_MAX, &p.ran.out, NULL);
	unlink(path);
	*status = p.ran.status;
	*said = call_program_says(w->arena, &p.ran);
	return result < 0 ? err_wrap(err, "%s", line) : 0;
}

static int query(struct service_work *w, struct service_state *states, struct err *err)
{
	int status = 0;
	const char *said = "";

	if (w->count != 1)
		return err_set(err, ERR_INPUT,
			"the manager commands has one service a task; %zu are named", w->count);
	service_state_init(&states[0], w->units[0], "loaded");
	if (!w->commands.status)
		return 0;
	deadline until = deadline_min(w->until, deadline_in(SERVICE_COMMAND_TIME));
	if (run_line(w, w->commands.status, &status, &said, until, err) < 0)
		return -1;
	states[0].active = status == 0 ? "active" : "inactive";
	states[0].sub = status == 0 ? "running" : "dead";
	states[0].exit_status = status;
	return 0;
}

static int must_run(struct service_work *w, const char *line, struct err *err)
{
	int status = 0;
	const char *said = "";

	if (run_line(w, line, &status, &said, w->until, err) < 0)
		return -1;
	if (status == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "%s ended with %d%s%s", line, status, said ? ": " : "",
		said ? said : "");
}

static int act(struct service_work *w, enum service_action action, const char *const *units,
	size_t count, bool wait, struct err *err)
{
	const char *const lines[] = {
		[SERVICE_START] = w->commands.start,
		[SERVICE_STOP] = w->commands.stop,
		[SERVICE_RESTART] = w->commands.restart,
		[SERVICE_RELOAD] = w->commands.reload,
	};
	static const char *const names[] = {[SERVICE_START] = "start",
		[SERVICE_STOP] = "stop",
		[SERVICE_RESTART] = "restart",
		[SERVICE_RELOAD] = "reload"};

	(void)count;
	(void)wait;
	if (action >= ARRAY_SIZE(lines))
		return err_set(err, ERR_UNSUPPORTED,
			"the manager commands cannot enable, disable or mask %s", units[0]);
	if (lines[action])
		return must_run(w, lines[action], err);
	if (action != SERVICE_RESTART || !w->commands.start || !w->commands.stop)
		return err_set(err, ERR_INPUT, "no command is given to %s %s", names[action],
			units[0]);
	if (must_run(w, w->commands.stop, err) < 0)
		return -1;
	return must_run(w, w->commands.start, err);
}

/* A stop is all that can be done; one that fails may mean that nothing runs. */
static int halt(struct service_work *w, const char *unit, struct err *err)
{
	int status = 0;
	const char *said = "";

	if (!w->commands.stop)
		return err_set(err, ERR_INPUT, "no command is given to stop %s", unit);
	return run_line(w, w->commands.stop, &status, &said, w->until, err);
}

static void no_log(struct service_work *w, const struct service_state *s, struct strbuf *out)
{
	(void)w;
	(void)s;
	(void)out;
}

const struct service_manager service_manager_commands = {
	.name = "commands", .query = query, .act = act, .halt = halt, .log = no_log};
