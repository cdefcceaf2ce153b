/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content that goes under a path of the node: what template, copy and get_url have in common.
 *
 * The node is asked first whether it has the content, by size and hash; only where it differs
 * the content follows. What is so small that it costs less than another round trip goes along
 * at once.
 */
#ifndef PLAY_MODULES_CONTENT_H
#define PLAY_MODULES_CONTENT_H

#include "play/module.h"

/* Content up to this many bytes is sent without asking first. */
#define CONTENT_INLINE_MAX 8192u

/*
 * The arguments about owner, permissions and the like, as a list of arguments has them. A file
 * is always replaced in one step: `unsafe_writes` has no meaning.
 */
#define CONTENT_ATTRIBUTES                                                                     \
	{.name = "owner"}, {.name = "group"}, {.name = "mode", .type = ARGUMENT_MODE},         \
		{.name = "attributes", .aliases = (const char *const[]){"attr", NULL}},        \
		{.name = "seuser"}, {.name = "serole"}, {.name = "setype"},                    \
		{.name = "selevel"},                                                           \
	{                                                                                      \
		.name = "unsafe_writes", .type = ARGUMENT_BOOL, .fallback = "false"            \
	}
/* Their names, as far as the node is told them: for a list of names. */
#define CONTENT_ATTRIBUTE_NAMES                                                                \
	"owner", "group", "mode", "attributes", "seuser", "serole", "setype", "selevel"

/* What goes where. Pointers are the caller's. */
struct content {
	const char *dest;   /* on the node; a directory too, then `name` goes into it */
	const char *name;   /* a file's name for that; NULL: dest is the file */
	const char *source; /* how people call the content: a path of this machine; or NULL */
	const char *path;   /* the content is this file of this machine; NULL: `data` */
	const char *remote; /* the content is this file of the node; NULL: it comes from here */
	const void *data;
	size_t len;
	const char *mode; /* beats the argument `mode`; NULL: the argument's */
	bool follow;
	bool replace; /* an existing file, whatever the argument `force` says */
};

/*
 * Brings the content there, with the call's arguments owner, group, mode, directory_mode,
 * force, backup and validate as far as its module has them, and fills in the result as the
 * copy module does.
 */
int content_put(struct module_call *c, const struct content *content, struct err *err);

/* The octal text of a file's permissions, for `mode: preserve`; NULL with err. */
const char *content_mode_of(struct module_call *c, const char *path, struct err *err);

#endif
