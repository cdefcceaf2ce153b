/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run writes into the hosts' reports, which keep versions from being removed that hosts
 * use. Before the first host is touched every host may run what it had and what it is about to
 * get; whoever ends well runs the new versions alone. A run that dies in between leaves both.
 *
 * Only a play with a transaction brings configs and services to the new versions for sure, and
 * only when all of its tasks are run: any other run adds to the reports and takes nothing away.
 */
#include "base/log.h"
#include "cli/play_run.h"

/* A host's models: those that are sent to it, or those that it uses out of the store itself. */
static void each_model(const struct run_host *h, struct report *report,
	void (*visit)(struct report *report, const char *model, const char *version))
{
	const struct host_models *m = h->models;

	for (size_t i = 0; m && i < m->count; i++)
		visit(report, m->items[i].model->name, m->items[i].version);
	for (size_t i = 0; m && i < m->held_count; i++)
		visit(report, m->held[i].model->name, m->held[i].version);
}

static void may_run(struct report *report, const char *model, const char *version)
{
	report_may_run(report, model, version);
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
	for (size_t i = 0; i < p->run.count; i++) {
		const struct run_host *h = &p->run.hosts[i];
		struct report *report = reports_of(&p->reports, h->name);
		each_model(h, report, may_run);
		reports_stamp(&p->reports, report, p->options.run_id, time(NULL));
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
		struct report *report = reports_of(&p->reports, h->name);
		if (!whole || !ended_well(p, h))
			continue;
		each_model(h, report, report_runs);
		reports_stamp(&p->reports, report, p->options.run_id, time(NULL));
	}
	save(p);
}
