/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemons' main programs share: the command line, signals, and findings about a
 * configuration.
 *
 *     static const struct service_option table[] = {
 *             {"config", "FILE", "the configuration", .value = &config},
 *             {"check-config", NULL, "read it, and exit", .flag = &check},
 *             {0},
 *     };
 *     switch (service_parse(&about, table, argc, argv)) ...
 */
#ifndef DAEMONS_SERVICE_H
#define DAEMONS_SERVICE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/diag.h"

enum { SERVICE_DONE = 0, SERVICE_FAILED = 1, SERVICE_USAGE = 2 }; /* exit codes */

/* ---- the command line ---- */

struct service_about {
	const char *name, *version;
	const char *purpose; /* a sentence for --help */
};

/* An option; --help, -h and --version are there in any case. */
struct service_option {
	const char *name;     /* without its dashes */
	const char *argument; /* what --help calls its value; NULL: it has none */
	const char *help;
	bool *flag;
	const char **value;
};

#define SERVICE_OPTIONS_MAX 24u

/*
 * Reads a command line. True when the program is to go on; else *exit_code, after help, the
 * version or what is wrong was printed.
 */
bool service_parse(const struct service_about *about, const struct service_option *table,
	int argc, char **argv, int *exit_code);

/* ---- the configuration ---- */

/* Logs findings. -1 with err (ERR_INPUT, the first one) if there are errors among them. */
int service_findings(const struct diags *diags, struct err *err);
/* True if a file looks as it did: the same file, size and time of change. */
bool service_looks_alike(const struct stat *a, const struct stat *b);

/* ---- signals ---- */

/*
 * SIGTERM and SIGINT cancel, SIGHUP asks to read the configuration again; SIGPIPE is ignored. A
 * process has one of these. Every wait that obeys `cancel` tells the supervisor meanwhile that
 * the process lives.
 */
struct service {
	struct cancel cancel;
	int wake;                     /* an eventfd that SIGHUP makes readable */
	volatile sig_atomic_t reload; /* SIGHUP came; whoever sees to it sets it to 0 */
};

/* Catches signals. With `wake` >= 0 that eventfd is written, and stays the caller's. */
int service_start(struct service *s, int wake, struct err *err);
/* Waits until the deadline, a signal, or `wake` becomes readable, which it empties. */
void service_wait(struct service *s, deadline until);
/* Lets signals be what they were, and closes what it made. */
void service_release(struct service *s);

#endif
