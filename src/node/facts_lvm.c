/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volume groups, logical and physical volumes, for root where LVM is installed: its metadata
 * is for its own programs to read.
 */
#include <unistd.h>

#include "base/str.h"
#include "node/facts.h"

/* What a program's lines are: which field has the name, and which become members. */
struct table {
	const char *program, *key;
	struct {
		const char *name;
		int field; /* from the end where it is negative */
	} members[4];
};

static const struct table tables[] = {
	{"lvs", "lvs", {{"size_g", 3}, {"vg", 1}}},
	{"vgs", "vgs", {{"size_g", -2}, {"free_g", -1}, {"num_lvs", 2}, {"num_pvs", 1}}},
	{"pvs", "pvs", {{"size_g", 4}, {"free_g", 5}, {"vg", 1}}},
};

/* Fields keep their places: an empty one counts. */
static size_t split(struct arena *a, const char *line, const char **fields, size_t max)
{
	size_t count = 0;

	line += strspn(line, " ");
	while (count < max) {
		size_t n = strcspn(line, ",");
		fields[count++] = arena_strndup(a, line, n);
		if (!line[n])
			break;
		line += n + 1;
	}
	return count;
}

/* A physical volume on a mapped device goes by the name that it has there. */
static const char *volume_name(const struct facts *f, const char *device)
{
	const char *number = strrchr(device, '/');

	if (!str_starts(device, "/dev/dm-"))
		return device;
	const char *name =
		facts_text(f, arena_printf(f->arena, "/sys/block%s/dm/name", number));
	return name ? arena_printf(f->arena, "/dev/mapper/%s", name) : device;
}

static void tell_volume(struct facts *f, const struct table *t, const char *line)
{
	const char *fields[32];
	size_t count = split(f->arena, line, fields, ARRAY_SIZE(fields));

	item_open_dict(f->out, volume_name(f, fields[0]));
	for (size_t i = 0; i < ARRAY_SIZE(t->members) && t->members[i].name; i++) {
		int at = t->members[i].field;
		size_t field = at < 0 ? count + (size_t)at : (size_t)at;
		if (field < count)
			facts_put(f, t->members[i].name, fields[field]);
	}
	item_close(f->out);
}

int facts_lvm(struct facts *f, struct err *err)
{
	const char *said, *line;

	if (*f->root || getuid() != 0 || !facts_program(f, "vgs")) {
		facts_put(f, "ansible_lvm", "N/A");
		return 0;
	}
	item_open_dict(f->out, "ansible_lvm");
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const char *const argv[] = {tables[i].program, "--noheadings", "--nosuffix",
			"--units", "g", "--separator", ",", NULL};
		if (facts_run(f, argv, &said, err) < 0)
			return -1;
		item_open_dict(f->out, tables[i].key);
		while (said && (line = facts_next_line(f->arena, &said)))
			if (*line)
				tell_volume(f, &tables[i], line);
		item_close(f->out);
	}
	item_close(f->out);
	return 0;
}
