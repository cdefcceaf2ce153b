/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: where they lie, and what variables they bring.
 *
 * A role_use is a role at one place of a playbook: in `roles`, as a dependency, imported, or
 * included. It is immutable, like the playbook whose memory it lies in. The steps of a role
 * point to its use (struct step), and from there to the roles that brought it.
 *
 * A role has directories defaults/, vars/, meta/, tasks/ and handlers/, each with a file
 * main.yml, main.yaml, main.json or main; the first two may have a directory main/ instead,
 * whose files count in the order of their names, the last one most.
 */
#ifndef PLAY_ROLE_H
#define PLAY_ROLE_H

#include <stdbool.h>

#include "base/str.h"
#include "play/playbook.h"
#include "vars/vars.h"

struct role_use {
	const char *name;       /* "common" */
	const char *path;       /* its directory, absolute */
	const char *collection; /* that it is of; or NULL */
	const char *key;        /* equal for uses that count as the same one */
	const struct role_use
		*parent;       /* the role that depends on it, or whose task brings it */
	bool depended;         /* brought by meta/main.yml of its parent */
	bool allow_duplicates; /* may be done again where it was done already */
	const struct value *defaults, *vars; /* of its files: dicts */
	const struct value *said;            /* `vars` beside the role: a dict, or NULL */
	const struct value *params;          /* other keys beside it: a dict */
	struct role_uses dependencies;
};

/*
 * The directory of a role: below roles/ of the playbook, in `places` (between colons; NULL:
 * ~/.ansible/roles, /usr/share/ansible/roles and /etc/ansible/roles), beside the role
 * that depends on it (`beside` may be NULL), in the playbook's directory, else where the name
 * itself says. New memory; NULL when there is none, with all places in `looked`.
 */
char *role_find(const char *name, const char *places, const char *playbook_dir,
	const char *beside, struct strbuf *looked);
/*
 * The files of one of a role's directories: of `main`, or of the name that ..._from gives
 * (then without or with an ending). With `merged` a directory of that name counts, too.
 */
void role_files(const char *path, const char *subdir, const char *from, bool merged,
	struct strlist *files);

/* Adds what every task of a play sees of one of its roles: defaults, and variables. */
void role_add_shared(struct vars_view *view, const struct role_use *use);
/*
 * Adds what only a role's own tasks see: its defaults and variables above those of other
 * roles, those of the roles that brought it, and parameters.
 */
void role_add_own(struct vars_view *view, const struct role_use *use);
/* The magic variables of a role's tasks (role_name, role_path, ...), made in the arena. */
struct value *role_magic(const struct role_use *use, struct arena *arena);
/* Adds the magic variables that tell a play's roles (ansible_role_names ...) to a dict. */
void role_add_names(const struct role_uses *roles, struct value *to, struct arena *arena);

#endif
