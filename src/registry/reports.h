/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hosts' last reports: what the fleet was seen to have and to run, as it stands in the
 * store itself (`.fleet/reports.json`), so that whoever removes versions sees it, also on the
 * machine that keeps the store. Commands that bring hosts to versions, or look at them, write
 * it, under the site's lock.
 *
 *     {"format": 1, "hosts": {
 *       "n01": {"time": "2026-02-25T21:00:00Z", "run": "20260225T210000Z-deploy-1f3a9c",
 *               "runs": {"mobilenet_ssd": ["2026-02-02"]},
 *               "has": {"mobilenet_ssd": ["2025-11-20", "2026-02-02"]}}}}
 *
 * `runs` are the versions that a host's configs and services may be using. It has several
 * where that is not known: a run notes what it wants before it changes a host, and takes the
 * former away once the host has confirmed. `has` is all that lies on the host, where a command
 * looked; else it is not there.
 *
 * Hosts that are not in the inventory any more stay for REPORT_DAYS_MAX days, and are then
 * dropped. A file that cannot be read is an error, never an empty report: retention must not
 * take it for "nobody runs anything". Limits: STORE_NOTE_MAX bytes, REPORT_HOSTS_MAX hosts.
 */
#ifndef REGISTRY_REPORTS_H
#define REGISTRY_REPORTS_H

#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "inventory/inventory.h"
#include "registry/store.h"

#define REPORTS_NOTE     "reports.json"
#define REPORTS_FORMAT   1
#define REPORT_HOSTS_MAX 200000
#define REPORT_DAYS_MAX  90

/* One host's report. */
struct report {
	const char *host;    /* lives in the arena of the reports */
	time_t time;         /* when it was last written; 0: never yet */
	const char *run;     /* the run that wrote it, likewise; NULL: none */
	struct strlist runs; /* "MODEL/VERSION", sorted */
	struct strlist has;  /* likewise */
	bool has_known;
};

/* All-zero is empty. */
struct reports {
	struct arena arena;
	struct strmap by_host; /* struct report * */
};

/* Reads a store's reports; a store without any is empty. -1 with err names file and cause. */
int reports_load(struct reports *r, struct store *s, struct err *err);
/* Writes them back. The caller holds the site's lock since before it loaded them. */
int reports_save(const struct reports *r, struct store *s, struct err *err);
/* Reads a text; for reports_load and its fuzzer. `name` is for messages. */
int reports_parse(
	struct reports *r, const char *name, const char *text, size_t n, struct err *err);
/* Appends the text. */
void reports_print(const struct reports *r, struct strbuf *out);
/* Frees all; empty afterwards. */
void reports_release(struct reports *r);
/* A host's report, or NULL. */
struct report *reports_find(const struct reports *r, const char *host);
/* A host's report, made when it is not there. */
struct report *reports_of(struct reports *r, const char *host);
/* Says which run (NULL: none) writes a host's report, and when. */
void reports_stamp(struct reports *r, struct report *h, const char *run, time_t now);
/* Drops hosts that the inventory does not have and nobody heard of for REPORT_DAYS_MAX days. */
void reports_forget(struct reports *r, const struct inventory *inventory, time_t now);
/*
 * The host may be using a version from now on; what it used before stays. True if that is new
 * to the report.
 */
bool report_may_run(struct report *h, const char *model, const char *version);
/* Takes back what report_may_run added: the host went back to what it had. */
void report_not_runs(struct report *h, const char *model, const char *version);
/* The host uses this version of the model and no other. */
void report_runs(struct report *h, const char *model, const char *version);
/* What lies on the host, now that it was looked at: "MODEL/VERSION", in any order. */
void report_has(struct report *h, const struct strlist *there);
/* How many hosts run a version, by their reports. */
size_t reports_count(const struct reports *r, const char *model, const char *version);

#endif
