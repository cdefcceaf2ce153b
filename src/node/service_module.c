/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules `service` and `watch`. A service is worked in this order: the manager is told to
 * read its files again, units are looked at, all that will be done is recorded in the
 * transaction, then masks, then what starts at boot, then what runs; units that need the same
 * action get it from one command.
 */
#include <string.h>
#include <unistd.h>

#include "node/service_result.h"
#include "node/users.h"

#define LINGER_DIRECTORY "/var/lib/systemd/linger"

const struct node_arg service_args[] = {
	{"manager", ARG_TEXT},
	{"units", ARG_LIST},
	{"state", ARG_TEXT},
	{"enabled", ARG_BOOL},
	{"masked", ARG_BOOL},
	{"daemon_reload", ARG_BOOL},
	{"daemon_reexec", ARG_BOOL},
	{"no_block", ARG_BOOL},
	{"commands", ARG_DICT},
	{"status", ARG_BOOL},
	{"timeout", ARG_INT},
	{0},
};

const struct node_arg watch_args[] = {
	{"manager", ARG_TEXT},
	{"units", ARG_LIST | ARG_REQUIRED},
	{"seconds", ARG_NUMBER | ARG_REQUIRED},
	{"commands", ARG_DICT},
	{"timeout", ARG_INT},
	{0},
};

/* A state that is asked for, and what it takes for a unit that runs or does not. */
#define NOTHING (-1)
static const struct wanted {
	const char *state;
	int when_active, when_not;
} wanted_states[] = {
	{"started", NOTHING, SERVICE_START},
	{"stopped", SERVICE_STOP, NOTHING},
	{"restarted", SERVICE_RESTART, SERVICE_START},
	{"reloaded", SERVICE_RELOAD, SERVICE_START},
};

struct service_task {
	struct service_work work;
	struct node_call *call;
	const struct wanted *state; /* NULL: not asked for */
	int enabled, masked;        /* 1, 0, or -1: not asked for */
	bool no_block;
	struct service_state *before;
	struct service_state *after;
	bool *changed;
	bool any_changed;
};

static int find_state(struct service_task *t, const char *name, struct err *err)
{
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(wanted_states); i++) {
		if (strcmp(wanted_states[i].state, name) == 0) {
			t->state = &wanted_states[i];
			return 0;
		}
	}
	return err_set(err, ERR_INPUT,
		"no state %s of a service: started, stopped, restarted, reloaded", name);
}

/* 1, 0, or -1 for an argument that is not given. */
static int tristate(const struct item *args, const char *key)
{
	const struct item *i = item_get(args, key);

	return !i || i->type == ITEM_NULL ? -1 : i->type == ITEM_TRUE;
}

static int task_init(struct service_task *t, struct node_call *c, struct err *err)
{
	*t = (struct service_task){.call = c,
		.enabled = tristate(c->args, "enabled"),
		.masked = tristate(c->args, "masked"),
		.no_block = item_bool(c->args, "no_block", false)};
	if (service_work_init(&t->work, c, err) < 0 ||
		find_state(t, call_text_or_null(c, "state"), err) < 0)
		return -1;
	t->work.all_properties = item_bool(c->args, "status", false);
	t->before = arena_array(c->arena, t->work.count, sizeof(*t->before));
	t->after = arena_array(c->arena, t->work.count, sizeof(*t->after));
	t->changed = arena_array(c->arena, t->work.count, sizeof(bool));
	return 0;
}

static int tell_manager(struct service_task *t, struct err *err)
{
	const struct service_manager *m = t->work.manager;
	bool reload = item_bool(t->call->args, "daemon_reload", false);
	bool reexec = item_bool(t->call->args, "daemon_reexec", false);

	if (t->call->check)
		return 0;
	if ((reload && !m->daemon_reload) || (reexec && !m->daemon_reexec))
		return err_set(err, ERR_UNSUPPORTED,
			"the manager %s has no files to read again", m->name);
	if (reload && m->daemon_reload(&t->work, err) < 0)
		return -1;
	return reexec ? m->daemon_reexec(&t->work, err) : 0;
}

static bool is(const char *text, const char *what)
{
	return strcmp(text, what) == 0;
}

/* A unit has to be there for whatever is more than a mask. */
static int check_unit(
	const struct service_task *t, const struct service_state *s, struct err *err)
{
	if (t->enabled < 0 && !t->state)
		return 0;
	if (is(s->load, "not-found"))
		return err_set(err, ERR_NOTFOUND,
			"Could not find the requested service %s: host", s->name);
	if (is(s->load, "error") || is(s->load, "bad-setting"))
		return err_set(err, ERR_INPUT,
			"Error loading unit file '%s': %s; see systemctl status %s", s->name,
			s->load, s->id);
	return 0;
}

static int action_for(const struct service_task *t, const struct service_state *s)
{
	bool starts = is(s->active, "activating");
	bool stops = is(s->active, "deactivating");

	if (!t->state)
		return NOTHING;
	if (service_is_active(s) || starts)
		return t->state->when_active;
	return stops && t->state->when_not == NOTHING ? t->state->when_active
						      : t->state->when_not;
}

static bool has_mask(const struct service_state *s)
{
	return is(s->load, "masked") || str_starts(s->enabled, "masked");
}

/* What it takes besides running; NOTHING when it is as it should be. */
static int mask_for(const struct service_task *t, const struct service_state *s)
{
	if (t->masked < 0 || has_mask(s) == (t->masked > 0))
		return NOTHING;
	return t->masked ? SERVICE_MASK : SERVICE_UNMASK;
}

static int enable_for(const struct service_task *t, const struct service_state *s)
{
	if (t->enabled < 0 || (service_is_enabled(s) > 0) == (t->enabled > 0))
		return NOTHING;
	return t->enabled ? SERVICE_ENABLE : SERVICE_DISABLE;
}

/* The links that masks are; what undoes them is what undoes any link. */
static int record_mask(struct service_task *t, const struct service_state *s, struct err *err)
{
	const char *home = getenv("XDG_CONFIG_HOME");
	const char *path = arena_printf(t->work.arena, "/etc/systemd/system/%s", s->id);

	if (!is(t->work.manager->name, "systemd")) {
		if (!home && getenv("HOME"))
			home = arena_printf(t->work.arena, "%s/.config", getenv("HOME"));
		path = arena_printf(
			t->work.arena, "%s/systemd/user/%s", home ? home : "", s->id);
	}
	return transaction_record_path(call_transaction(t->call), path, err);
}

static int record(struct service_task *t, const struct service_state *s, struct err *err)
{
	struct transaction_service r = {.manager = t->work.manager->name,
		.unit = s->name,
		.active = service_is_active(s) || is(s->active, "activating"),
		.enabled = is(s->enabled, "enabled")    ? 1
			   : is(s->enabled, "disabled") ? 0
							: -1,
		.start = t->work.commands.start,
		.stop = t->work.commands.stop,
		.restart = t->work.commands.restart};

	if (mask_for(t, s) != NOTHING && record_mask(t, s, err) < 0)
		return -1;
	if (action_for(t, s) == NOTHING && enable_for(t, s) == NOTHING)
		return 0;
	return transaction_record_service(call_transaction(t->call), &r, err);
}

/* Does an action to all units that `choose` picks it for. */
static int act_on(struct service_task *t, int action,
	int (*choose)(const struct service_task *, const struct service_state *),
	struct err *err)
{
	const char *units[SERVICE_UNITS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < t->work.count; i++) {
		if (choose(t, &t->before[i]) != action)
			continue;
		units[count++] = t->before[i].name;
		t->changed[i] = t->any_changed = true;
	}
	if (count == 0 || t->call->check)
		return 0;
	return t->work.manager->act(
		&t->work, (enum service_action)action, units, count, !t->no_block, err);
}

/* A start that is asked for by hand is not refused for what failed before. */
static void forget_failures(struct service_task *t)
{
	const char *units[SERVICE_UNITS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < t->work.count; i++) {
		int action = action_for(t, &t->before[i]);
		if (is(t->before[i].active, "failed") &&
			(action == SERVICE_START || action == SERVICE_RESTART))
			units[count++] = t->before[i].name;
	}
	if (count > 0 && t->work.manager->forget && !t->call->check)
		t->work.manager->forget(&t->work, units, count);
}

static int work(struct service_task *t, struct err *failure)
{
	for (size_t i = 0; !t->call->check && i < t->work.count; i++) {
		if (record(t, &t->before[i], failure) < 0)
			return -1;
	}
	if (act_on(t, SERVICE_MASK, mask_for, failure) < 0 ||
		act_on(t, SERVICE_UNMASK, mask_for, failure) < 0 ||
		act_on(t, SERVICE_ENABLE, enable_for, failure) < 0 ||
		act_on(t, SERVICE_DISABLE, enable_for, failure) < 0)
		return -1;
	forget_failures(t);
	for (int action = SERVICE_START; action <= SERVICE_RELOAD; action++) {
		if (act_on(t, action, action_for, failure) < 0)
			return -1;
	}
	return 0;
}

/* A manager answers about an instant; the states afterwards cost a question only if they can
 * differ from those before. */
static int look_again(struct service_task *t, struct err *err)
{
	memcpy(t->after, t->before, t->work.count * sizeof(*t->after));
	if (!t->any_changed || t->call->check)
		return 0;
	t->work.until = deadline_in(SERVICE_COMMAND_TIME);
	return t->work.manager->query(&t->work, t->after, err);
}

/* A unit may fail right behind a start that its manager took for a success. */
static int check_started(struct service_task *t, struct err *failure)
{
	for (size_t i = 0; t->state && !t->call->check && i < t->work.count; i++) {
		if (t->state->when_not == SERVICE_START && t->changed[i] &&
			is(t->after[i].active, "failed"))
			return err_set(failure, ERR_SYSTEM, "started, and failed at once: %s",
				service_describe(t->work.arena, &t->after[i]));
	}
	return 0;
}

static void read_logs(struct service_task *t, struct strbuf *log)
{
	for (size_t i = 0; t->state && i < t->work.count; i++) {
		if (!service_is_active(&t->after[i]) || t->after[i].job)
			t->work.manager->log(&t->work, &t->after[i], log);
	}
}

/* What runs under a user's manager ends with it, unless the user lingers. */
static void warn_of_no_linger(struct service_task *t)
{
	struct user u;

	if (!t->state || strcmp(t->work.manager->name, "systemd_user") != 0 ||
		!user_by_uid(getuid(), &u) ||
		access(arena_printf(t->work.arena, LINGER_DIRECTORY "/%s", u.name), F_OK) == 0)
		return;
	item_open_list(t->call->out, "warnings");
	item_put_stringf(t->call->out, NULL,
		"%s does not linger: services end with the last session (loginctl "
		"enable-linger %s)",
		u.name, u.name);
	item_close(t->call->out);
}

static int tell(struct service_task *t, struct err *failure, struct err *err)
{
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	bool failed = failure->code != ERR_NONE;

	if (look_again(t, failed ? NULL : err) < 0 && !failed)
		return -1;
	item_put_bool(t->call->out, "changed", t->any_changed);
	if (failed || check_started(t, failure) < 0) {
		read_logs(t, &log);
		service_put_failure(t->call, failure, log.data);
	}
	service_put_units(t->call, &t->work, t->after, t->changed);
	warn_of_no_linger(t);
	return 0;
}

int node_service(struct node_call *c, struct err *err)
{
	struct service_task t;
	struct err failure = {0};

	if (task_init(&t, c, err) < 0 || tell_manager(&t, err) < 0)
		return -1;
	if (t.work.count == 0)
		return tell(&t, &failure, err);
	if (t.work.manager->query(&t.work, t.before, err) < 0)
		return -1;
	for (size_t i = 0; i < t.work.count; i++) {
		if (check_unit(&t, &t.before[i], err) < 0)
			return -1;
	}
	work(&t, &failure); /* a failure is told with what is known about the units */
	return tell(&t, &failure, err);
}

static double number(const struct item *args, const char *key)
{
	const struct item *i = item_get(args, key);

	return i && i->type == ITEM_FLOAT ? i->real : (double)item_int(args, key, 0);
}

int node_watch(struct node_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct service_work w;
	struct err failure = {0};
	double seconds = number(c->args, "seconds");

	if (service_work_init(&w, c, err) < 0)
		return -1;
	if (w.count == 0)
		return err_set(err, ERR_INPUT, "no units are named to be watched");
	if (!(seconds >= 0 && seconds <= SERVICE_WATCH_MAX))
		return err_set(err, ERR_LIMIT, "units are watched for 0 to %d seconds",
			SERVICE_WATCH_MAX);
	struct service_state *states = arena_array(c->arena, w.count, sizeof(*states));
	w.log_since = 0;
	item_put_bool(c->out, "changed", false);
	if (service_watch(&w, seconds, states, &log, &failure) < 0) {
		service_put_failure(c, &failure, log.data);
		if (!states[0].name)
			return 0;
	}
	service_put_units(c, &w, states, NULL);
	return 0;
}
