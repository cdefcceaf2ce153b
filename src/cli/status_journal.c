/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the hosts without asking them: the journal of this machine's runs, and what
 * lies in the store: the reports of all machines that deploy from it, and who holds its lock.
 */
#include "base/path.h"
#include "cli/status.h"

#define RUNS_MAX 100 /* so many runs are looked through, newest first */

/* Takes in one run; true while some host has no run yet. */
static bool take_run(struct status *s, struct journal_run *run)
{
	bool open = false;

	for (size_t i = 0; i < s->count; i++) {
		struct status_host *h = &s->hosts[i];
		struct journal_host *j = h->deployed ? NULL : journal_find_host(run, h->name);
		if (j && j->outcome != JOURNAL_SKIPPED) {
			h->deployed = run->start;
			h->deploy_run = arena_strdup(&h->arena, run->id);
			h->deploy_outcome = journal_outcome_name(j->outcome);
			h->deploy_error = arena_strdup(&h->arena, j->error);
		}
		open |= !h->deployed;
	}
	return open;
}

/* A report that another machine wrote later than our last run tells of its deploy. */
static void take_report(struct status_host *h)
{
	const struct report *r = h->reported;

	if (!r || !r->run || r->time <= h->deployed || str_cmp0(r->run, h->deploy_run) == 0)
		return;
	h->deployed = r->time;
	h->deploy_run = r->run;
	h->deploy_outcome = h->deploy_error = NULL;
}

void status_read_journal(struct status *s)
{
	AUTO(strlist_release) struct strlist ids = {0};
	const char *dir = s->engine.journal_dir;
	bool open = true;

	if (journal_list(dir, &ids, NULL) < 0)
		ids.count = 0;
	size_t oldest = ids.count > RUNS_MAX ? ids.count - RUNS_MAX : 0;
	for (size_t i = ids.count; open && i-- > oldest;) {
		AUTO(journal_run_release) struct journal_run run = {0};
		/* A run that wanted versions was a deploy, whatever command it was. */
		if (journal_read(dir, ids.items[i], &run, NULL) == 0 && !run.check &&
			run.versions.count > 0)
			open = take_run(s, &run);
	}
	for (size_t i = 0; i < s->count; i++)
		take_report(&s->hosts[i]);
}

/* A store on another host is locked by a lease there, which cannot be asked for. */
static void read_lock(struct status *s)
{
	lock_holder_release(&s->holder);
	s->running = false;
	if (!s->registry.root || s->registry.primary)
		return;
	autofree char *path = path_join(s->registry.root, LOCK_FILE);
	s->running = lock_query(path, &s->holder, NULL) == 1;
}

void status_read_store(struct status *s)
{
	read_lock(s);
	reports_release(&s->reports);
	s->reports_err = (struct err){0};
	if (!s->registry.store)
		return;
	if (reports_load(&s->reports, s->registry.store, &s->reports_err) < 0)
		reports_release(&s->reports);
	for (size_t i = 0; i < s->count; i++)
		s->hosts[i].reported = reports_find(&s->reports, s->hosts[i].name);
}
