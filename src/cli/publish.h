/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet publish` share. Internal to cli/.
 */
#ifndef CLI_PUBLISH_H
#define CLI_PUBLISH_H

#include "cli/engine.h"
#include "cli/progress.h"
#include "history/move.h"
#include "registry/publish.h"

struct publish {
	struct engine engine;
	const char *version, *note; /* as the options say */
	bool activate, push;
	char today[32];
	char *by;
	struct strlist sources;
	struct registry_site registry;
	const struct model *model; /* NULL: the registry does not know it */
	struct publish_request request;
	struct publish_source source;
	struct publish_result result;
	struct store *store; /* on the other host that keeps it, else NULL */
	struct progress progress;
	struct strbuf location; /* of the store, for messages */
	struct move move;       /* of --activate */
	bool was_current;       /* --activate: there was nothing to do */
	bool pushed;
	uint64_t sent; /* bytes that crossed the link to a store on another host */
};

/* Reads the sources, with progress (cmd_publish.c). */
int publish_read_sources(struct publish *p, struct err *err);
/* Compares the sources with what a store has; the result says what is to be done. */
int publish_look_at(struct publish *p, struct store *store, struct err *err);
/* Publishes into the store on another host, or with --check looks there (publish_remote.c). */
int publish_remote(struct publish *p, struct err *err);
/* The name of the registry that is spelled most like the model's, or NULL. */
const char *publish_nearest(const struct publish *p);
/*
 * With --activate: prepares the edit and its commit, and looks whether they can be made
 * (publish_activate.c).
 */
int publish_prepare_move(struct publish *p, struct err *err);
/* With --activate: makes the version current, commits that, and pushes it with --push. */
int publish_move(struct publish *p, struct err *err);
/* Tells what was done, or with --check would be, and what to do next (publish_print.c). */
void publish_print(const struct publish *p);

#endif
