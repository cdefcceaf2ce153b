/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collections: short names that the keyword `collections` makes known, roles and playbooks of
 * collections, and groups of modules. A collection is a directory NAMESPACE/NAME in one of the
 * places of foreign.h; names have the form NAMESPACE.NAME.WHAT.
 */
#ifndef PLAY_COLLECTIONS_H
#define PLAY_COLLECTIONS_H

#include "base/str.h"
#include "play/parse.h"

/*
 * The whole name of a module in the first collection listed for a step that has it, else the
 * name itself; in the arena.
 */
const char *collections_module(struct parser *p, const struct step *s, const char *name);
/*
 * The directory of a role "NAMESPACE.NAME.ROLE", or of a short name in the collections that are
 * listed for a step. *collection is the one that it is of. New memory; NULL when there is none,
 * the places added to `looked`.
 */
char *collections_role(struct parser *p, const struct step *s, const char *name,
	const char **collection, struct strbuf *looked);
/*
 * The file of a playbook "NAMESPACE.NAME.PLAYBOOK", in collections beside a playbook, too; NULL
 * when there is none; new memory.
 */
char *collections_playbook(struct parser *p, const char *name);
/* The collection whose playbook a file is, by its whole path; in the arena, or NULL. */
const char *collections_around(struct parser *p, const char *path);
/*
 * The modules of a group of module_defaults ("NAMESPACE.NAME.GROUP", or a short name in the
 * collections listed for a step or play), by their whole names. False when there is no such
 * group.
 */
bool collections_group(
	struct parser *p, const struct target *t, const char *group, struct strlist *modules);

#endif
