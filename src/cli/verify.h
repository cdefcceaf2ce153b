/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet verify-store` share. Internal to cli/.
 */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/engine.h"
#include "cli/progress.h"
#include "registry/verify.h"

/* One version that is to be read again. */
struct verify_item {
	char *model, *version; /* owned */
	uint64_t size;         /* bytes of its files as they lie there */
	struct verify_report report;
	bool done;
	bool earlier; /* by the run that this one goes on with */
};

struct verify {
	struct engine engine;
	const char *model, *version; /* --model, --version; NULL: all */
	bool resume;
	struct registry_site registry;
	struct store *store;
	struct strbuf location; /* of the store, for messages */
	struct verify_item *items;
	size_t count, cap;
	struct progress progress;
	uint64_t before; /* bytes of the versions that are done */
	char *state_path;
	int state_fd; /* what is done is noted here, -1 where it cannot be */
};

/* What all versions come to. */
struct verify_totals {
	size_t versions, sound, rotted, unknown, gone;
	uint64_t files, bytes;
};
/* Adds the versions up. */
void verify_sum(const struct verify *v, struct verify_totals *t);

/*
 * With --resume takes over what an interrupted run has done; else begins anew. From now on what
 * is done is noted (verify_state.c). How many versions were taken over.
 */
size_t verify_state_open(struct verify *v);
/* Notes that a version is done. */
void verify_state_note(struct verify *v, const struct verify_item *item);
/* Forgets the notes: all is done. */
void verify_state_finish(struct verify *v);

/* Reads a version of a store on another host again, there (verify_remote.c). */
int verify_remote(struct verify *v, struct verify_item *item, struct err *err);

/* Tells what became of a version (verify_print.c). */
void verify_print_item(struct verify *v, const struct verify_item *item);
/* Tells what all came to. */
void verify_print_end(const struct verify *v, int exit_code);
/* Appends a version as JSON: the members without braces. */
void verify_add_json(const struct verify_item *item, struct strbuf *out);

#endif
