/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs brought versions to hosts, by the journal of this machine. */
#include "base/vec.h"
#include "cli/history.h"

/* True if a run was about the model, or, without one, about any. */
static bool is_about(const struct history *h, const struct journal_run *run)
{
	autofree char *start = h->model ? xasprintf("%s ", h->model) : NULL;

	for (size_t i = 0; i < run->versions.count; i++)
		if (!start || str_starts(run->versions.items[i], start))
			return true;
	return false;
}

static void add_run(struct history *h, struct journal_run *run)
{
	*VEC_PUSH(&h->entries) = (struct history_entry){
		.kind = HISTORY_RUN,
		.time = run->start,
		.who = xasprintf(
			"%s@%s", run->user ? run->user : "?", run->admin ? run->admin : "?"),
		.id = xstrdup(run->id),
		.run = *run,
	};
	*run = (struct journal_run){0};
}

void history_read_runs(struct history *h)
{
	AUTO(strlist_release) struct strlist ids = {0};
	const struct inventory *inventory = &h->site.inventory;
	autofree char *dir =
		journal_site_dir(inventory->source_count ? inventory->sources[0] : "");
	size_t before = h->entries.count;
	struct err err = {0};

	if (journal_list(dir, &ids, &err) < 0)
		diag_warning(&h->diags, NULL, "%s", err.text);
	for (size_t i = ids.count; i-- > 0 && h->entries.count - before < h->max;) {
		AUTO(journal_run_release) struct journal_run run = {0};
		if (journal_read(dir, ids.items[i], &run, &err) < 0)
			diag_warning(&h->diags, NULL, "%s", err.text);
		else if (!run.check && history_wants(h, NULL, run.start) && is_about(h, &run))
			add_run(h, &run);
	}
}
