/* SPDX-License-Identifier: Apache-2.0 */
/* When each host was last deployed to, by the journal of the machine that asks. */
#include "cli/status.h"

#define RUNS_MAX 100 /* so many runs are looked through, newest first */

/* Takes in one run; true while some host has no run yet. */
static bool take_run(struct status *s, struct journal_run *run)
{
	bool open = false;

	for (size_t i = 0; i < s->count; i++) {
		struct status_host *h = &s->hosts[i];
		struct journal_host *j = h->deployed ? NULL : journal_find_host(run, h->name);
		char when[32];
		if (j && j->outcome != JOURNAL_SKIPPED) {
			clock_rfc3339(run->start, when);
			h->deployed = arena_strdup(&h->arena, when);
			h->deploy_run = arena_strdup(&h->arena, run->id);
			h->deploy_outcome = journal_outcome_name(j->outcome);
		}
		open |= !h->deployed;
	}
	return open;
}

void status_read_journal(struct status *s)
{
	AUTO(strlist_release) struct strlist ids = {0};
	const char *dir = s->engine.journal_dir;
	bool open = true;

	if (journal_list(dir, &ids, NULL) < 0)
		return;
	size_t oldest = ids.count > RUNS_MAX ? ids.count - RUNS_MAX : 0;
	for (size_t i = ids.count; open && i-- > oldest;) {
		AUTO(journal_run_release) struct journal_run run = {0};
		if (strstr(ids.items[i], "-deploy-") &&
			journal_read(dir, ids.items[i], &run, NULL) == 0 && !run.check)
			open = take_run(s, &run);
	}
}
