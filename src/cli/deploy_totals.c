/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/deploy.h"

bool deploy_host_changed(const struct deploy_host *h)
{
	for (size_t i = 0; i < h->report.count; i++) {
		enum sync_outcome o = h->report.results[i].outcome;
		if (o == SYNC_SENT || o == SYNC_REPAIRED ||
			(o == SYNC_DRIFTED && h->report.results[i].files_sent))
			return true;
	}
	return false;
}

static void count_host(
	const struct deploy_host *h, const struct fleet_host *f, struct deploy_totals *t)
{
	switch (f->state) {
	case FLEET_WAITING:
	case FLEET_RUNNING:
	case FLEET_CANCELLED: t->not_run++; break;
	case FLEET_FAILED: t->failed++; break;
	case FLEET_UNREACHABLE: t->unreachable++; break;
	case FLEET_OK:
		if (sync_report_outcome(&h->report) == SYNC_DRIFTED)
			t->drifted++;
		else if (deploy_host_changed(h))
			t->changed++;
		else
			t->unchanged++;
		break;
	}
}

void deploy_sum(const struct deploy_run *run, struct deploy_totals *t)
{
	*t = (struct deploy_totals){0};
	for (size_t i = 0; i < run->count; i++) {
		const struct deploy_host *h = &run->hosts[i];
		count_host(h, &run->fleet[i], t);
		t->bytes += h->report.bytes_sent;
		for (size_t k = 0; k < h->report.count; k++)
			t->bytes_saved += h->report.results[k].bytes_saved;
	}
	t->seconds = (double)(clock_ns() - run->started_ns) / 1e9;
}

int deploy_exit_code(const struct deploy_run *run)
{
	struct deploy_totals t;

	deploy_sum(run, &t);
	if (cancel_level(run->cancel))
		return EXIT_INTERRUPTED;
	if (t.failed || t.drifted)
		return EXIT_HOST_FAILED;
	if (t.unreachable)
		return EXIT_UNREACHABLE;
	return t.not_run ? EXIT_HOST_FAILED : EXIT_OK;
}

const char *deploy_remedy(enum err_code code)
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
