/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet check` share. Internal to cli/.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/site.h"
#include "history/gitrepo.h"
#include "registry/site.h"

/* The site as it was at a revision. An all-zero struct is none. */
struct check_before {
	struct site site;
	struct registry_site registry;
	struct git_commit_info commit;
	char *dir;          /* where the revision's files were written; removed on release */
	struct diags diags; /* what was wrong then */
};

/* What a check has found out. */
struct check {
	struct site_options o;
	const char *models, *tags;
	bool diff, json;
	const char *revision; /* with diff */
	struct site site;
	struct registry_site registry;
	struct check_before before;
	struct changes changes;
	struct diags diags;
	uint64_t bytes; /* of all versions that some host wants */
};

/*
 * Reads the site as it was: every inventory source that lies in a git repository is written out
 * as it was at the revision; others are taken as they are. -1 with err when none lies in one.
 */
int check_before_read(struct check_before *b, const struct check *c, struct err *err);
/* Frees it and removes its files. */
void check_before_release(struct check_before *b);

/* Prints what was found, for people. */
void check_print_text(const struct check *c);
/* Prints what was found, as JSON events. */
void check_print_json(const struct check *c);

#endif
