/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store and a few nodes in one directory, and runs that bring the nodes to their models
 * through the real helper, a process on this machine:
 *
 *     DIR/store/MODEL/VERSION/...   DIR/nodes/hN/MODEL/VERSION/...   DIR/spool
 *
 * Every host has the whole registry as its set.
 */
#ifndef TESTS_SYNC_FIXTURE_H
#define TESTS_SYNC_FIXTURE_H

#include "link/limiter.h"
#include "sync/connection.h"
#include "sync/content.h"
#include "sync/host.h"

struct fixture {
	char *dir;
	struct arena arena; /* for paths and texts of the test */
	struct link_helpers helpers;
	const char *remote_dirs[2];
	const char *spool_dir;
};

/* Makes the directory; a cmocka setup function. */
int fixture_make(void **state);
/* Removes it; a cmocka teardown function. */
int fixture_drop(void **state);
/* A path below the directory, by a format. */
const char *fixture_path(struct fixture *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Runs a shell script in the directory, which has to succeed; gives its output. */
const char *fixture_shell(struct fixture *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes a file of pseudo-random bytes, the same for the same seed, making its parents. */
void fixture_noise(struct fixture *f, const char *name, unsigned seed, size_t size);
/* Writes a file of text that compresses well. */
void fixture_words(struct fixture *f, const char *name, unsigned seed, size_t size);
/* All that is to be seen of a tree: kinds, modes, times, sizes, targets, digests. */
const char *fixture_tree(struct fixture *f, const char *name);
/* Fails the test unless the host's version is the store's, in every respect. */
void fixture_expect_same(struct fixture *f, size_t host, const char *version);

/* What one command of the operator's would share among its hosts. */
struct run {
	struct fixture *fixture;
	struct store *store;
	struct spool *spool;
	struct resolution resolution;
	struct content *content;
	struct link_limiter *limiter; /* may be NULL */
	struct connection datasink;   /* of a remote store */
};

/* Makes the connection to the process on this machine that plays the datasink. */
void fixture_connect(struct fixture *f, struct connection *c);

/* Reads a registry (the YAML of sentinelcam_models) for hosts h0, h1, ... */
void run_begin(struct run *r, struct fixture *f, const char *registry, size_t hosts);
/* The same with the store reached over a link, as on another host. */
void run_begin_remote(struct run *r, struct fixture *f, const char *registry, size_t hosts);
/* Frees what the run holds. */
void run_end(struct run *r);
/* How one host went. Its report is released by one_release. */
struct one {
	struct run *run;
	size_t host;
	struct sync_options options;
	struct sync_report report;
	struct err err;
	int result;
};
/* A host with the usual options. */
struct one one_of(struct run *r, size_t host);
/* Opens a link to the host's helper, brings the host to its set, and closes the link. */
void one_sync(struct one *o);
/* The same, and fails the test when it fails or the first model has another outcome. */
void one_expect(struct one *o, enum sync_outcome outcome);
/* Frees the report. */
void one_release(struct one *o);
/* A whole run for one host, which has to end with this outcome of its first model. */
void sync_once(struct fixture *f, const char *registry, enum sync_outcome outcome);

#endif
