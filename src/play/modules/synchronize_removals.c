/* SPDX-License-Identifier: Apache-2.0 */
/* What a place has too much, and the order in which rsync removes it. */
#include "play/modules/synchronize.h"

#include <stdlib.h>

#include "base/str.h"
#include "base/vec.h"

int synchronize_order(const char *a, bool a_is_directory, const char *b, bool b_is_directory)
{
	size_t same = 0, part = 0;

	for (; a[same] && a[same] == b[same]; same++)
		if (a[same] == '/')
			part = same + 1;
	if (!a[same] && (!b[same] || b[same] == '/' || !*a))
		return b[same] ? -1 : 0;
	if (!b[same] && (a[same] == '/' || !*b))
		return 1;
	const char *p = a + part, *q = b + part;
	int directories =
		(a_is_directory || strchr(p, '/')) - (b_is_directory || strchr(q, '/'));
	size_t n = strcspn(p, "/"), m = strcspn(q, "/");
	int order = memcmp(p, q, n < m ? n : m);
	return directories ? directories : order ? order : n < m ? -1 : 1;
}

static bool is_directory(const struct strmap *there, const char *name)
{
	const char *kind = value_text(value_dict_get(strmap_get(there, name), "kind"));

	return str_cmp0(kind, "directory") == 0;
}

/* What is left out, and, without a value, the directories that it keeps. */
static void find_kept(
	const struct synchronize_rules *r, const struct strmap *there, struct strmap *kept)
{
	if (r->remove_excluded || r->filters.count == 0)
		return;
	strmap_foreach (e, there) {
		if (!synchronize_excludes(r, e->key, is_directory(there, e->key)))
			continue;
		strmap_set(kept, e->key, e->value);
		autofree char *above = xstrdup(e->key);
		for (char *slash; (slash = strrchr(above, '/'));) {
			*slash = '\0';
			if (!strmap_has(kept, above))
				strmap_set(kept, above, NULL);
		}
	}
}

/* The directory that is brought and has a name in it; NULL when none has. */
static const struct synchronize_entry *brought_with(
	const struct strmap *wanted, const struct strmap *replaced, const char *name)
{
	autofree char *above = xstrdup(name);
	char *slash;

	while ((slash = strrchr(above, '/'))) {
		*slash = '\0';
		if (strmap_has(replaced, above))
			return NULL;
		if (strmap_has(wanted, above))
			return strmap_get(wanted, above);
	}
	return strmap_get(wanted, "");
}

/* Directories in the order of the transfer; what is in each of them backwards. */
static int compare(const void *a, const void *b)
{
	const struct synchronize_removal *x = a, *y = b;

	if (x->in != y->in)
		return x->in < y->in ? -1 : 1;
	return synchronize_order(y->name, y->directory, x->name, x->directory);
}

void synchronize_removals_find(const struct synchronize_rules *r, const struct strmap *there,
	const struct strmap *wanted, const struct strmap *replaced,
	struct synchronize_removals *out)
{
	struct strmap kept = {0};

	find_kept(r, there, &kept);
	strmap_foreach (e, there) {
		if (!*e->key || strmap_has(wanted, e->key) || strmap_get(&kept, e->key))
			continue;
		const struct synchronize_entry *in = brought_with(wanted, replaced, e->key);
		if (in)
			*VEC_PUSH(out) = (struct synchronize_removal){.name = e->key,
				.directory = is_directory(there, e->key),
				.kept = strmap_has(&kept, e->key),
				.in = in};
	}
	if (out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	strmap_release(&kept, NULL);
}

void synchronize_removals_below(
	const struct strmap *there, const char *name, struct synchronize_removals *out)
{
	size_t n = strlen(name);

	strmap_foreach (e, there)
		if (strncmp(e->key, name, n) == 0 && e->key[n] == '/')
			*VEC_PUSH(out) = (struct synchronize_removal){
				.name = e->key, .directory = is_directory(there, e->key)};
	if (out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), compare);
}

void synchronize_removals_release(struct synchronize_removals *r)
{
	free(r->items);
	*r = (struct synchronize_removals){0};
}
