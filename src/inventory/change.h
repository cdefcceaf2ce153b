/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of an inventory after it was loaded: hosts and groups that a playbook adds while it
 * runs, and reading the sources once more. Who calls these sees to it that nobody reads the
 * inventory meanwhile (vars/change.c does).
 *
 * A struct host stays where it is whatever changes, also that of a host which the sources do
 * not name any more; groups and lists may move. What is added is kept, and is there again after
 * the sources were read anew. Source of the rules: ansible-playbook 2.14, as it does.
 */
#ifndef INVENTORY_CHANGE_H
#define INVENTORY_CHANGE_H

#include "inventory/inventory.h"

/* Limits on what may be added, beside those of inventory.h. */
#define INVENTORY_MAX_NAME    1024    /* bytes of a host's or group's name */
#define INVENTORY_MAX_CHANGES 1000000 /* in a run */

/* A host that is added, or known and gets further variables and groups. */
struct inventory_addition {
	const char *host;
	const struct value *vars;   /* a mapping; NULL: none. It is copied */
	const struct value *groups; /* a list of texts; NULL: none */
};

/* A group that a host is put into, below other groups. */
struct inventory_grouping {
	const char *host; /* of the inventory, or its localhost */
	const char *group;
	const struct value *parents; /* a list of texts */
};

/* Whether a text that a playbook or a node gave may be the name of a host or group. */
int inventory_check_name(const char *what, const char *name, struct err *err);
/*
 * Adds a host. *changed tells whether anything is other than before. -1 with err for a bad
 * name, a limit, or a file of variables that cannot be read.
 */
int inventory_add_host(struct inventory *inventory, const struct inventory_addition *what,
	bool *changed, struct diags *diags, struct err *err);
/* Puts a host into a group, likewise; -1 with err also for groups that would form a loop. */
int inventory_add_grouping(struct inventory *inventory, const struct inventory_grouping *what,
	bool *changed, struct diags *diags, struct err *err);
/*
 * Reads the sources and the files beside them again, then does again what was added. After -1
 * with err the inventory is as before.
 */
int inventory_refresh(struct inventory *inventory, struct diags *diags, struct err *err);

#endif
