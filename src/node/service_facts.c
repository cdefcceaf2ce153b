/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module service_facts: all services that a node has, with Ansible's keys. systemd is asked
 * for its units and their files, the scripts of System V for what they say of themselves.
 */
#include "base/str.h"
#include "node/facts.h"

#define SERVICES_MAX 20000

const struct node_arg service_facts_args[] = {{NULL, 0}};

struct service {
	const char *name, *state, *status; /* status NULL: not told */
	bool bad;                          /* the status is worse than its file's can be */
	bool unknown; /* no unit is loaded: its state has to be asked for */
};

struct services {
	struct facts *f;
	struct service *items;
	size_t count;
};

static struct service *find(struct services *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

/* The service of a name, which is added where it is not there; NULL beyond the limit. */
static struct service *add(struct services *s, const char *name)
{
	struct service *found = find(s, name);

	if (found || s->count == SERVICES_MAX)
		return found;
	s->items[s->count] = (struct service){.name = name};
	return &s->items[s->count++];
}

/* ---- systemd ---- */

/* A line of list-units: a mark, the unit, load, active and sub. */
static void take_unit(struct services *s, const char *line)
{
	static const char *const bad[] = {"not-found", "masked", "failed"};
	const char *const *words = facts_words(s->f->arena, line);

	if (*words && !str_ends(*words, ".service"))
		words++;
	if (!words[0] || !str_ends(words[0], ".service") || !words[1] || !words[2] || !words[3])
		return;
	struct service *unit = add(s, words[0]);
	if (!unit)
		return;
	unit->state = strcmp(words[3], "running") == 0 ? "running" : "stopped";
	unit->status = words[2];
	for (size_t i = 0; i < ARRAY_SIZE(bad) && !unit->bad; i++) {
		unit->bad = strcmp(words[1], bad[i]) == 0 || strcmp(words[2], bad[i]) == 0 ||
			    strcmp(words[3], bad[i]) == 0;
		if (unit->bad)
			unit->status = bad[i];
	}
}

/* A line of list-unit-files: the file's name and its state. */
static void take_file(struct services *s, const char *line)
{
	const char *const *words = facts_words(s->f->arena, line);

	if (!words[0] || !words[1] || !str_ends(words[0], ".service"))
		return;
	struct service *unit = add(s, words[0]);
	if (!unit || unit->bad)
		return;
	unit->unknown |= !unit->state;
	unit->state = unit->state ? unit->state : "unknown";
	unit->status = words[1];
}

/* The states of services that no unit is loaded of, in one question. */
static int ask_states(struct services *s, struct err *err)
{
	const char **argv = arena_array(s->f->arena, s->count + 4, sizeof(*argv));
	const char *said, *line;
	size_t n = 0, at = 0;

	argv[n++] = "systemctl";
	argv[n++] = "show";
	argv[n++] = "--property=ActiveState";
	/* A template has no state before it is made a unit. */
	for (size_t i = 0; i < s->count; i++) {
		s->items[i].unknown &= !strstr(s->items[i].name, "@.");
		if (s->items[i].unknown)
			argv[n++] = s->items[i].name;
	}
	if (n == 3)
		return 0;
	if (facts_run(s->f, argv, &said, err) < 0)
		return -1;
	while (said && (line = facts_next_line(s->f->arena, &said))) {
		const char *state = facts_value(line, "ActiveState", '=');
		while (state && at < s->count && !s->items[at].unknown)
			at++;
		if (state && at < s->count)
			s->items[at++].state = state;
	}
	return 0;
}

static int list(struct services *s, const char *verb,
	void (*take)(struct services *s, const char *line), struct err *err)
{
	const char *const argv[] = {
		"systemctl", verb, "--no-pager", "--type", "service", "--all", NULL};
	const char *said, *line;

	if (facts_run(s->f, argv, &said, err) < 0)
		return -1;
	if (!said)
		strlist_addf(&s->f->warnings, "systemctl %s: no answer", verb);
	while (said && (line = facts_next_line(s->f->arena, &said)))
		take(s, line);
	return 0;
}

static int ask_systemd(struct services *s, struct err *err)
{
	const char *first = facts_line(s->f, "/proc/1/comm");

	if (!first || !strstr(first, "systemd") || !facts_program(s->f, "systemctl"))
		return 0;
	if (list(s, "list-units", take_unit, err) < 0 ||
		list(s, "list-unit-files", take_file, err) < 0)
		return -1;
	return ask_states(s, err);
}

/* ---- scripts ---- */

/* " [ + ]  NAME": what a script of System V says of its service. */
static void tell_script(struct facts *f, const char *line)
{
	const char *const *words = facts_words(f->arena, line);

	if (!words[0] || !words[1] || !words[2] || !words[3] || strcmp(words[0], "[") != 0 ||
		strcmp(words[2], "]") != 0 || !strchr("+-", *words[1]))
		return;
	item_open_dict(f->out, words[3]);
	facts_put(f, "name", words[3]);
	facts_put(f, "state", *words[1] == '+' ? "running" : "stopped");
	facts_put(f, "source", "sysv");
	item_close(f->out);
}

static int ask_scripts(struct facts *f, struct err *err)
{
	const char *const argv[] = {"service", "--status-all", NULL};
	const char *said, *line;

	if (!facts_program(f, "service") || facts_program(f, "chkconfig") ||
		facts_program(f, "rc-status"))
		return 0;
	if (facts_run(f, argv, &said, err) < 0)
		return -1;
	while (said && (line = facts_next_line(f->arena, &said)))
		tell_script(f, line);
	return 0;
}

static void tell_units(struct services *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct service *unit = &s->items[i];
		item_open_dict(s->f->out, unit->name);
		facts_put(s->f, "name", unit->name);
		facts_put(s->f, "state", unit->state ? unit->state : "unknown");
		facts_put(s->f, "status", unit->status ? unit->status : "unknown");
		facts_put(s->f, "source", "systemd");
		item_close(s->f->out);
	}
}

int node_service_facts(struct node_call *c, struct err *err)
{
	struct facts f = facts_begin(c);
	struct services s = {.f = &f};

	s.items = arena_array(c->arena, SERVICES_MAX, sizeof(*s.items));
	item_put_bool(c->out, "changed", false);
	item_open_dict(c->out, "ansible_facts");
	item_open_dict(c->out, "services");
	int result = ask_scripts(&f, err);
	if (result == 0)
		result = ask_systemd(&s, err);
	tell_units(&s);
	item_close(c->out);
	item_close(c->out);
	facts_end(&f);
	return result;
}
