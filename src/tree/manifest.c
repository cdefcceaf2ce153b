/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/vec.h"
#include "tree/manifest_rules.h"

#define DIGEST_HEAD "modelfleet-digest 1 xxh3-128\n"

void manifest_add(struct manifest *m, const struct manifest_entry *e)
{
	struct manifest_entry copy = *e;

	copy.path = arena_strdup(&m->arena, e->path);
	copy.target = arena_strdup(&m->arena, e->target);
	m->entries = vec_grow(m->entries, m->count, &m->cap, sizeof(*m->entries));
	m->entries[m->count++] = copy;
}

void manifest_release(struct manifest *m)
{
	arena_release(&m->arena);
	free(m->entries);
	*m = (struct manifest){0};
}

static int by_path(const void *a, const void *b)
{
	const struct manifest_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

const struct manifest_entry *manifest_find(const struct manifest *m, const char *path)
{
	struct manifest_entry key = {.path = path};

	if (m->count == 0)
		return NULL;
	return bsearch(&key, m->entries, m->count, sizeof(*m->entries), by_path);
}

bool manifest_link_ok(const char *path, const char *target)
{
	size_t depth = 0;
	bool down = false;

	if (!*target || *target == '/' || strlen(target) >= PATH_LIMIT)
		return false;
	for (const char *p = path; (p = strchr(p, '/')); p++)
		depth++;
	for (const char *p = target; *p;) {
		size_t n = strcspn(p, "/");
		bool up = n == 2 && p[0] == '.' && p[1] == '.';
		/*
		 * Behind a name, ".." is refused even where it looks harmless: the name may be
		 * another link, and then ".." starts from wherever that leads.
		 */
		if (up && (down || depth-- == 0))
			return false;
		down |= !up && n > 0 && !(n == 1 && *p == '.');
		p += n + (p[n] == '/');
	}
	return true;
}

/* The rules for one entry by itself. */
static int check_entry(const struct manifest_entry *e, struct err *err)
{
	size_t depth = 1;

	if (!path_is_contained(e->path))
		return err_set(err, ERR_INPUT,
			"manifest: '%s' is no path inside a version (absolute, '..', empty or "
			"too long)",
			e->path);
	for (const char *p = e->path; (p = strchr(p, '/')); p++)
		depth++;
	if (depth > MANIFEST_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "manifest: '%s' is deeper than %d directories",
			e->path, MANIFEST_DEPTH_MAX);
	if (e->kind > MANIFEST_LINK || e->mode > 07777 || e->mtime_ns > 999999999)
		return err_set(
			err, ERR_INPUT, "manifest: '%s' has impossible attributes", e->path);
	if ((e->kind == MANIFEST_LINK) != (e->target != NULL) ||
		(e->kind != MANIFEST_FILE && e->size != 0) || e->size > INT64_MAX)
		return err_set(
			err, ERR_INPUT, "manifest: '%s' has fields of another kind", e->path);
	if (e->target && !manifest_link_ok(e->path, e->target))
		return err_set(err, ERR_INPUT,
			"manifest: link '%s' leads out of the version, to '%s'", e->path,
			e->target);
	return 0;
}

/* The parent of an entry must be an entry of kind directory. */
static int check_parent(
	const struct manifest *m, const struct manifest_entry *e, struct err *err)
{
	const char *slash = strrchr(e->path, '/');
	char parent[PATH_LIMIT];

	if (!slash)
		return 0;
	memcpy(parent, e->path, (size_t)(slash - e->path));
	parent[slash - e->path] = '\0';
	const struct manifest_entry *p = manifest_find(m, parent);
	if (!p || p->kind != MANIFEST_DIR)
		return err_set(err, ERR_INPUT,
			"manifest: '%s' lies below '%s', which is no directory of the manifest",
			e->path, parent);
	return 0;
}

static int check_all(const struct manifest *m, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_entry *e = &m->entries[i];
		if (check_entry(e, err) < 0)
			return -1;
		if (i > 0 && by_path(e - 1, e) == 0)
			return err_set(err, ERR_INPUT, "manifest: '%s' occurs twice", e->path);
		if (check_parent(m, e, err) < 0)
			return -1;
	}
	return 0;
}

static void digest_entry(struct sha256 *s, const struct manifest_entry *e)
{
	char hash[2 * TREE_HASH_SIZE + 1] = "-", line[96];

	if (e->kind == MANIFEST_FILE)
		hex_encode(e->hash, TREE_HASH_SIZE, hash);
	int n = snprintf(line, sizeof(line), "%c %04o %llu %s ", manifest_kind_letter(e->kind),
		e->mode, (unsigned long long)e->size, hash);
	sha256_add(s, line, (size_t)n);
	sha256_add(s, e->path, strlen(e->path) + 1);
	const char *target = e->target ? e->target : "";
	sha256_add(s, target, strlen(target) + 1);
	sha256_add(s, "\n", 1);
}

/* Sums and digest of checked entries. */
static void summarise(struct manifest *m)
{
	struct sha256 s;

	m->bytes = 0;
	m->files = 0;
	sha256_init(&s);
	sha256_add(&s, DIGEST_HEAD, strlen(DIGEST_HEAD));
	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_entry *e = &m->entries[i];
		m->bytes += e->size;
		m->files += e->kind == MANIFEST_FILE;
		if (!(e->flags & MANIFEST_INITIAL_ONLY))
			digest_entry(&s, e);
	}
	sha256_end(&s, m->digest);
}

int manifest_finish(struct manifest *m, struct err *err)
{
	if (m->count > MANIFEST_ENTRIES_MAX)
		return err_set(err, ERR_LIMIT, "a version holds %zu entries; at most %d",
			m->count, MANIFEST_ENTRIES_MAX);
	if (m->count > 0)
		qsort(m->entries, m->count, sizeof(*m->entries), by_path);
	if (check_all(m, err) < 0)
		return -1;
	summarise(m);
	return 0;
}

int manifest_select(const struct manifest *from, manifest_filter filter, void *arg,
	struct manifest *to, struct err *err)
{
	const char *skipped = NULL; /* the last directory that was left out */

	*to = (struct manifest){0};
	for (size_t i = 0; i < from->count; i++) {
		struct manifest_entry e = from->entries[i];
		size_t n = skipped ? strlen(skipped) : 0;
		if (skipped && strncmp(e.path, skipped, n) == 0 && e.path[n] == '/')
			continue;
		unsigned verdict = filter ? filter(arg, e.path, e.kind) : MANIFEST_TAKE;
		if (verdict & MANIFEST_SKIP) {
			skipped = e.kind == MANIFEST_DIR ? e.path : skipped;
			continue;
		}
		e.flags = (uint8_t)verdict;
		manifest_add(to, &e);
	}
	if (manifest_finish(to, err) == 0)
		return 0;
	manifest_release(to);
	return -1;
}
