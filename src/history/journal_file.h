/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a journal entry; internal to the room. One JSON mapping:
 *
 *     {"format": 1, "id": "...", "start": "2026-02-25T21:00:00Z", "end": null or a time,
 *      "command": "...", "user": "...", "admin": "...", "check": false, "exit_code": 0,
 *      "versions": ["MODEL VERSION", ...],
 *      "hosts": [{"name": "...", "outcome": "ok", "error": null or text, "bytes": 0,
 *                 "seconds": 0.5}, ...]}
 *
 * Keys that are missing or unknown are passed over, so that files of other versions read.
 */
#ifndef HISTORY_JOURNAL_FILE_H
#define HISTORY_JOURNAL_FILE_H

#include "history/journal.h"

#define JOURNAL_FORMAT    1
#define JOURNAL_HOSTS_MAX 200000

/* Appends the text of an entry. */
int journal_encode(const struct journal_run *run, struct strbuf *out, struct err *err);
/*
 * Reads the text of an entry into an empty run; `file` is for messages. After an error the run
 * holds what had been read, for journal_run_release.
 */
int journal_decode(const char *text, size_t len, const char *file, struct journal_run *out,
	struct err *err);
/* Finds an outcome by its word; false when there is none. */
bool journal_outcome_parse(const char *name, enum journal_outcome *out);

#endif
