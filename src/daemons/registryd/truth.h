/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One truth about what is in production: the registry's entries, and model_registry.yaml of the
 * site whose store has their files.
 *
 * Theory of operation. An entry with a date is the version MODEL/DATE of the store. Making it
 * production makes that date the model's current_version: the file is edited and committed
 * alone, under the site's lock, as rollback-model does it (history/move.h), and then the
 * registry is changed. The commit is the point of no return: before it nothing has changed
 * anywhere; when the process dies behind it, or the registry's store fails, the file wins. An
 * entry without a date changes the registry alone.
 *
 * The other way, truth_look compares when the file or the registry has changed: what is current
 * there becomes production here. Versions that the file names and the registry does not know
 * (publish-model --activate) are registered, under the next number of the model.
 *
 * An entry without a date may be in production while the file names a version: such a registry
 * keeps it until the file says something new. What the file said last is kept for that in
 * ROOT/.fleet/registryd-current.json.
 *
 * All functions are thread-safe, and wait for each other.
 */
#ifndef REGISTRYD_TRUTH_H
#define REGISTRYD_TRUTH_H

#include "daemons/registryd/files.h"
#include "daemons/registryd/store.h"

#define TRUTH_DATE_SIZE 11 /* YYYY-MM-DD and a NUL */

struct truth_options {
	const char *inventory; /* of the site; NULL: that of ansible.cfg */
	struct entry_store *store;
	const struct files_options *files; /* limits; its root is the site's */
	const struct cancel *cancel;       /* may be NULL */
};

struct truth;

/* Reads the site and opens its store. NULL with err. */
struct truth *truth_open(const struct truth_options *options, struct err *err);
/* Frees it. NULL is fine. */
void truth_close(struct truth *truth);
/* The files of the site's store; they live as long as the truth. */
struct files *truth_files(struct truth *truth);

/*
 * Makes what is current in model_registry.yaml production in the registry, if either has
 * changed since the last look. Gives how many entries it changed, or -1 with err: the site
 * cannot be read, or the registry's store failed.
 */
int truth_look(struct truth *truth, struct err *err);

/*
 * The date that a model goes back to: its previous_version in model_registry.yaml, "" where
 * that names none, or has another date than `current` as the model's current one. -1 with err
 * when the site cannot be read. `previous` has room for TRUTH_DATE_SIZE bytes.
 */
int truth_previous(struct truth *truth, const char *model, const char *current, char *previous,
	struct err *err);
/*
 * Makes an entry production. `change` is ENTRY_ACTIVATE; its outcome is as entry_store_apply
 * gives it, and -1 with err says that the site refused: nothing has changed. `by` is who asked,
 * for the commit. The caller releases the change.
 */
int truth_activate(
	struct truth *truth, struct entry_change *change, const char *by, struct err *err);

#endif
