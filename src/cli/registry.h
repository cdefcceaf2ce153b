/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet registry` share. Internal to cli/.
 */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

#include "cli/progress.h"
#include "source/registry_client.h"

/* What start-up gates look for, word for word. */
#define REGISTRY_NO_PRODUCTION "No production model found in registry!"

struct registry_options {
	const char *registry, *key_file; /* NULL: as settings and environment say */
	const char *metadata;            /* JSON or @FILE */
	struct strlist files;            /* of register */
	const char *date, *note;
	struct strlist require; /* of activate: "accuracy>=0.8" */
	const char *to;         /* of pull */
	bool json;
};

struct registry_command {
	struct registry_options o;
	struct arena arena;
	const struct strlist *words;    /* the action, MODEL, VERSION, PATH, files */
	const char *url;                /* of the service, or "json:PATH" */
	struct registry_client *client; /* NULL: the registry is a file */
	struct progress progress;
};

/* The name of the n-th action; NULL behind the last one. */
const char *registry_action_name(size_t n);
/* The MODEL of the command line; NULL where there is none. */
const char *registry_word_model(const struct registry_command *c);
/* The VERSION of the command line; ERR_USAGE for what is none. */
int registry_word_version(const struct registry_command *c, int64_t *version, struct err *err);

/* The actions: what they print goes to standard output. -1 with err. */
int registry_list(struct registry_command *c, struct err *err);
/* Prints the path of the version in production; ERR_NOTFOUND where there is none. */
int registry_production(struct registry_command *c, struct err *err);
/* Registers a version, with --files also their content. */
int registry_register(struct registry_command *c, struct err *err);
/* Makes a version the production one, if its metrics are as --require wants them. */
int registry_activate(struct registry_command *c, struct err *err);
/* Brings a version's files. */
int registry_pull(struct registry_command *c, struct err *err);

/* A member of an entry as text; "" where it has none. */
const char *registry_text(const struct value *entry, const char *name);
/* The version of an entry. */
int64_t registry_entry_version(const struct value *entry);
/* Prints a value as JSON, in a line. */
void registry_print_json(const struct value *v);
/*
 * Compares an entry's metadata.metrics with conditions "NAME OP NUMBER". ERR_USAGE for what is
 * no condition, ERR_DENIED with all that falls short.
 */
int registry_check_metrics(
	const struct value *entry, const struct strlist *conditions, struct err *err);
/*
 * Sends the files and seals them, and sets the date of the version of the store that they
 * became, in the arena.
 */
int registry_push_files(struct registry_command *c, int64_t version,
	const struct strlist *paths, const char **date, struct err *err);

#endif
