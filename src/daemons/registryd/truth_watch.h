/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks again and again whether model_registry.yaml or the registry has changed (truth_look),
 * on a thread of its own. What is wrong is logged once.
 */
#ifndef REGISTRYD_TRUTH_WATCH_H
#define REGISTRYD_TRUTH_WATCH_H

#include "daemons/registryd/truth.h"

struct truth_watch;

/* Looks for the first time, and starts the thread. NULL with err. */
struct truth_watch *truth_watch_start(struct truth *truth, struct err *err);
/* Ends the thread and frees it. NULL is fine. */
void truth_watch_stop(struct truth_watch *watch);

#endif
