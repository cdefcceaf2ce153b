/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --start-at-task and --step: which of the tasks that are selected are done.
 *
 * The task to start at is found before the run, by its name as written. What stands before it
 * is passed over, in its own play and in those before; handlers run where they are notified.
 */
#ifndef PLAY_START_H
#define PLAY_START_H

#include "play/run.h"

/*
 * The first task of a playbook that has a name, or one that matches it as a shell's pattern;
 * rescue sections and handlers do not count. NULL: there is none.
 */
const struct step *start_find(const struct playbook *book, const char *name);
/* True if a task is not passed over: the run has come to its start, and nobody says no. */
bool start_wants(const struct run *run, const struct step *s);
/* True if some task of a play may be done: it is not before the start's play. */
bool start_wants_play(const struct run *run, const struct play *play);

#endif
