/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of runs: a directory with one JSON file a run, `<id>.json`. The id begins with
 * the start time, so that names sort by age. An entry is written when a run starts, with no
 * end, and replaced in one step when it ends: a run that was killed stays there without an end,
 * which reads as "interrupted". A file that does not parse is left out and reported, never
 * fatal.
 *
 * The journal is bounded: the newest JOURNAL_RUNS_MAX runs, of at most JOURNAL_BYTES_MAX
 * together; older ones are removed when a run starts. It holds no secret: the command line goes
 * through journal_command_line, error texts hold none by the house's rule.
 *
 * Several processes may write at once: each writes its own file only.
 */
#ifndef HISTORY_JOURNAL_H
#define HISTORY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"

#define JOURNAL_RUNS_MAX  500
#define JOURNAL_BYTES_MAX (64u << 20)
#define JOURNAL_ENTRY_MAX (8u << 20) /* one file */

/* How a host came out of a run. */
enum journal_outcome {
	JOURNAL_OK,      /* was as wanted already */
	JOURNAL_CHANGED, /* is as wanted now */
	JOURNAL_FAILED,
	JOURNAL_DRIFTED, /* left different on purpose, and said so */
	JOURNAL_UNREACHABLE,
	JOURNAL_ROLLED_BACK,
	JOURNAL_SKIPPED, /* its turn did not come (yet) */
};

/* One host of a run; strings are owned. */
struct journal_host {
	char *name;
	enum journal_outcome outcome;
	char *error;    /* NULL when there is none */
	uint64_t bytes; /* sent to it */
	double seconds; /* spent on it */
};

/* One run; strings are owned. */
struct journal_run {
	char *id; /* "20260225T210000Z-deploy-1f3a9c" */
	time_t start;
	time_t end;    /* 0: did not end (still under way, or killed) */
	char *command; /* as typed, secrets left out */
	char *user;
	char *admin;             /* the machine it ran on */
	bool check;              /* changed nothing on purpose */
	int exit_code;           /* meaningful once it ended */
	struct strlist versions; /* "MODEL VERSION", those the run wanted */
	struct journal_host *hosts;
	size_t host_count, host_cap;
};

/*
 * Starts a run: fills id, start, user and admin, makes the directory, writes the entry and
 * removes the oldest ones beyond the limits. `name` is the command's (deploy), `command` its
 * line. The run is all-zero before, except for what the caller knows already: `check`, the
 * versions and, as JOURNAL_SKIPPED, the hosts that the run is about. The caller sets each
 * host's outcome as it comes, and ends the run: so the entry of a run that was killed names
 * every host that was not done.
 */
int journal_begin(struct journal_run *run, const char *dir, const char *name,
	const char *command, struct err *err);
/* Writes the entry as it stands now, still without an end; for long runs. */
int journal_write(const struct journal_run *run, const char *dir, struct err *err);
/* Sets end and exit code and writes the entry. */
int journal_end(struct journal_run *run, const char *dir, int exit_code, struct err *err);
/* Adds a host's result; texts are copied. */
struct journal_host *journal_add_host(struct journal_run *run, const char *name,
	enum journal_outcome outcome, const char *error);
/* Frees what the run holds. */
void journal_run_release(struct journal_run *run);

/* Appends the ids of all runs, oldest first. A directory that is not there has none. */
int journal_list(const char *dir, struct strlist *ids, struct err *err);
/* Reads one run. */
int journal_read(const char *dir, const char *id, struct journal_run *out, struct err *err);
/* The entry of a host in a run, or NULL. */
struct journal_host *journal_find_host(struct journal_run *run, const char *name);
/*
 * Reads the newest run of this command (NULL: of any) that was no check. A run without an end
 * counts: it was killed, or is still under way. ERR_NOTFOUND when there is none. Files that do
 * not parse become warnings.
 */
int journal_last(const char *dir, const char *name, struct journal_run *out, struct diags *d,
	struct err *err);
/* Appends the hosts of a run that are to be tried again: all but those ok or changed. */
void journal_failed_hosts(const struct journal_run *run, struct strlist *out);

/* The word for an outcome in files and JSON events, e.g. "rolled_back". */
const char *journal_outcome_name(enum journal_outcome o);
/*
 * A command line as it may be kept and shown: words quoted for a shell; the values of -e and
 * --extra-vars and of whatever looks like a password are replaced by "***" (`-e site=***`).
 */
void journal_command_line(int argc, char *const *argv, struct strbuf *out);
/*
 * The directory of a site's journal in the user's state directory, named after the site's
 * first inventory path; new memory; not created.
 */
char *journal_site_dir(const char *inventory);

#endif
