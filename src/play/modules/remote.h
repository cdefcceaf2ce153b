/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the node, read by the engine in pieces.
 */
#ifndef PLAY_MODULES_REMOTE_H
#define PLAY_MODULES_REMOTE_H

#include "play/module.h"
#include "tree/stream.h"

#define REMOTE_TEXT_MAX (64u << 20) /* bytes of a file that is kept in memory */

/* What was told of a file when its first piece was read. */
struct remote_file {
	const char *kind; /* absent, directory, file, other */
	const char *path; /* behind links */
	const char *hash; /* XXH3-128 of the whole, in hex; NULL where it was not asked for */
	const struct value *answer; /* all of the node's first answer */
};

/*
 * Reads a file of the node into a sink, at most `max` bytes (ERR_LIMIT beyond). `args` has
 * `path` and what else the node's module `read` takes. With `hash` in it, what came is what
 * the hash is of: ERR_INTEGRITY when the file has changed meanwhile. Nothing is read of what is
 * no file.
 */
int remote_read(struct module_call *c, struct value *args, const struct tree_sink *sink,
	uint64_t max, struct remote_file *out, struct err *err);
/* The same for a path alone, into a buffer: ERR_NOTFOUND, ERR_INPUT when it is no file. */
int remote_text(struct module_call *c, const char *path, struct strbuf *out, struct err *err);

#endif
