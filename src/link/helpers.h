/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node helpers that this installation has: one static program for each machine type, in
 * files named <machine>/modelfleet-node, e.g. aarch64/modelfleet-node. Loaded once, then
 * shared by all links without locks. Contents are read again when one has to be uploaded.
 */
#ifndef LINK_HELPERS_H
#define LINK_HELPERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define LINK_DIGEST_HEX 33 /* 16 bytes of a digest in hex, and NUL */

struct link_helper {
	char *machine; /* x86_64, aarch64 or armhf */
	char *path;    /* of the file here */
	char digest[LINK_DIGEST_HEX];
	size_t size;
};

struct link_helpers {
	struct link_helper *items;
	size_t count;
	size_t cap;
};

/*
 * Finds the helpers in a directory: <machine>/modelfleet-node, in it or in node/ below it, and
 * modelfleet-node for this machine. ERR_NOTFOUND when there is none.
 */
int link_helpers_load(struct link_helpers *h, const char *dir, struct err *err);
/* Adds one program as the helper for a machine type; it replaces an earlier one. */
int link_helpers_add(
	struct link_helpers *h, const char *machine, const char *path, struct err *err);
/* The helper for a machine as `uname -m` names it (armv7l gives armhf), or NULL. */
const struct link_helper *link_helpers_find(const struct link_helpers *h, const char *machine);
/* True for a machine that helpers are built for, whether or not its helper is here. */
bool link_helpers_exist_for(const char *machine);
/* Appends the machines that there are helpers for: "aarch64, x86_64". */
void link_helpers_list(const struct link_helpers *h, struct strbuf *out);
/* Frees the table. */
void link_helpers_release(struct link_helpers *h);

#endif
