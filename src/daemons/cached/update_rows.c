/* SPDX-License-Identifier: Apache-2.0 */
/* How the targets do, for lists. */
#include <stdio.h>

#include "daemons/cached/update_private.h"

static void put(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

static void fill(const struct updater *u, const struct target *t, struct update_row *row)
{
	const struct cached_model *configured = cached_config_find(u->config, t->name);
	const struct cached_model m =
		configured ? *configured : cached_config_guess(u->config, t->name);

	*row = (struct update_row){.configured = t->configured,
		.pinned = m.pinned,
		.busy = t->busy,
		.ready = t->ready,
		.checks = t->checks,
		.errors = t->errors,
		.failures = t->failures,
		.last_check = t->last_check};
	put(row->name, sizeof(row->name), t->name);
	put(row->source, sizeof(row->source), m.source);
	put(row->stage, sizeof(row->stage), cached_model_stage(&m));
	put(row->wanted, sizeof(row->wanted), t->named);
	if (t->bad.count >= u->config->retry.count)
		put(row->refused, sizeof(row->refused), t->bad.version);
	put(row->error, sizeof(row->error), t->error);
	if (t->due != DEADLINE_NEVER && !deadline_passed(t->due))
		row->next_check = (double)(t->due - clock_ns()) / 1e9;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct update_row *)a)->name, ((const struct update_row *)b)->name);
}

struct update_row *updater_rows(struct updater *u, size_t *count)
{
	pthread_mutex_lock(&u->lock);
	struct update_row *rows = xcalloc(u->targets.count + 1, sizeof(*rows));
	*count = u->targets.count;
	for (size_t i = 0; i < u->targets.count; i++)
		fill(u, u->targets.items[i], &rows[i]);
	pthread_mutex_unlock(&u->lock);
	qsort(rows, *count, sizeof(*rows), by_name);
	return rows;
}
