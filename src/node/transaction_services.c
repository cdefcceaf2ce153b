/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing recorded services back, once all paths are. Each has its own deadline
 * (SERVICE_RESTORE_TIME), so that one that hangs in its start or stop is given up and does not
 * keep the others.
 */
#include "node/transaction_private.h"

#include "base/path.h"
#include "node/service.h"

/* Where the unit files of a manager lie. */
static const struct {
	const char *manager;
	const char *part; /* of a path */
} unit_places[] = {
	{"systemd", "/systemd/system/"},
	{"systemd_user", "/systemd/user/"},
};

/* Has a manager read its files again, if one of them was put back. */
static void reload(const char *name, const char *part, struct undo_report *report)
{
	AUTO(arena_release) struct arena arena = {0};
	struct service_work w = {.manager = service_manager_find(name, NULL),
		.arena = &arena,
		.until = deadline_in(SERVICE_COMMAND_TIME)};
	struct err why = {0};
	bool any = false;

	for (size_t i = 0; i < report->undone.count; i++)
		any |= strstr(report->undone.items[i], part) != NULL;
	if (any && w.manager && w.manager->daemon_reload &&
		w.manager->daemon_reload(&w, &why) < 0)
		strlist_add(&report->failed, why.text);
}

void undo_services(const struct records *records, bool booting, struct undo_report *report)
{
	for (size_t i = 0; path_exists("/run/systemd/system") && i < ARRAY_SIZE(unit_places);
		i++)
		reload(unit_places[i].manager, unit_places[i].part, report);
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
