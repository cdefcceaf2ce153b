/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of our own: run to the end with captured output, or start with pipes.
 * The child gets only the descriptors that it is given (all others are closed on exec),
 * default signal handlers and an empty signal mask. No shell is involved. The program ignores
 * SIGPIPE: a child that does not read its input is an error of a write.
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct spawn_options {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	/* "NAME=value" entries added to ours, the last of a name wins; NULL for none. */
	const char *const *env;
	const char *cwd;   /* NULL: ours */
	const void *input; /* given on standard input */
	size_t input_len;
	size_t output_max; /* limit of each captured stream; 0: 1 MiB */
	deadline until;    /* the child is killed then; 0 means never */
	const struct cancel *cancel;
};

struct spawn_result {
	struct strbuf out;
	struct strbuf err;
	int status; /* as waitpid gives it */
};

/*
 * Runs a program to its end. Returns 0 when it ran (whatever its exit status), -1 with err
 * when it could not be started (ERR_NOTFOUND: no such program), was timed out (ERR_TIMEOUT),
 * cancelled, or printed more than the limit (ERR_LIMIT). The result is released by the
 * caller in every case.
 */
int spawn_run(const struct spawn_options *o, struct spawn_result *result, struct err *err);
/* Frees the captured output. */
void spawn_result_release(struct spawn_result *r);
/* Exit code of a status; 128 + signal for a killed process. */
int spawn_exit_code(int status);

struct spawn_child {
	pid_t pid;
	int in;  /* write end of its standard input */
	int out; /* read end of its standard output */
	int err; /* read end of its standard error */
};

/* Starts a program with three pipes (close-on-exec here, blocking). argv, env, cwd are used. */
int spawn_start(const struct spawn_options *o, struct spawn_child *child, struct err *err);
/*
 * Our environment with "NAME=value" entries added, a later one of a name replacing an earlier
 * one, as an array that ends with NULL. The array is the caller's, what it points to is not.
 */
char **spawn_environment(const char *const *extra);
/* Closes the pipes, waits up to the deadline, then SIGTERM, after two seconds SIGKILL. */
int spawn_stop(struct spawn_child *child, deadline until);

#endif
