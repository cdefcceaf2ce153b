/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the module `unarchive`: what is common to all archives (unarchive.c), and what
 * zip archives are asked (unarchive_zip.c).
 */
#ifndef NODE_UNARCHIVE_H
#define NODE_UNARCHIVE_H

#include "node/attributes.h"
#include "node/scratch.h"
#include "node/zip_directory.h"

#define UNARCHIVE_WORDS 4096 /* of a command */

struct archive_form;

/* One archive and what is to become of it. */
struct archive {
	struct node_call *call;
	const struct archive_form *form;
	struct scratch scratch;
	const char *src, *dest;
	const char *const *exclude, *const *include, *const *opts;
	struct attributes attributes;
	struct strlist members;   /* as they are below dest */
	struct zip_directory zip; /* of a zip archive */
	struct strlist newer;     /* its members that keep_newer leaves alone */
	struct strbuf diff;       /* a line for each member that differs, as Ansible has them */
	bool changed;
};

/* What a kind of archives is asked, and by which program it is unpacked. */
struct archive_form {
	const char *handler; /* its name in the result */
	const char *magic;   /* its first bytes */
	/* Fills in the members; ERR_INPUT for what is no such archive. */
	int (*list)(struct archive *a, struct err *err);
	/* 1 when all of it lies there, 0 when not. */
	int (*is_unpacked)(struct archive *a, struct err *err);
	/* Runs the program that unpacks. */
	int (*unpack)(struct archive *a, struct call_program *p, struct err *err);
};

extern const struct archive_form unarchive_zip;

/* Words of a command. */
struct archive_words {
	const char *items[UNARCHIVE_WORDS];
	size_t count;
	bool full;
};
/* Adds one; too many of them are noticed when the command is run. */
void archive_word(struct archive_words *w, const char *word);
/* Adds a NULL-terminated list of them. */
void archive_words(struct archive_words *w, const char *const *words);
/* Runs a command in dest; its output is in p. */
int archive_run(struct archive *a, const struct archive_words *w, struct call_program *p,
	struct err *err);
/*
 * Adds a member by its name in the archive: what is excluded is left out, and what would leave
 * dest is an error.
 */
int archive_add(struct archive *a, const char *name, struct err *err);
/* A pattern of unzip's that means one member, and is no option whatever that is called. */
const char *unarchive_zip_pattern(struct arena *a, const char *name);
/* True if a name is excluded. */
bool archive_excludes(const struct archive *a, const char *name);

#endif
