/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site of a test's own, and the program run in it as a user runs it: an inventory of hosts
 * that are directories of this machine, a store with one version of one model, and an
 * environment that meets nobody else's caches and journals.
 */
#ifndef TESTS_CLI_MADE_SITE_H
#define TESTS_CLI_MADE_SITE_H

#include "base/str.h"

#define MADE_LOCAL(name) "        " name ": {ansible_connection: local}\n"
#define MADE_WORDS(...)  ((const char *const[]){__VA_ARGS__, NULL})

#define MADE_WORDS_MAX 12 /* of a command's line, the program's name left out */

struct made_site {
	char *dir;                         /* hosts.yaml, sink/ (the store), h0/, h1/ */
	char *home, *cache, *state, *node; /* of the environment */
	struct arena arena;                /* for the test */
	/* What the last run gave. */
	int code;
	struct strbuf out, err;
};

/* Makes a site whose hosts are h0 and h1. A cmocka setup: *state is the site. */
int made_site_setup(void **state);
/* Its teardown. */
int made_site_teardown(void **state);
/* Writes a file below the site's directory. */
void made_write(struct made_site *s, const char *name, const char *data, size_t n);
/* Writes a file that compression does not make smaller. */
void made_noise(struct made_site *s, const char *name, size_t size);
/* Writes the inventory anew, with these lines of hosts in the group sentinels. */
void made_inventory(struct made_site *s, const char *hosts);

/* Runs `modelfleet` with words (may be NULL), its output on pipes, without colours. */
void made_run(struct made_site *s, const char *const *words);
/* Runs a command of it, `modelfleet COMMAND -i hosts.yaml`, with up to eight more words. */
void made_command(struct made_site *s, const char *command, const char *const *words);
/*
 * The same on a terminal of 80 columns, where standard output and error come together in `out`.
 * `term` and `no_color` are of the environment; NULL: not set.
 */
void made_on_terminal(struct made_site *s, const char *command, const char *const *words,
	const char *term, const char *no_color);
/* Fails the test, with what was printed, if the last run ended with another code. */
void made_expect_code(const struct made_site *s, int code);
/* Fails the test unless a text is in what the last run printed to one of its streams. */
void made_expect_in(const struct strbuf *stream, const char *text);

#endif
