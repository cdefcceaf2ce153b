/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run writes into the hosts' reports, which keep versions from being removed that hosts
 * use. Before the first host is touched every host may run what it had and what it is about to
 * get; whoever ends well runs the new versions alone, and whoever went back and is healthy what
 * it had. A run that dies in between leaves both.
 *
 * Only a play with a transaction brings configs and services to the new versions for sure, and
 * only when all of its tasks are run: any other run adds to the reports and takes nothing away.
 */
#include "base/log.h"
#include "cli/play_run.h"

/* A host's report under work, and the models that this run was the first to add to it. */
struct noting {
	struct report *report;
	struct strlist *added;
};

/* A host's models: those that are sent to it, or those that it uses out of the store itself. */
static void each_model(const struct run_host *h, struct noting *n,
	void (*visit)(struct noting *n, const char *model, const char *version))
{
	const struct host_models *m = h->models;

	for (size_t i = 0; m && i < m->count; i++)
		visit(n, m->items[i].model->name, m->items[i].version);
	for (size_t i = 0; m && i < m->held_count; i++)
		visit(n, m->held[i].model->name, m->held[i].version);
}

static void may_run(struct noting *n, const char *model, const char *version)
{
	if (report_may_run(n->report, model, version))
		strlist_add(n->added, model);
}

static void runs(struct noting *n, const char *model, const char *version)
{
	report_runs(n->report, model, version);
}

static void went_back(struct noting *n, const char *model, const char *version)
{
	if (strlist_has(n->added, model))
		report_not_runs(n->report, model, version);
}

static bool has_transaction(const struct play_run *p)
{
	for (size_t i = 0; i < p->book_count; i++)
		for (size_t k = 0; k < p->books[i].count; k++)
			if (p->books[i].plays[k]->transaction.enabled)
				return true;
	return false;
}

/* True if a host that ends well uses the versions of this run and no others. */
static bool is_whole(const struct play_run *p)
{
	return has_transaction(p) && !p->options.tags.count && !p->options.skip_tags.count;
}

static bool ended_well(const struct play_run *p, const struct run_host *h)
{
	enum show_state state = show_state(&p->show, h);

	return state == SHOW_UNCHANGED || state == SHOW_CHANGED || state == SHOW_DRIFTED;
}

/* True if a host is for sure where it was before the run. */
static bool is_back(const struct play_run *p, const struct run_host *h)
{
	return show_state(&p->show, h) == SHOW_ROLLED_BACK && !h->confirmed &&
	       (h->undo == UNDO_HEALTHY || h->undo == UNDO_UNCHECKED);
}

/* Notes what is known of a host after a whole run. */
static void settle(struct play_run *p, const struct run_host *h, struct noting *n)
{
	if (ended_well(p, h))
		each_model(h, n, runs);
	else if (is_back(p, h))
		each_model(h, n, went_back);
	else
		return;
	reports_stamp(&p->reports, n->report, p->options.run_id, time(NULL));
}

static void save(struct play_run *p)
{
	struct err err = {0};

	reports_forget(&p->reports, &p->engine->site.inventory, time(NULL));
	if (reports_save(&p->reports, p->registry.store, &err) == 0)
		return;
	log_warning("what hosts run could not be noted in the store: %s; cleanup-models there "
		    "knows current, previous and pinned versions alone",
		err.text);
	p->reports_known = false;
}

void play_reports_before(struct play_run *p)
{
	struct err err = {0};

	if (!p->syncs || !p->registry.store || p->options.check)
		return;
	if (reports_load(&p->reports, p->registry.store, &err) < 0) {
		log_warning("what hosts run is not noted in the store: %s; until that file is "
			    "repaired, or removed and all hosts deployed again, cleanup-models "
			    "removes nothing",
			err.text);
		return;
	}
	p->reports_known = true;
	p->reports_added = xcalloc(p->run.count + 1, sizeof(*p->reports_added));
	for (size_t i = 0; i < p->run.count; i++) {
		const struct run_host *h = &p->run.hosts[i];
		struct noting n = {reports_of(&p->reports, h->name), &p->reports_added[i]};
		each_model(h, &n, may_run);
		reports_stamp(&p->reports, n.report, p->options.run_id, time(NULL));
	}
	save(p);
}

void play_reports_after(struct play_run *p)
{
	bool whole = is_whole(p);

	if (!p->reports_known)
		return;
	for (size_t i = 0; i < p->run.count; i++) {
		const struct run_host *h = &p->run.hosts[i];
		struct noting n = {reports_of(&p->reports, h->name), &p->reports_added[i]};
		if (whole)
			settle(p, h, &n);
	}
	save(p);
}

void play_reports_release(struct play_run *p)
{
	for (size_t i = 0; p->reports_added && i < p->run.count; i++)
		strlist_release(&p->reports_added[i]);
	free(p->reports_added);
	reports_release(&p->reports);
}
