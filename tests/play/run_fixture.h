/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of small playbooks on hosts that are processes on this machine, and what was to be seen
 * of them as a text, one line an event:
 *
 *     play 'name'
 *     h1 task 'title': changed {"rc": 0}
 *     h1 retry 'title': 2 left
 *     h1 ASYNC POLL 'title'
 *     h1 item 'a': ok
 *     h1 ok=1 changed=1 ...
 *
 * Lines of hosts stand in the order of the hosts, each host's in their own order.
 */
#ifndef TESTS_PLAY_RUN_FIXTURE_H
#define TESTS_PLAY_RUN_FIXTURE_H

#include "play/run.h"

#define RUN_HOSTS_MAX 16

struct run_fixture {
	char *dir;
	struct arena arena;
	struct link_helpers helpers;
	struct connection_defaults connect;
	const char *inventory_text; /* INI; NULL: h1, local */
	struct strlist extra;       /* -e */
	struct run_options options;
	struct cancel cancel;

	struct inventory inventory;
	struct vars_site *site;
	struct playbook playbook;
	struct run run;
	struct strbuf lines[RUN_HOSTS_MAX + 1]; /* of each host; the run's own last */
	struct strbuf seen;
	const char *show; /* which key of results is shown; NULL: none */
	const char
		*interrupt_at; /* the task whose beginning the operator interrupts; or NULL */
	bool interrupt_twice;
	unsigned connects; /* links that were opened */
};

/* Makes a directory and defaults; a cmocka setup function. */
int run_fixture_make(void **state);
/* Removes all; a cmocka teardown function. */
int run_fixture_drop(void **state);
/* A path below the directory, by a format. */
const char *run_fixture_path(struct run_fixture *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes a file below the directory, making its parents. */
void run_fixture_write(struct run_fixture *f, const char *name, const char *text);
/* Runs a playbook; what was to be seen. A playbook that is refused gives its findings. */
const char *run_fixture_play(struct run_fixture *f, const char *playbook);
/* The recap line of a host: "ok=1 changed=0 unreachable=0 failed=0 skipped=0 rescued=0
 * ignored=0".
 */
const char *run_fixture_recap(struct run_fixture *f, const char *host);
/* A host of the last run. */
struct run_host *run_fixture_host(struct run_fixture *f, const char *name);
/* Fails the test unless the last run's lines hold a text. */
void run_fixture_expect(struct run_fixture *f, const char *text);

#endif
