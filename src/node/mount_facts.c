/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module mount_facts: what is mounted, or would be, by the sources that are asked for.
 */
#include <stdlib.h>

#include "base/str.h"
#include "node/facts.h"
#include "node/facts_mounts.h"
#include "node/pattern.h"

#define MOUNTS_MAX 4096

const struct node_arg mount_facts_args[] = {
	{"sources", ARG_LIST},
	{"devices", ARG_LIST},
	{"fstypes", ARG_LIST},
	{"mount_binary", ARG_TEXT},
	{"timeout", ARG_NUMBER},
	{"on_timeout", ARG_TEXT},
	{"include_aggregate_mounts", ARG_BOOL},
	{NULL, 0},
};

struct found {
	struct mount_entry entry;
	const char *source, *line;
	bool listed; /* by a file like fstab, which has dump and pass */
};

struct mounts {
	struct facts *f;
	const char *const *devices, *const *types;
	struct strlist seen; /* sources, by their true paths */
	struct found *items;
	size_t count;
	double seconds;
	const char *on_timeout;
};

static const char *const dynamic_sources[] = {"/etc/mtab", "/proc/mounts", "/etc/mnttab", NULL};
static const char *const static_sources[] = {"/etc/fstab", "/etc/vfstab", NULL};

/* No pattern is every pattern. */
static bool matches(const char *const *patterns, const char *text)
{
	if (!*patterns)
		return true;
	for (; *patterns; patterns++)
		if (pattern_match(*patterns, text))
			return true;
	return false;
}

/* "DEVICE on PLACE type TYPE (OPTIONS)", as mount(8) prints it. */
static bool parse_spoken(struct arena *a, const char *line, struct mount_entry *entry)
{
	const char *on = strstr(line, " on "), *type = on ? strstr(on + 4, " type ") : NULL;
	const char *open = type ? strstr(type + 6, " (") : NULL;
	size_t n = strlen(line);

	if (!open || line[n - 1] != ')')
		return false;
	*entry = (struct mount_entry){.device = arena_strndup(a, line, (size_t)(on - line)),
		.mount = arena_strndup(a, on + 4, (size_t)(type - on - 4)),
		.type = arena_strndup(a, type + 6, (size_t)(open - type - 6)),
		.options = arena_strndup(a, open + 2, n - (size_t)(open - line) - 3)};
	return true;
}

static void take(struct mounts *m, const char *source, const char *text, bool spoken)
{
	struct arena *a = m->f->arena;
	struct mount_entry entry;
	const char *line;

	while (m->count < MOUNTS_MAX && (line = facts_next_line(a, &text))) {
		bool valid =
			spoken ? parse_spoken(a, line, &entry) : mount_parse(a, line, &entry);
		if (valid && matches(m->devices, entry.device) && matches(m->types, entry.type))
			m->items[m->count++] = (struct found){.entry = entry,
				.source = source,
				.line = line,
				.listed = !spoken && str_ends(source, "tab")};
	}
}

/* Reads a file once, by whatever name; true if it has something. */
static bool take_file(struct mounts *m, const char *path)
{
	autofree char *real = realpath(path, NULL);
	const char *text = facts_text(m->f, path);

	if (!real || !text)
		return false;
	/* /etc/mtab and /proc/mounts both lead into a process's own directory. */
	const char *name = str_starts(real, "/proc/") ? "/proc/mounts" : real;
	if (strlist_has(&m->seen, name))
		return true;
	strlist_add(&m->seen, name);
	take(m, path, text, false);
	return true;
}

static int take_program(struct mounts *m, const char *program, struct err *err)
{
	const char *const argv[] = {program, NULL};
	const char *said;

	if (strlist_has(&m->seen, program))
		return 0;
	strlist_add(&m->seen, program);
	if (facts_run(m->f, argv, &said, err) < 0)
		return -1;
	if (said)
		take(m, program, said, true);
	return 0;
}

/* The kernel's lists, and where there is none of them, the program. */
static int take_dynamic(struct mounts *m, const char *program, struct err *err)
{
	bool any = false;

	for (const char *const *path = dynamic_sources; *path; path++)
		any |= take_file(m, *path);
	return any || !program ? 0 : take_program(m, program, err);
}

static int take_source(
	struct mounts *m, const char *source, const char *program, struct err *err)
{
	bool all = strcmp(source, "all") == 0;

	if (all || strcmp(source, "dynamic") == 0)
		if (take_dynamic(m, program, err) < 0)
			return -1;
	if (all || strcmp(source, "static") == 0)
		for (const char *const *path = static_sources; *path; path++)
			take_file(m, *path);
	if (all || strcmp(source, "dynamic") == 0 || strcmp(source, "static") == 0)
		return 0;
	if (program && strcmp(source, program) == 0)
		return take_program(m, program, err);
	take_file(m, source);
	return 0;
}

static void put_count(struct facts *f, const char *key, const char *text)
{
	int64_t n;

	if (text && parse_int(text, 0, INT32_MAX, &n))
		item_put_int(f->out, key, n);
}

/* What took too long fails, is told, or is passed over. */
static int tell_late(struct mounts *m, const struct found *found, struct err *err)
{
	const char *why = arena_printf(m->f->arena,
		"Timed out getting mount size for mount %s (type %s) after %g seconds",
		found->entry.mount, found->entry.type, m->seconds);

	facts_put(m->f, "note", "Could not get extra information due to timeout");
	if (strcmp(m->on_timeout, "error") == 0)
		return err_set(err, ERR_TIMEOUT, "%s", why);
	if (strcmp(m->on_timeout, "warn") == 0)
		strlist_add(&m->f->warnings, why);
	return 0;
}

static int tell(struct mounts *m, const char *key, const struct found *found, struct err *err)
{
	struct facts *f = m->f;
	const struct mount_entry *e = &found->entry;
	const char *uuid = mount_uuid(f->arena, "", e->device);

	item_open_dict(f->out, key);
	item_open_dict(f->out, "ansible_context");
	facts_put(f, "source", found->source);
	facts_put(f, "source_data", found->line);
	item_close(f->out);
	facts_put(f, "mount", e->mount);
	facts_put(f, "device", e->device);
	facts_put(f, "fstype", e->type);
	facts_put(f, "options", e->options);
	if (found->listed) {
		put_count(f, "dump", e->dump);
		put_count(f, "passno", e->pass);
	}
	facts_put(f, "uuid", uuid ? uuid : "N/A");
	int result = 0;
	if (mount_put_size(f->call, e->mount, e->type, m->seconds) < 0)
		result = tell_late(m, found, err);
	item_close(f->out);
	return result;
}

/* True for the first that a place has. */
static bool is_first(const struct mounts *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(m->items[k].entry.mount, m->items[i].entry.mount) == 0)
			return false;
	return true;
}

static int tell_all(struct mounts *m, struct err *err)
{
	const struct item *aggregate = item_get(m->f->call->args, "include_aggregate_mounts");
	bool wanted = item_bool(m->f->call->args, "include_aggregate_mounts", false);
	bool asked = aggregate && aggregate->type != ITEM_NULL;
	int result = 0;

	item_open_dict(m->f->out, "mount_points");
	for (size_t i = 0; result == 0 && i < m->count; i++) {
		if (is_first(m, i))
			result = tell(m, m->items[i].entry.mount, &m->items[i], err);
		else if (!asked)
			strlist_addf(&m->f->warnings,
				"mount_facts: multiple mounts for %s; set "
				"include_aggregate_mounts to get them all or to be spared this",
				m->items[i].entry.mount);
	}
	item_close(m->f->out);
	item_open_list(m->f->out, "aggregate_mounts");
	for (size_t i = 0; result == 0 && wanted && i < m->count; i++)
		result = tell(m, NULL, &m->items[i], err);
	item_close(m->f->out);
	return result;
}

static int look(struct mounts *m, struct err *err)
{
	struct node_call *c = m->f->call;
	const char *const *sources = call_list(c, "sources", err);
	const char *program = call_text_or_null(c, "mount_binary");
	static const char *const every[] = {"all", NULL};

	m->devices = call_list(c, "devices", err);
	m->types = call_list(c, "fstypes", err);
	if (!sources || !m->devices || !m->types)
		return -1;
	for (const char *const *s = *sources ? sources : every; *s; s++)
		if (take_source(m, *s, program, err) < 0)
			return -1;
	return tell_all(m, err);
}

int node_mount_facts(struct node_call *c, struct err *err)
{
	struct facts f = facts_begin(c);
	const char *on_timeout = call_text_or_null(c, "on_timeout");
	struct mounts m = {.f = &f,
		.seconds = call_number(c, "timeout", 3600),
		.on_timeout = on_timeout ? on_timeout : "error"};

	m.items = arena_array(c->arena, MOUNTS_MAX, sizeof(*m.items));
	item_put_bool(c->out, "changed", false);
	item_open_dict(c->out, "ansible_facts");
	int result = look(&m, err);
	item_close(c->out);
	facts_end(&f);
	strlist_release(&m.seen);
	return result;
}
