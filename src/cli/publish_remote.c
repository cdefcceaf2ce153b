/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing into a store on another host: looked at, staged, verified and named by the helper
 * there, under the lease of the store's root.
 */
#include "cli/publish.h"
#include "sync/remote_version.h"

static void tell_progress(void *arg, uint64_t done, uint64_t total)
{
	struct publish *p = arg;

	p->progress.total = total;
	progress_set(&p->progress, done);
}

static int send(struct publish *p, struct store *store, struct err *err)
{
	/* The digests for manifest.yaml come first; this machine's own reading is not shown. */
	p->request.progress = NULL;
	progress_begin(&p->progress, "sending", p->result.bytes);
	int result = remote_store_publish(
		store, &p->source, p->engine.stall, tell_progress, p, &p->sent, err);
	progress_erase(&p->progress);
	return result < 0 ? err_wrap(err, "store on %s", p->registry.primary->name) : 0;
}

static int work(struct publish *p, struct store *store, struct err *err)
{
	if (publish_prepare_move(p, err) < 0 || publish_read_sources(p, err) < 0 ||
		publish_look_at(p, store, err) < 0)
		return -1;
	if (p->engine.o.site.check || p->result.outcome == PUBLISH_THERE)
		return 0;
	return send(p, store, err);
}

int publish_remote(struct publish *p, struct err *err)
{
	struct registry_site *site = &p->registry;

	if (engine_prepare(&p->engine, err) < 0)
		return -1;
	struct store *store =
		engine_open_store(&p->engine, site->primary, site->store_view, site->root, err);
	if (!store && err->code == ERR_NOTFOUND)
		return err_set(err, ERR_NOTFOUND,
			"the store %s is not there; mount its disk on %s, or make the "
			"directory",
			p->location.data, site->primary->name);
	int result = store ? work(p, store, err) : -1;
	store_free(store);
	return result;
}
