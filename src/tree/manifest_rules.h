/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the manifest's implementation share.
 */
#ifndef TREE_MANIFEST_RULES_H
#define TREE_MANIFEST_RULES_H

#include "tree/manifest.h"

#define PATH_LIMIT 4096 /* of a path or a target with its NUL */

/* 'f', 'd' or 'l'. */
static inline char manifest_kind_letter(unsigned kind)
{
	return "fdl"[kind];
}

#endif
