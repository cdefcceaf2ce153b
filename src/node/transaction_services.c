/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing recorded services back, once all paths are. Each has its own deadline
 * (SERVICE_RESTORE_TIME), so that one that hangs in its start or stop is given up and does not
 * keep the others.
 */
#include "node/transaction_private.h"

#include "node/service.h"

void undo_services(const struct records *records, bool booting, struct undo_report *report)
{
	for (size_t i = records->count; i-- > 0;) {
		const struct record *r = &records->items[i];
		struct err why = {0};
		if (r->kind != RECORD_SERVICE)
			continue;
		if (service_restore(&r->service, booting, NULL, &why) < 0)
			strlist_addf(&report->failed, "%s: %s", r->service.unit, why.text);
		else
			strlist_addf(
				&report->undone, "%s %s", r->service.manager, r->service.unit);
	}
}
