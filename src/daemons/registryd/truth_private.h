/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the truth share. Internal to truth*.c.
 */
#ifndef REGISTRYD_TRUTH_PRIVATE_H
#define REGISTRYD_TRUTH_PRIVATE_H

#include <pthread.h>

#include "base/strmap.h"
#include "daemons/registryd/truth.h"
#include "daemons/registryd/truth_site.h"

struct truth {
	pthread_mutex_t lock; /* of all below */
	char *inventory;
	struct entry_store *store;
	const struct cancel *cancel;
	struct truth_site site;
	bool broken; /* the site could not be read the last time */
	struct files *files;
	struct entry_list *seen; /* the registry at the last look; NULL: none yet */
	struct strmap current;   /* model -> what the file said when it was last obeyed */
};

/* Reads the site anew; the former one stays when that fails. */
int truth_reload(struct truth *truth, struct err *err);
/* Reads what the file said last from the store's directory; nothing there is fine. */
int truth_current_read(struct truth *truth, struct err *err);
/* Writes it there, making the directory where needed. */
int truth_current_write(struct truth *truth, struct err *err);
/* Remembers what the file says of a model, there as well. */
int truth_current_set(
	struct truth *truth, const char *model, const char *date, struct err *err);

#endif
