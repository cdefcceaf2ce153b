/* SPDX-License-Identifier: Apache-2.0 */
#include "node/account.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"

#define DATABASE_MAX   (16u << 20) /* bytes of passwd, group or shadow */
#define GETENT_SECONDS 30
#define FIELDS_MAX     9 /* of shadow */

/* The fields of a line with colons; missing ones are empty. */
struct fields {
	const char *items[FIELDS_MAX];
};

static struct fields split(struct arena *a, const char *line, size_t n)
{
	struct fields f;
	char *at = arena_strndup(a, line, n);

	for (size_t i = 0; i < FIELDS_MAX; i++) {
		f.items[i] = at;
		at += strcspn(at, ":");
		if (*at)
			*at++ = '\0';
	}
	return f;
}

/* The line of a name, in *line and *n. */
static bool find_line(const char *text, const char *name, const char **line, size_t *n)
{
	size_t len = strlen(name);

	for (; *text; text += *n + (text[*n] == '\n')) {
		*n = strcspn(text, "\n");
		*line = text;
		if (*n > len && text[len] == ':' && memcmp(text, name, len) == 0)
			return true;
	}
	return false;
}

/* What getent prints of a database: one key, or all where it is NULL. */
static bool ask_getent(const char *database, const char *key, struct strbuf *out)
{
	const char *argv[] = {"getent", database, key, NULL};
	struct spawn_options options = {
		.argv = argv, .until = deadline_in(GETENT_SECONDS), .output_max = DATABASE_MAX};
	struct spawn_result result;

	bool told = spawn_run(&options, &result, NULL) == 0 && result.status == 0;
	if (told)
		strbuf_add(out, result.out.data, result.out.len);
	spawn_result_release(&result);
	return told;
}

/* The fields of a name in a database: those of its file, else of getent. */
static bool find_fields(struct node_call *c, const char *database, const char *name, bool local,
	struct fields *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, asked = STRBUF_INIT;
	const char *path = arena_printf(c->arena, "/etc/%s", database);
	const char *line;
	size_t n;

	bool found = file_read(path, DATABASE_MAX, &text, NULL) == 0 &&
		     find_line(text.data, name, &line, &n);
	if (!found && !local && ask_getent(database, name, &asked))
		found = find_line(asked.data, name, &line, &n);
	if (found)
		*out = split(c->arena, line, n);
	return found;
}

static bool read_id(const char *text, unsigned *out)
{
	int64_t value;

	if (!parse_int(text, 0, (int64_t)UINT32_MAX - 1, &value))
		return false;
	*out = (unsigned)value;
	return true;
}

bool account_find(struct node_call *c, const char *name, bool local, struct account *out)
{
	struct fields f;

	if (!find_fields(c, "passwd", name, local, &f))
		return false;
	*out = (struct account){.name = f.items[0],
		.password = f.items[1],
		.comment = f.items[4],
		.home = f.items[5],
		.shell = f.items[6]};
	return read_id(f.items[2], &out->uid) && read_id(f.items[3], &out->gid);
}

static int64_t days(const char *text)
{
	int64_t value;

	return parse_int(text, INT32_MIN, INT32_MAX, &value) ? value : -1;
}

bool account_find_shadow(struct node_call *c, const char *name, struct account_shadow *out)
{
	struct fields f;

	if (!find_fields(c, "shadow", name, false, &f))
		return false;
	*out = (struct account_shadow){.password = f.items[1],
		.min = days(f.items[3]),
		.max = days(f.items[4]),
		.expire = days(f.items[7])};
	return true;
}

bool account_find_group(
	struct node_call *c, const char *group, bool local, struct group_entry *out)
{
	struct fields f;
	unsigned gid;

	if (!local && read_id(group, &gid) && group_by_gid(gid, out))
		return true;
	if (!local)
		return group_by_name(group, out);
	if (!find_fields(c, "group", group, true, &f) || !read_id(f.items[2], &gid))
		return false;
	out->gid = gid;
	snprintf(out->name, sizeof(out->name), "%s", f.items[0]);
	return true;
}

/* All groups there are, those of a directory included where it lists them. */
static void read_groups(struct strbuf *text)
{
	if (!ask_getent("group", NULL, text))
		(void)!file_read("/etc/group", DATABASE_MAX, text, NULL);
}

/* True if a list with commas has a word. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; *list; list += *list == ',') {
		size_t len = strcspn(list, ",");
		if (len == n && memcmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

void account_groups_of(struct node_call *c, const char *name, struct strlist *groups)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t n;

	read_groups(&text);
	for (const char *line = text.data; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		struct fields f = split(c->arena, line, n);
		if (list_has(f.items[3], name) && !strlist_has(groups, f.items[0]))
			strlist_add(groups, f.items[0]);
	}
}
