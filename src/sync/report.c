/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/host.h"

void sync_report_release(struct sync_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		strlist_release(&r->results[i].drifted);
	free(r->results);
	*r = (struct sync_report){0};
}

enum sync_outcome sync_report_outcome(const struct sync_report *r)
{
	enum sync_outcome gravest = SYNC_CURRENT;

	for (size_t i = 0; i < r->count; i++) {
		if (r->results[i].outcome > gravest)
			gravest = r->results[i].outcome;
	}
	return gravest;
}

const char *sync_outcome_name(enum sync_outcome o)
{
	static const char *const names[] = {
		[SYNC_CURRENT] = "current",
		[SYNC_SENT] = "sent",
		[SYNC_REPAIRED] = "repaired",
		[SYNC_DRIFTED] = "drifted",
		[SYNC_FAILED] = "failed",
	};

	return names[o];
}
