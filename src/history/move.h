/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making another version of a model current, or pinning it on hosts: the edit of the site's
 * files and its commit, which rollback-model, publish-model --activate and the registry's
 * service share.
 *
 * A move's life: move_version or move_pin (repeated, for several hosts) prepares and checks
 * everything without writing; move_commit writes files and commits, and leaves nothing half
 * done when that fails; move_push; move_undo makes a second commit that takes it back.
 */
#ifndef HISTORY_MOVE_H
#define HISTORY_MOVE_H

#include "history/commit.h"
#include "registry/edit.h"

struct move {
	struct {
		struct registry_edit *items;
		size_t count, cap;
	} edits;
	struct strlist paths;
	const char *model, *from, *to; /* from may be NULL */
	const char *why;               /* the person's words; may be NULL */
	const char *what;              /* "Roll back", "Activate", "Pin" */
	struct strbuf hosts;           /* of pins, between commas */
	char commit[65];               /* hex, once committed */
	char undone[65];               /* likewise, of the commit that took it back */
};

/* Prepares making `to` current for all. The model and the strings live as long as the move. */
int move_version(struct move *m, const struct model *model, const char *to, struct err *err);
/*
 * Prepares pinning a version on one host, in `path`, its file of host_vars; version
 * NULL takes the pin away.
 */
int move_pin(struct move *m, const char *host, const char *path, const char *model,
	const char *version, struct err *err);
/* Looks at the repository: git_commit_check of all files. */
int move_check(const struct move *m, struct err *err);
/*
 * Looks at the repository, writes the files and commits them. The caller holds the site's lock.
 * When it fails, the files are as before.
 */
int move_commit(struct move *m, const struct cancel *cancel, struct err *err);
/*
 * Puts the files back and commits that; `why` says what happened. Where that fails, the files
 * are as move_commit made them. ERR_BUSY when somebody has changed them since.
 */
int move_undo(struct move *m, const char *why, const struct cancel *cancel, struct err *err);
/* Frees all. */
void move_release(struct move *m);

#endif
