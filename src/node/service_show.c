/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service_show.h"

#include <stddef.h>
#include <string.h>

const char service_show_properties[] =
	"Id,LoadState,ActiveState,SubState,UnitFileState,Result,InvocationID,MainPID,NRestarts,"
	"ExecMainStatus,ActiveEnterTimestampMonotonic,Job,NeedDaemonReload";

enum kind { TEXT, NUMBER, YES_NO };

static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
	{"Id", TEXT, offsetof(struct service_state, id)},
	{"LoadState", TEXT, offsetof(struct service_state, load)},
	{"ActiveState", TEXT, offsetof(struct service_state, active)},
	{"SubState", TEXT, offsetof(struct service_state, sub)},
	{"UnitFileState", TEXT, offsetof(struct service_state, enabled)},
	{"Result", TEXT, offsetof(struct service_state, result)},
	{"InvocationID", TEXT, offsetof(struct service_state, invocation)},
	{"MainPID", NUMBER, offsetof(struct service_state, main_pid)},
	{"NRestarts", NUMBER, offsetof(struct service_state, restarts)},
	{"ExecMainStatus", NUMBER, offsetof(struct service_state, exit_status)},
	{"ActiveEnterTimestampMonotonic", NUMBER, offsetof(struct service_state, since_us)},
	{"Job", NUMBER, offsetof(struct service_state, job)},
	{"NeedDaemonReload", YES_NO, offsetof(struct service_state, need_reload)},
};

static const struct field *find_field(const struct service_property *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strlen(fields[i].name) == p->name_len &&
			memcmp(fields[i].name, p->name, p->name_len) == 0)
			return &fields[i];
	}
	return NULL;
}

static size_t line_length(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return (size_t)((newline ? newline : end) - at);
}

/* True while an Exec property's "{ ..." has no closing brace at the end of a line. */
static bool goes_on(const struct service_property *p)
{
	return p->name_len > 4 && memcmp(p->name, "Exec", 4) == 0 && p->value_len > 0 &&
	       p->value[0] == '{' && p->value[p->value_len - 1] != '}';
}

bool service_show_next(const char **at, const char *end, struct service_property *p)
{
	while (*at < end) {
		size_t n = line_length(*at, end);
		const char *line = *at;
		const char *equals = memchr(line, '=', n);

		*at += n + (line + n < end);
		if (!equals)
			continue;
		p->name = line;
		p->name_len = (size_t)(equals - line);
		p->value = equals + 1;
		p->value_len = n - p->name_len - 1;
		while (goes_on(p) && *at < end) {
			n = line_length(*at, end);
			p->value_len = (size_t)(*at + n - p->value);
			*at += n + (*at + n < end);
		}
		return true;
	}
	return false;
}

static void set_field(struct arena *a, struct service_state *s, const struct field *f,
	const struct service_property *p)
{
	char *value = arena_strndup(a, p->value, p->value_len);
	void *target = (char *)s + f->offset;

	switch (f->kind) {
	case TEXT: *(const char **)target = value; break;
	case YES_NO: *(bool *)target = strcmp(value, "yes") == 0; break;
	case NUMBER:
		if (!parse_int(value, 0, INT64_MAX, target))
			*(int64_t *)target = 0;
		break;
	}
}

static void read_unit(
	struct arena *a, struct service_state *s, const char *at, const char *end, bool keep)
{
	struct service_property p;

	if (keep) {
		s->properties = arena_strndup(a, at, (size_t)(end - at));
		s->properties_len = (size_t)(end - at);
	}
	while (service_show_next(&at, end, &p)) {
		const struct field *f = find_field(&p);
		if (f)
			set_field(a, s, f, &p);
	}
}

/* Where the lines of the unit at `at` end: at an empty line outside of a property. */
static const char *unit_end(const char *at, const char *end)
{
	struct service_property p;

	while (at < end && *at != '\n') {
		if (!service_show_next(&at, end, &p))
			break;
	}
	return at;
}

int service_show_parse(struct arena *a, const char *const *units, size_t count,
	const char *text, size_t n, bool keep, struct service_state *states, struct err *err)
{
	const char *at = text, *end = text + n;
	size_t found = 0;

	while (at < end) {
		if (*at == '\n') {
			at++;
			continue;
		}
		const char *stop = unit_end(at, end);
		if (found < count) {
			service_state_init(&states[found], units[found], "");
			read_unit(a, &states[found], at, stop, keep);
		}
		found++;
		at = stop;
	}
	if (found != count)
		return err_set(err, ERR_PROTOCOL, "systemctl show told about %zu of %zu units",
			found, count);
	return 0;
}
