/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What deltas and patches share of librsync.
 */
#ifndef TREE_RSYNC_JOB_H
#define TREE_RSYNC_JOB_H

#include <librsync.h>

#include "base/err.h"

/* Fills an error from a result of librsync; returns -1. */
int rsync_error(rs_result r, const char *what, struct err *err);
/* Keeps librsync from printing; to be called before any of its jobs runs. */
void rsync_mute(void);
/* Frees a job at the end of a scope. */
void job_free(rs_job_t **job);

#endif
