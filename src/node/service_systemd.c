/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units of systemd by systemctl, of the system and of a user. systemctl waits for the jobs
 * that it queued; when our deadline comes first it is ended, and its jobs go on.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/service_run.h"
#include "node/service_show.h"

#define HALT_GRACE_SECONDS    2.0 /* for a unit to stop by itself before it is killed */
#define HALT_INTERVAL_SECONDS 0.1
#define AFTERMATH_SECONDS     5.0 /* for what explains a failure, beyond the deadline */

static const char *const verbs[] = {
	[SERVICE_START] = "start",
	[SERVICE_STOP] = "stop",
	[SERVICE_RESTART] = "restart",
	[SERVICE_RELOAD] = "reload",
	[SERVICE_ENABLE] = "enable",
	[SERVICE_DISABLE] = "disable",
	[SERVICE_MASK] = "mask",
	[SERVICE_UNMASK] = "unmask",
};

static bool of_user(const struct service_work *w)
{
	return w->manager == &service_manager_systemd_user;
}

/* A user's manager is found by XDG_RUNTIME_DIR, which sudo and sshd without PAM leave out. */
static int find_user_manager(struct service_work *w, struct service_program *p, struct err *err)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	const char *dir = given ? given : arena_printf(w->arena, "/run/user/%u", getuid());

	if (access(arena_printf(w->arena, "%s/systemd/private", dir), F_OK) < 0)
		return err_set(err, ERR_NOTFOUND,
			"no systemd runs for user %u (there is no %s/systemd): let it linger "
			"(loginctl enable-linger), or log in with a session",
			getuid(), dir);
	if (!given)
		p->env[0] = arena_printf(w->arena, "XDG_RUNTIME_DIR=%s", dir);
	service_program_add(p, "--user");
	return 0;
}

/* Begins a command line: the program, for the right manager. */
static int begin(
	struct service_work *w, struct service_program *p, const char *program, struct err *err)
{
	service_program_add(p, program);
	return of_user(w) ? find_user_manager(w, p, err) : 0;
}

/* systemctl with a verb; it must not ask a terminal for a password. */
static int begin_systemctl(
	struct service_work *w, struct service_program *p, const char *verb, struct err *err)
{
	if (begin(w, p, "systemctl", err) < 0)
		return -1;
	service_program_add(p, "--no-ask-password");
	service_program_add(p, verb);
	return 0;
}

static void add_units(struct service_program *p, const char *const *units, size_t count)
{
	service_program_add(p, "--");
	for (size_t i = 0; i < count; i++)
		service_program_add(p, units[i]);
}

/* What systemctl said, without its advice about where to read more. */
static const char *complaint(struct arena *a, const struct service_program *p)
{
	const char *said = call_program_says(a, &p->ran);
	const char *advice = said ? strstr(said, "\nSee ") : NULL;

	return advice ? arena_strndup(a, said, (size_t)(advice - said)) : said;
}

/* Runs it; an exit status other than 0 is an error with what it said. */
static int run(struct service_work *w, struct service_program *p, deadline until,
	const char *what, struct err *err)
{
	if (service_program_run(w, p, until, err) < 0)
		return err->code == ERR_TIMEOUT
			       ? err_set(err, ERR_TIMEOUT, "%s is not done in time", what)
			       : err_wrap(err, "%s", what);
	if (p->ran.status == 0)
		return 0;
	const char *said = complaint(w->arena, p);
	if (!said)
		return err_set(err, ERR_SYSTEM, "%s failed", what);
	if (strstr(said, "Access denied") || strstr(said, "authentication required"))
		return err_set(err, ERR_DENIED, "%s: %s; is become missing?", what, said);
	return err_set(err, ERR_SYSTEM, "%s: %s", what, said);
}

static int show(
	struct service_work *w, deadline until, struct service_state *states, struct err *err)
{
	AUTO(service_program_release) struct service_program p = {0};

	if (begin_systemctl(w, &p, "show", err) < 0)
		return -1;
	if (!w->all_properties) {
		service_program_add(&p, "--property");
		service_program_add(&p, service_show_properties);
	}
	add_units(&p, w->units, w->count);
	if (run(w, &p, until, "systemctl show", err) < 0)
		return -1;
	return service_show_parse(w->arena, w->units, w->count, p.ran.out.data, p.ran.out.len,
		w->all_properties, states, err);
}

static int query(struct service_work *w, struct service_state *states, struct err *err)
{
	return show(w, deadline_min(w->until, deadline_in(SERVICE_COMMAND_TIME)), states, err);
}

/* True if an action has left a unit as it should be. */
static bool is_done(const struct service_state *s, enum service_action action)
{
	if (action == SERVICE_STOP)
		return !service_is_active(s) && !s->job;
	return action > SERVICE_RELOAD || (service_is_active(s) && !s->job);
}

/* Adds what the manager knows about the units that are not as they should be. */
static int explain(struct service_work *w, enum service_action action, struct err *err)
{
	struct service_state *states = arena_array(w->arena, w->count, sizeof(*states));
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;
	bool all = w->all_properties;

	w->all_properties = false;
	int known = show(w, deadline_in(AFTERMATH_SECONDS), states, NULL);
	w->all_properties = all;
	for (size_t i = 0; known == 0 && i < w->count; i++) {
		if (!is_done(&states[i], action))
			strbuf_addf(&b, "; %s", service_describe(w->arena, &states[i]));
	}
	struct err plain = *err;
	return b.len ? err_set(err, plain.code, "%s%s", plain.text, b.data) : -1;
}

static const char *title(struct arena *a, const char *verb, const char *const *units, size_t n)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	strbuf_addstr(&b, verb);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&b, "%s %s", i ? "," : "", units[i]);
	return arena_strndup(a, b.data, b.len);
}

static int act(struct service_work *w, enum service_action action, const char *const *units,
	size_t count, bool wait, struct err *err)
{
	AUTO(service_program_release) struct service_program p = {0};
	const char *what = title(w->arena, verbs[action], units, count);
	struct service_work part = *w;
	struct err own = {0};

	err = err ? err : &own;
	if (begin_systemctl(w, &p, verbs[action], err) < 0)
		return -1;
	if (!wait && action <= SERVICE_RELOAD)
		service_program_add(&p, "--no-block");
	/* What systemctl would print about a failed job, we ask for by ourselves. */
	service_program_add(&p, "--quiet");
	add_units(&p, units, count);
	if (run(w, &p, w->until, what, err) == 0)
		return 0;
	part.units = units;
	part.count = count;
	return explain(&part, action, err);
}

/* systemctl with a verb for the manager itself. */
static int manage(struct service_work *w, const char *verb, struct err *err)
{
	AUTO(service_program_release) struct service_program p = {0};

	if (begin_systemctl(w, &p, verb, err) < 0)
		return -1;
	return run(w, &p, deadline_min(w->until, deadline_in(SERVICE_COMMAND_TIME)),
		arena_printf(w->arena, "systemctl %s", verb), err);
}

static int daemon_reload(struct service_work *w, struct err *err)
{
	return manage(w, "daemon-reload", err);
}

static int daemon_reexec(struct service_work *w, struct err *err)
{
	return manage(w, "daemon-reexec", err);
}

/* systemctl with words and units; whether it is content does not matter. */
static void tell(struct service_work *w, const char *const *words, const char *const *units,
	size_t count)
{
	AUTO(service_program_release) struct service_program p = {0};

	if (begin_systemctl(w, &p, words[0], NULL) < 0)
		return;
	for (words++; *words; words++)
		service_program_add(&p, *words);
	add_units(&p, units, count);
	service_program_run(
		w, &p, deadline_min(w->until, deadline_in(SERVICE_COMMAND_TIME)), NULL);
}

static void forget(struct service_work *w, const char *const *units, size_t count)
{
	static const char *const words[] = {"reset-failed", NULL};

	tell(w, words, units, count);
}

/* True once a unit is at rest, and nothing is queued that would wake it. */
static bool at_rest(const struct service_state *s)
{
	return !s->job &&
	       (strcmp(s->active, "inactive") == 0 || strcmp(s->active, "failed") == 0);
}

static int halt(struct service_work *w, const char *unit, struct err *err)
{
	static const char *const stop[] = {"stop", "--no-block", NULL};
	static const char *const kill[] = {"kill", "--signal=SIGKILL", NULL};
	deadline grace = deadline_in(HALT_GRACE_SECONDS);
	struct service_work part = *w;
	struct service_state s;

	part.units = &unit;
	part.count = 1;
	/* The stop takes the place of whatever job the unit hangs in. */
	tell(w, stop, &unit, 1);
	for (;;) {
		if (query(&part, &s, err) < 0)
			return -1;
		if (at_rest(&s))
			break;
		if (deadline_passed(w->until))
			return err_set(err, ERR_TIMEOUT,
				"%s cannot be stopped, not by SIGKILL either: %s", unit,
				service_describe(w->arena, &s));
		if (deadline_passed(grace))
			tell(w, kill, &unit, 1);
		if (call_sleep(w->call, deadline_in(HALT_INTERVAL_SECONDS), err) < 0)
			return -1;
	}
	if (strcmp(s.active, "failed") == 0)
		forget(w, &unit, 1);
	return 0;
}

/* journald may not have read yet what a unit wrote last; a user cannot make it. */
static void sync_journal(struct service_work *w)
{
	AUTO(service_program_release) struct service_program p = {0};

	service_program_add(&p, "journalctl");
	service_program_add(&p, "--sync");
	service_program_run(w, &p, deadline_in(AFTERMATH_SECONDS), NULL);
}

static void read_log(struct service_work *w, const struct service_state *s, struct strbuf *out)
{
	AUTO(service_program_release) struct service_program p = {0};

	if (begin(w, &p, "journalctl", NULL) < 0)
		return;
	if (!of_user(w))
		sync_journal(w);
	service_program_add(&p, "--no-pager");
	service_program_add(&p, "--quiet");
	service_program_add(&p, "--output=cat");
	service_program_add(&p, arena_printf(w->arena, "--lines=%d", SERVICE_LOG_LINES));
	service_program_add(&p, "--unit");
	service_program_add(&p, s->id);
	if (w->log_since)
		service_program_add(
			&p, arena_printf(w->arena, "--since=@%lld", (long long)w->log_since));
	if (service_program_run(w, &p, deadline_in(AFTERMATH_SECONDS), NULL) < 0 ||
		p.ran.status != 0)
		return;
	strbuf_rtrim(&p.ran.out);
	size_t from = p.ran.out.len > SERVICE_LOG_MAX ? p.ran.out.len - SERVICE_LOG_MAX : 0;
	strbuf_add(out, p.ran.out.data + from, p.ran.out.len - from);
}

const struct service_manager service_manager_systemd = {
	.name = "systemd",
	.query = query,
	.act = act,
	.daemon_reload = daemon_reload,
	.daemon_reexec = daemon_reexec,
	.halt = halt,
	.forget = forget,
	.log = read_log,
	.keeps_invocations = true,
};

const struct service_manager service_manager_systemd_user = {
	.name = "systemd_user",
	.query = query,
	.act = act,
	.daemon_reload = daemon_reload,
	.daemon_reexec = daemon_reexec,
	.halt = halt,
	.forget = forget,
	.log = read_log,
	.keeps_invocations = true,
};
