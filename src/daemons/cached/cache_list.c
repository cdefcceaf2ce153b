/* SPDX-License-Identifier: Apache-2.0 */
/* What lists and metrics show of the cache. */
#include "base/clock.h"
#include "daemons/cached/cache_private.h"

static void fill_row(struct cache *c, const struct cache_entry *e, struct cache_row *row)
{
	const struct cache_model *m = &e->model;
	struct cache_use use;

	cache_look(c, e, &use);
	*row = (struct cache_row){.size = m->blob->size,
		.loaded_at = m->loaded_at,
		.current = e->current && !e->leaving,
		.pinned = strmap_has(&c->pins, m->name),
		.leaving = e->leaving,
		.in_use = use.in_use,
		.hits = use.hits,
		.idle = (double)(clock_ns() - (int64_t)use.used) / 1e9};
	if (row->idle < 0) /* used while we looked */
		row->idle = 0;
	snprintf(row->name, sizeof(row->name), "%s", m->name);
	snprintf(row->version, sizeof(row->version), "%s", m->version);
	snprintf(row->stage, sizeof(row->stage), "%s", m->stage);
	snprintf(row->alias, sizeof(row->alias), "%s", m->alias);
	snprintf(row->run_id, sizeof(row->run_id), "%s", m->run_id);
	snprintf(row->sha256, sizeof(row->sha256), "%s", m->blob->sha256);
}

static int compare_rows(const void *a, const void *b)
{
	const struct cache_row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = (int)y->current - (int)x->current;
	if (order == 0)
		order = (int)x->leaving - (int)y->leaving;
	return order ? order : strcmp(x->version, y->version);
}

struct cache_row *cache_rows(struct cache *c, size_t *count)
{
	size_t n = 0;

	cache_lock(c);
	for (const struct cache_entry *e = c->leaving; e; e = e->next_leaving)
		n++;
	struct cache_row *rows = xcalloc(n + c->entries.count + 1, sizeof(*rows));
	n = 0;
	for (size_t i = 0; i < c->entries.count; i++)
		fill_row(c, c->entries.items[i], &rows[n++]);
	for (const struct cache_entry *e = c->leaving; e; e = e->next_leaving)
		fill_row(c, e, &rows[n++]);
	cache_unlock(c);
	qsort(rows, n, sizeof(*rows), compare_rows);
	*count = n;
	return rows;
}

/* Hits that clients had of versions which are still there. */
static uint64_t live_hits(struct cache *c)
{
	struct cache_use use;
	uint64_t hits = 0;

	for (size_t i = 0; i < c->entries.count; i++) {
		cache_look(c, c->entries.items[i], &use);
		hits += use.hits - c->entries.items[i]->hits;
	}
	for (const struct cache_entry *e = c->leaving; e; e = e->next_leaving) {
		cache_look(c, e, &use);
		hits += use.hits - e->hits;
	}
	return hits;
}

/* How many names there are among the entries. */
static size_t count_names(const struct cache *c)
{
	size_t names = 0;

	for (size_t i = 0; i < c->entries.count; i++) {
		size_t j = 0;
		while (j < i && strcmp(c->entries.items[j]->model.name,
					c->entries.items[i]->model.name) != 0)
			j++;
		names += j == i;
	}
	return names;
}

void cache_counts(struct cache *c, struct cache_counts *counts)
{
	cache_lock(c);
	*counts = c->counts;
	counts->versions = c->entries.count;
	counts->models = count_names(c);
	counts->hits += live_hits(c);
	cache_unlock(c);
}
