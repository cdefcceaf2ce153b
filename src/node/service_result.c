/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service_result.h"

#include <string.h>
#include <time.h>

#include "node/service_show.h"

#define UNIT_NAME_MAX 255 /* systemd's own limit */

static int check_unit(const char *unit, struct err *err)
{
	if (!*unit)
		return err_set(err, ERR_INPUT, "a unit's name is empty");
	if (strlen(unit) > UNIT_NAME_MAX)
		return err_set(err, ERR_LIMIT, "a unit's name has %zu bytes; at most %d",
			strlen(unit), UNIT_NAME_MAX);
	if (strpbrk(unit, "*?[\n"))
		return err_set(err, ERR_INPUT,
			"%s: a pattern names no unit: write out the units", unit);
	return 0;
}

static int read_units(struct service_work *w, struct node_call *c, struct err *err)
{
	const char *const *units = call_list(c, "units", err);
	size_t count = 0;

	if (!units)
		return -1;
	for (; units[count]; count++) {
		if (check_unit(units[count], err) < 0)
			return -1;
	}
	if (count > SERVICE_UNITS_MAX)
		return err_set(err, ERR_LIMIT, "%zu units in one task; at most %d", count,
			SERVICE_UNITS_MAX);
	w->units = units;
	w->count = count;
	return 0;
}

int service_work_init(struct service_work *w, struct node_call *c, struct err *err)
{
	const struct item *commands = item_get(c->args, "commands");
	const char *manager = call_text_or_null(c, "manager");
	int64_t timeout = item_int(c->args, "timeout", 0);

	*w = (struct service_work){
		.manager = service_manager_find(manager ? manager : "systemd", err),
		.commands = {.start = item_text(c->arena, commands, "start"),
			.stop = item_text(c->arena, commands, "stop"),
			.restart = item_text(c->arena, commands, "restart"),
			.reload = item_text(c->arena, commands, "reload"),
			.status = item_text(c->arena, commands, "status")},
		.arena = c->arena,
		.call = c,
		.until = timeout > 0 ? deadline_min(c->until, deadline_in((double)timeout))
				     : c->until,
		.log_since = time(NULL)};
	return w->manager ? read_units(w, c, err) : -1;
}

int service_is_enabled(const struct service_state *s)
{
	static const char *const enabled[] = {
		"enabled", "enabled-runtime", "static", "generated"};

	for (size_t i = 0; i < ARRAY_SIZE(enabled); i++) {
		if (strcmp(s->enabled, enabled[i]) == 0)
			return 1;
	}
	return *s->enabled ? 0 : -1;
}

/* When a unit became active, in seconds since 1970, by the clock of now. */
static int64_t since(const struct service_state *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t ago_us = clock_ns() / 1000 - s->since_us;
	return now.tv_sec - (ago_us - now.tv_nsec / 1000) / 1000000;
}

static void put_properties(
	struct item_writer *out, const struct service_state *s, struct arena *a)
{
	const char *at = s->properties, *end = at + s->properties_len;
	struct service_property p;

	item_open_dict(out, "status");
	while (service_show_next(&at, end, &p))
		item_put_stringn(
			out, arena_strndup(a, p.name, p.name_len), p.value, p.value_len);
	item_close(out);
}

static void put_unit(struct node_call *c, const struct service_work *w,
	const struct service_state *s, bool changed)
{
	struct item_writer *out = c->out;
	int enabled = service_is_enabled(s);

	item_open_dict(out, NULL);
	item_put_string(out, "name", s->name);
	item_put_string(out, "id", s->id);
	item_put_string(out, "state", service_is_active(s) ? "started" : "stopped");
	if (enabled < 0)
		item_put_null(out, "enabled");
	else
		item_put_bool(out, "enabled", enabled);
	item_put_string(out, "load", s->load);
	item_put_string(out, "active", s->active);
	item_put_string(out, "sub", s->sub);
	item_put_string(out, "result", s->result);
	item_put_string(out, "invocation", s->invocation);
	item_put_int(out, "main_pid", s->main_pid);
	item_put_int(out, "restarts", s->restarts);
	if (s->since_us > 0)
		item_put_int(out, "since", since(s));
	else
		item_put_null(out, "since");
	item_put_bool(out, "changed", changed);
	if (w->all_properties)
		put_properties(out, s, c->arena);
	item_close(out);
}

void service_put_units(struct node_call *c, const struct service_work *w,
	const struct service_state *states, const bool *changed)
{
	item_open_list(c->out, "units");
	for (size_t i = 0; i < w->count; i++)
		put_unit(c, w, &states[i], changed && changed[i]);
	item_close(c->out);
}

void service_put_failure(struct node_call *c, const struct err *failure, const char *log)
{
	item_put_bool(c->out, "failed", true);
	item_put_string(c->out, "msg", failure->text);
	if (*log)
		item_put_string(c->out, "log", log);
}
