/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: tasks with `async`, whose module a host works in a process that outlives the
 * connection, and what is asked about them. Files, keys and messages are those of Ansible's
 * async_wrapper and async_status, so that a job that one program began the other can ask about.
 *
 * A module with MODULE_JOB asks its node once: that question is what becomes a job. Any other
 * one runs here while the task waits, within the job's time; it cannot be left alone.
 */
#ifndef PLAY_JOB_H
#define PLAY_JOB_H

#include "play/module.h"

struct execution;
struct parser;
struct runner;
struct target;

#define JOB_POLL 15 /* seconds between two looks where a task does not say it */

/* What a task says of it, and how far it is. */
struct job_wish {
	double limit;                /* seconds; 0: no job */
	double poll;                 /* seconds; 0: it is left alone */
	bool starts;                 /* the next question to a node becomes the job */
	const struct value *started; /* the node's answer to that; NULL before */
};

/* Why a task cannot be one. */
#define JOB_NOT_ALONE                                                                          \
	"async: \"%s\" cannot be left alone with poll 0, because this machine has a part in "  \
	"its work; with a poll above 0 the task waits for it"
#define JOB_TRANSACTION                                                                        \
	"async: what a job does cannot be taken back, so a play with a transaction has none"

/* True for a module that may be one; Ansible refuses the others as well. */
bool job_possible(const struct module *m);
/*
 * Looks whether a task with `async` can be one, and whether a task may stand in a play with a
 * transaction; what cannot is reported. For the parser.
 */
void parse_job(struct parser *p, const struct target *t);
/* Reads the keywords `async` and `poll`; -1 with err. */
int job_read(struct runner *r, struct execution *x, struct err *err);
/* Runs a task's module as a job; as a module's `run`. */
int job_run(struct runner *r, struct execution *x, struct err *err);
/* Makes a question to a node a job: always NULL, with the answer in the execution, or err. */
const struct value *job_start(struct runner *r, struct execution *x, const char *node_module,
	const struct value *args, struct err *err);
/* The directory of the files of jobs, as written; NULL with err. */
const struct value *job_directory(struct module_call *c, struct err *err);
/* Makes booleans of the numbers of `started` and `finished`: conditions want these. */
void job_states_as_bool(struct module_call *c);
/*
 * Asks about a job; what is known becomes the call's result. One that is not there is a failed
 * result, not an error.
 */
int job_ask(struct module_call *c, const char *id, struct err *err);
/* Removes what is known of it, likewise. */
int job_forget(struct module_call *c, const char *id, struct err *err);

#endif
