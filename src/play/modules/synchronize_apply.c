/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules make of a list of files: sizes, modes, owners, and empty directories. */
#include "play/modules/synchronize.h"

#include <stdlib.h>

#include "base/str.h"

/* ---- --chmod ---- */

/* The bits of "ugoa" that a clause begins with; those of all where it names none. */
static mode_t read_who(const char **text)
{
	static const char letters[] = "ugoa";
	static const mode_t bits[] = {04700, 02070, 01007, 07777};
	const char *letter;
	mode_t who = 0;

	while (**text && (letter = strchr(letters, **text))) {
		who |= bits[letter - letters];
		++*text;
	}
	return who ? who : 07777;
}

/* The bits of "rwxXst" for a mode. */
static mode_t read_what(const char **text, mode_t mode)
{
	static const char letters[] = "rwxXst";
	static const mode_t bits[] = {0444, 0222, 0111, 0111, 06000, 01000};
	const char *letter;
	mode_t what = 0;

	for (; **text && (letter = strchr(letters, **text)); ++*text)
		if (*letter != 'X' || S_ISDIR(mode) || mode & 0111)
			what |= bits[letter - letters];
	return what;
}

/* One clause: octal digits, or symbols. */
static int apply_clause(const char *text, mode_t *mode, struct err *err)
{
	const char *at = text;
	mode_t type = *mode & S_IFMT;

	if (*text >= '0' && *text <= '7') {
		char *end;
		unsigned long number = strtoul(text, &end, 8);
		if (*end || number > 07777)
			return err_set(err, ERR_INPUT, "\"%s\" is no mode", text);
		*mode = type | (mode_t)number;
		return 0;
	}
	mode_t who = read_who(&at);
	char operation = *at;
	if (!operation || !strchr("+-=", operation))
		return err_set(err, ERR_INPUT, "\"%s\" is no mode", text);
	at++;
	mode_t what = read_what(&at, *mode) & who;
	if (*at)
		return err_set(err, ERR_INPUT, "\"%s\" is no mode", text);
	mode_t kept = operation == '=' ? *mode & ~who : *mode;
	*mode = type | ((operation == '-' ? kept & ~what : kept | what) & 07777);
	return 0;
}

int synchronize_chmod(const char *text, mode_t *mode, struct err *err)
{
	AUTO(strlist_release) struct strlist clauses = {0};

	strlist_split(&clauses, text, ",");
	for (size_t i = 0; i < clauses.count; i++) {
		const char *clause = clauses.items[i];
		mode_t ignored = *mode;
		bool directories = *clause == 'D', files = *clause == 'F';
		bool counts = directories ? S_ISDIR(*mode) : !files || !S_ISDIR(*mode);
		if (apply_clause(
			    clause + (directories || files), counts ? mode : &ignored, err) < 0)
			return -1;
	}
	return clauses.count > 0 ? 0 : err_set(err, ERR_INPUT, "no mode is given");
}

/* ---- the list ---- */

static bool has_size(const struct synchronize_rules *r, const struct synchronize_entry *e)
{
	uint64_t size = (uint64_t)e->st.st_size;

	return !S_ISREG(e->st.st_mode) ||
	       (size >= r->min_size && (!r->max_size || size <= r->max_size));
}

/* A name, or a number, which has no name. */
static void give(const char *to, const char **name, uint32_t *id)
{
	char *end;
	unsigned long number = strtoul(to, &end, 10);

	*name = *end ? to : NULL;
	*id = *end ? SYNCHRONIZE_BY_NAME : (uint32_t)number;
}

static int apply_to(
	const struct synchronize_rules *r, struct synchronize_entry *e, struct err *err)
{
	if (r->chmod && !S_ISLNK(e->st.st_mode) &&
		synchronize_chmod(r->chmod, &e->st.st_mode, err) < 0)
		return -1;
	if (r->numeric_ids)
		e->owner = e->group = NULL;
	if (r->chown_user)
		give(r->chown_user, &e->owner, &e->st.st_uid);
	if (r->chown_group)
		give(r->chown_group, &e->group, &e->st.st_gid);
	return 0;
}

/* Leaves directories out in which there is nothing but such directories. */
static void prune(struct synchronize_list *l)
{
	struct strmap full = {0};
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		const char *name = l->items[i].name;
		if (S_ISDIR(l->items[i].st.st_mode))
			continue;
		for (const char *slash = strchr(name, '/'); slash;
			slash = strchr(slash + 1, '/')) {
			autofree char *above = xstrndup(name, (size_t)(slash - name));
			strmap_set(&full, above, NULL);
		}
	}
	for (size_t i = 0; i < l->count; i++)
		if (i == 0 || !S_ISDIR(l->items[i].st.st_mode) ||
			strmap_has(&full, l->items[i].name))
			l->items[kept++] = l->items[i];
	l->count = kept;
	strmap_release(&full, NULL);
}

int synchronize_list_apply(
	const struct synchronize_rules *r, struct synchronize_list *l, struct err *err)
{
	for (size_t i = 0; i < l->count; i++) {
		struct synchronize_entry *e = &l->items[i];
		e->left = !has_size(r, e);
		if (apply_to(r, e, err) < 0)
			return -1;
	}
	if (r->prune_empty)
		prune(l);
	return 0;
}
