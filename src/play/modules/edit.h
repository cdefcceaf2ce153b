/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text of the node, edited by the engine: what lineinfile, blockinfile, replace and the like
 * have in common.
 *
 * The node sends the file with a hash of it, and says whether owner, group and mode are as
 * asked. The engine works out what the text becomes (Python's regular expressions are here, by
 * PCRE2, which is too large for the helper). When nothing changes, that was all: the file has
 * travelled once. Else only the part between the first and the last byte that differ goes
 * back, under the hash; a node whose file is another one by then refuses, and all begins anew.
 */
#ifndef PLAY_MODULES_EDIT_H
#define PLAY_MODULES_EDIT_H

#include "play/module.h"
#include "base/str.h"

struct edit {
	struct module_call *call;
	const char *path;      /* the call's */
	bool create;           /* with the directories above it, where it is not there */
	bool keep_link;        /* a link is replaced, not followed */
	struct value *asked;   /* more arguments of the question what is there, or NULL */
	struct value *written; /* more arguments of what is written, or NULL */

	/* As it was found. */
	bool exists;
	struct strbuf before;
	const char *hash;
	bool attributes_differ;
	const struct value *answer; /* of the node, with what it found */

	/* As it shall be: filled in by the module. */
	bool changed;
	struct strbuf after;
	const char *msg;

	const struct value *dressed; /* the node's answer after the change, or NULL */
	const char *backup;          /* the name of the copy that was made, or NULL */
};

/*
 * Works out what becomes of a file: sets `changed`, `after` and `msg`. Returns 1 to go on, 0
 * when the result is told and there is nothing to do, -1 with err. May be called again.
 */
typedef int (*edit_change)(struct edit *e, struct err *err);

/* Edits a file. Returns what `change` does; the result is not told yet. */
int edit_run(struct edit *e, edit_change change, struct err *err);
/* Frees the texts. */
void edit_release(struct edit *e);
/* Sets owner, group, mode, size and state of the file as it is, if it is there. */
void edit_tell_file(const struct edit *e);
/* Sets `changed` and `msg`, which also tells of attributes. */
void edit_tell(const struct edit *e);
/* Sets `diff`: a list of what changes in content and in attributes, as lineinfile has it. */
void edit_tell_diff(const struct edit *e);
/* The difference of the contents under a header: the `diff` of a result. */
const struct value *edit_diff(const struct edit *e, const char *header);
/* The failure that a path is a directory; or that it is not there. */
int edit_no_file(struct edit *e, int64_t rc, const char *what, struct err *err);
/* Of two arguments at most one may be given. */
int edit_exclusive(
	struct module_call *c, const char *first, const char *second, struct err *err);

#endif
