/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"
#include "base/vec.h"
#include "registry/resolve.h"

static void add_removed(struct changes *out, const char *host, const struct wanted *w)
{
	*VEC_PUSH(out) = (struct change){
		.kind = CHANGE_REMOVED,
		.host = host,
		.model = w->model->name,
		.before = w->version,
		.pinned = w->pinned,
	};
}

/* What the host gets now, compared with what it got; before may be NULL. */
static void compare_wanted(struct changes *out, const char *host, const struct wanted *w,
	const struct host_models *before)
{
	const struct wanted *old = before ? host_models_find(before, w->model->name) : NULL;

	if (old && strcmp(old->version, w->version) == 0)
		return;
	*VEC_PUSH(out) = (struct change){
		.kind = old ? CHANGE_VERSION : CHANGE_ADDED,
		.host = host,
		.model = w->model->name,
		.before = old ? old->version : NULL,
		.after = w->version,
		.pinned = w->pinned,
	};
}

static void compare_host(
	struct changes *out, const struct host_models *before, const struct host_models *after)
{
	for (size_t i = 0; after && i < after->count; i++)
		compare_wanted(out, after->host, &after->items[i], before);
	for (size_t i = 0; before && i < before->count; i++)
		if (!after || !host_models_find(after, before->items[i].model->name))
			add_removed(out, before->host, &before->items[i]);
}

static void index_hosts(const struct resolution *r, struct strmap *by_name)
{
	for (size_t i = 0; i < r->host_count; i++)
		strmap_set(by_name, r->hosts[i].host, &r->hosts[i]);
}

void resolution_compare(
	const struct resolution *before, const struct resolution *after, struct changes *out)
{
	struct strmap old = {0};
	struct strmap now = {0};

	index_hosts(before, &old);
	index_hosts(after, &now);
	for (size_t i = 0; i < after->host_count; i++)
		compare_host(out, strmap_get(&old, after->hosts[i].host), &after->hosts[i]);
	for (size_t i = 0; i < before->host_count; i++)
		if (!strmap_has(&now, before->hosts[i].host))
			compare_host(out, &before->hosts[i], NULL);
	strmap_release(&old, NULL);
	strmap_release(&now, NULL);
}

void changes_release(struct changes *c)
{
	free(c->items);
	*c = (struct changes){0};
}
