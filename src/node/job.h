/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a job, in a file of the form that Ansible's async_wrapper gives it: a JSON
 * object, with `started` while the job runs, and the module's result at its end.
 */
#ifndef NODE_JOB_H
#define NODE_JOB_H

#include "node/module.h"

struct job {
	const char *id;   /* "jNUMBER.PID" */
	const char *path; /* of its file */
	const struct node_module *module;
	/* What the engine put into the result before it asked; the module's own keys win. */
	const struct item *base;
	deadline until;
};

/* Writes that it runs. */
int job_write_start(const struct job *j, struct err *err);
/* Writes the module's result, an item tree. */
int job_write_result(const struct job *j, const struct item *result, struct err *err);
/* Writes that the module failed. */
int job_write_failure(const struct job *j, const char *msg, struct err *err);
/* Writes that it was ended because its time was over; `pid` was its process. */
int job_write_timeout(const struct job *j, pid_t pid, struct err *err);

#endif
