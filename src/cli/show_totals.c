/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

enum show_state show_state(const struct show *s, const struct run_host *h)
{
	if (h->undo == UNDO_HEALTHY || h->undo == UNDO_UNCHECKED)
		return SHOW_ROLLED_BACK;
	if (h->unreachable)
		return SHOW_UNREACHABLE;
	if (h->stopped || h->err.code == ERR_CANCELLED)
		return SHOW_INTERRUPTED;
	if (h->failed)
		return SHOW_FAILED;
	if (!show_host(s, h)->started_ns)
		return SHOW_NOT_RUN;
	if (sync_report_outcome(&h->report) == SYNC_DRIFTED)
		return SHOW_DRIFTED;
	return h->counts.changed ? SHOW_CHANGED : SHOW_UNCHANGED;
}

const char *show_state_name(enum show_state state)
{
	static const char *const names[SHOW_STATES] = {
		[SHOW_NOT_RUN] = "not_run",
		[SHOW_UNCHANGED] = "unchanged",
		[SHOW_CHANGED] = "changed",
		[SHOW_DRIFTED] = "drifted",
		[SHOW_FAILED] = "failed",
		[SHOW_UNREACHABLE] = "unreachable",
		[SHOW_ROLLED_BACK] = "rolled_back",
		[SHOW_INTERRUPTED] = "interrupted",
	};

	return names[state];
}

double show_seconds(const struct show *s, const struct run_host *h)
{
	const struct shown_host *shown = show_host(s, h);

	return shown->ended_ns ? (double)(shown->ended_ns - shown->started_ns) / 1e9 : 0;
}

void show_sum(const struct show *s, struct show_totals *t)
{
	*t = (struct show_totals){0};
	for (size_t i = 0; i < s->count; i++) {
		const struct run_host *h = &s->run->hosts[i];
		t->states[show_state(s, h)]++;
		t->bytes += h->report.bytes_sent;
		for (size_t k = 0; k < h->report.count; k++)
			t->bytes_saved += h->report.results[k].bytes_saved;
	}
	t->seconds = (double)(clock_ns() - s->started_ns) / 1e9;
}

int show_exit_code(const struct show *s)
{
	struct show_totals t;

	show_sum(s, &t);
	if (cancel_level(s->cancel))
		return EXIT_INTERRUPTED;
	if (s->unreachable_first && t.states[SHOW_UNREACHABLE])
		return EXIT_UNREACHABLE;
	if (t.states[SHOW_FAILED] || t.states[SHOW_DRIFTED])
		return EXIT_HOST_FAILED;
	if (t.states[SHOW_UNREACHABLE])
		return EXIT_UNREACHABLE;
	if (t.states[SHOW_ROLLED_BACK])
		return EXIT_ROLLED_BACK;
	return s->run->stopped ? EXIT_HOST_FAILED : EXIT_OK;
}

const char *show_undo_text(enum undo_outcome undo)
{
	static const char *const texts[] = {
		[UNDO_NONE] = "nothing to take back",
		[UNDO_HEALTHY] = "went back, healthy again",
		[UNDO_UNCHECKED] = "went back; no check says whether it is healthy",
		[UNDO_UNHEALTHY] = "went back, and is not healthy either",
		[UNDO_FAILED] = "could not go back whole",
		[UNDO_LEFT] = "out of reach: the node goes back by itself",
	};

	return texts[undo];
}

const char *show_remedy(enum err_code code)
{
	switch (code) {
	case ERR_UNREACHABLE: return "is the host on, and does 'ssh HOST true' work?";
	case ERR_AUTH:
		return "does 'ssh HOST true' work? A host key that is not known is accepted "
		       "with --host-key-checking accept-new";
	case ERR_TIMEOUT: return "a slow host can be given more time with --timeout";
	case ERR_NOSPACE: return "free space there, or give the host fewer models";
	case ERR_BUSY: return "another deploy works on this host; try again when it is done";
	case ERR_DENIED:
		return "does the user own the directory? Else set ansible_become for the host";
	case ERR_INTEGRITY:
		return "is the store's disk sound? Staging was discarded; try again";
	default: return NULL;
	}
}
