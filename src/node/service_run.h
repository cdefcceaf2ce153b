/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How managers of services build command lines and run them.
 */
#ifndef NODE_SERVICE_RUN_H
#define NODE_SERVICE_RUN_H

#include "node/module.h"
#include "node/service.h"

#define SERVICE_ARGS_MAX (SERVICE_UNITS_MAX + 16)

struct service_program {
	const char *argv[SERVICE_ARGS_MAX]; /* NULL-terminated */
	size_t argc;
	const char *env[2]; /* one "NAME=value" or none */
	struct call_program ran;
};

/* Adds a word to the command line; it stays the caller's. Zero bytes are an empty one. */
void service_program_add(struct service_program *p, const char *word);
/* Runs it to its end, whatever its exit status. -1 when it could not, ERR_TIMEOUT at `until`.
 */
int service_program_run(
	struct service_work *w, struct service_program *p, deadline until, struct err *err);
/* Frees what a program printed. */
void service_program_release(struct service_program *p);

extern const struct service_manager service_manager_systemd, service_manager_systemd_user,
	service_manager_commands;

#endif
