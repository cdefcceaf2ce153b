/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet history` share: one list of what happened to versions, from the
 * git log of the files that say them and from the journal of runs. Internal to cli/.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/site.h"
#include "history/journal.h"

#define HISTORY_ENTRIES     50   /* that are shown without -n */
#define HISTORY_ENTRIES_MAX 5000 /* and at most with it */
#define HISTORY_COMMITS     2000 /* of one file or directory that are read */

enum history_kind {
	HISTORY_VERSION,  /* the current version of a model was changed for all */
	HISTORY_PREVIOUS, /* the previous version alone */
	HISTORY_PIN,      /* a version was pinned on hosts, or a pin taken away */
	HISTORY_RUN       /* a command brought versions to hosts */
};

/* One thing that happened. Strings are owned. */
struct history_entry {
	enum history_kind kind;
	time_t time;
	char *who;
	char *id;               /* of the commit, or of the run */
	char *summary;          /* of the commit */
	char *file;             /* that the commit changed, as the repository names it */
	char *model;            /* NULL for a run */
	char *from, *to;        /* NULL: there was none, there is none any more */
	struct strlist hosts;   /* of a pin */
	struct journal_run run; /* of a run */
};

struct history {
	struct site_options site_options;
	struct arena arena; /* of the options */
	struct site site;
	const char *model; /* only this one; NULL: all */
	size_t max;
	time_t since; /* 0: from the beginning */
	bool json;
	struct {
		struct history_entry *items;
		size_t count, cap;
	} entries;
	struct diags diags; /* what could not be read */
};

/* True if an entry of this model and time is asked for; a NULL model always is. */
bool history_wants(const struct history *h, const char *model, time_t t);
/* Reads the commits that changed versions and pins (history_git.c). */
void history_read_git(struct history *h);
/* Reads the runs (history_runs.c). */
void history_read_runs(struct history *h);
/* Prints the entries, newest first (history_print.c). */
void history_print(const struct history *h);

#endif
