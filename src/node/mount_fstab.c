/* SPDX-License-Identifier: Apache-2.0 */
#include "node/mount.h"

#include <ctype.h>

/* A field as it stands in the file: its white space would end it. */
static const char *escaped(struct arena *a, const char *field)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (; *field; field++) {
		if (*field == ' ' || *field == '\\' || *field == '&')
			strbuf_addf(&out, "\\%03o", (unsigned char)*field);
		else
			strbuf_addch(&out, *field);
	}
	return arena_strdup(a, out.data);
}

/* The fields of a line; 0 for comments and blank lines, more than there can be for others. */
static size_t split(struct arena *a, const char *line, size_t n, const char **fields)
{
	size_t count = 0;

	for (size_t at = 0; at < n;) {
		while (at < n && isspace((unsigned char)line[at]))
			at++;
		size_t from = at;
		while (at < n && !isspace((unsigned char)line[at]))
			at++;
		if (at == from)
			break;
		if (count == 0 && line[from] == '#')
			return 0;
		if (count == FSTAB_FIELDS)
			return FSTAB_FIELDS + 1;
		fields[count++] = arena_strndup(a, line + from, at - from);
	}
	return count;
}

/* The wanted fields in the file's order, escaped. */
struct wanted {
	const char *fields[FSTAB_FIELDS];
	const char *src; /* as it was given; NULL: none */
};

static struct wanted want(struct arena *a, const struct fstab_entry *e)
{
	const char *given[] = {e->src, e->path, e->fstype, e->opts, e->dump, e->passno};
	struct wanted w = {.src = e->src};

	for (size_t i = 0; i < FSTAB_FIELDS; i++)
		w.fields[i] = given[i] ? escaped(a, given[i]) : "";
	return w;
}

/* True if a line is about what is wanted. */
static bool is_about(const struct wanted *w, const char *const *fields)
{
	if (strcmp(fields[1], w->fields[1]) != 0)
		return false;
	bool swap = strcmp(fields[1], "none") == 0 && strcmp(fields[2], "swap") == 0;
	return !(swap && w->src && strcmp(fields[0], w->src) != 0);
}

static bool is_same(const struct wanted *w, const char *const *fields)
{
	for (size_t i = 0; i < FSTAB_FIELDS; i++) {
		if (strcmp(fields[i], w->fields[i]) != 0)
			return false;
	}
	return true;
}

static void add_entry(struct strbuf *out, const struct wanted *w)
{
	for (size_t i = 0; i < FSTAB_FIELDS; i++)
		strbuf_addf(out, "%s%c", w->fields[i], i + 1 < FSTAB_FIELDS ? ' ' : '\n');
}

static void add_line(struct strbuf *out, const char *line, size_t n)
{
	strbuf_add(out, line, n);
	strbuf_addch(out, '\n');
}

bool fstab_set(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out)
{
	struct wanted w = want(a, e);
	bool there = false, changed = false;

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		/* The last two fields may be left out: they are filled in. */
		const char *fields[FSTAB_FIELDS] = {"", "", "", "", "0", "0"};
		n = strcspn(text, "\n");
		size_t count = split(a, text, n, fields);
		if (count < 4 || count > FSTAB_FIELDS || !is_about(&w, fields)) {
			add_line(out, text, n);
			continue;
		}
		there = true;
		changed |= count < FSTAB_FIELDS || !is_same(&w, fields);
		if (changed)
			add_entry(out, &w);
		else
			add_line(out, text, n);
	}
	if (!there)
		add_entry(out, &w);
	return changed || !there;
}

bool fstab_unset(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out)
{
	struct wanted w = want(a, e);
	bool changed = false;

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		const char *fields[FSTAB_FIELDS];
		n = strcspn(text, "\n");
		size_t count = split(a, text, n, fields);
		if (count == FSTAB_FIELDS && is_about(&w, fields))
			changed = true;
		else
			strbuf_add(out, text, n + (text[n] == '\n'));
	}
	return changed;
}
