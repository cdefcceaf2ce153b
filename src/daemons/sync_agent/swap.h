/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of a model exchanged for another: its name is there at every moment, and leads to the
 * old file or the new one, whole.
 */
#ifndef SYNC_AGENT_SWAP_H
#define SYNC_AGENT_SWAP_H

#include "daemons/sync_agent/state.h"

/* models_dir/staging/FILE, as one name; new memory. The directory is made. */
char *swap_staging(const char *models_dir, const char *file, struct err *err);
/* Names the former file, if there is one, and notes the staged one's inode. */
int swap_prepare(const char *models_dir, const char *staged, struct state *state,
	struct pending *p, struct arena *a, struct err *err);
/* Keeps the former file as it was named, and gives its name to the staged one. */
int swap_install(
	const char *models_dir, const char *staged, const struct pending *p, struct err *err);
/* Whether that was done, by the inode. */
bool swap_is_done(const char *models_dir, const struct pending *p);
/*
 * Puts the former file back in one step; without one, the new file goes. A swap that was not
 * done, or was taken back before, is fine. ERR_NOTFOUND: somebody has removed the former file.
 */
int swap_revert(const char *models_dir, const struct pending *p, struct err *err);
/* Gives a file a second name, or a copy where there are none; what has that name goes. */
int swap_link(const char *from, const char *to, struct err *err);
/* Removes what lies in .former/ and the state does not know of. */
void swap_sweep(const char *models_dir, const struct state *state);
/* The path of a kept file; new memory. */
char *swap_kept(const char *models_dir, const char *kept);

#endif
