/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing from the test's directory (fixture.h) into the store "store" there.
 */
#ifndef TESTS_REGISTRY_PUBLISHING_H
#define TESTS_REGISTRY_PUBLISHING_H

#include "registry/publish.h"

#define PUBLISHED_AT 1770024600 /* 2026-02-02T09:30:00Z */

/* One request and what became of it. All-zero but for the request's members. */
struct publishing {
	struct publish_request request;
	struct strlist sources; /* below the test's directory */
	struct publish_source source;
	struct publish_result result;
	struct diags diags;
	struct err err;
};

/* A request for model "m", version 2026-02-02, from one path below the test's directory. */
void publishing_init(struct publishing *p, const char *source);
/* Opens the sources, reads them and publishes; the error's code. */
enum err_code publishing_run(struct publishing *p);
/* Frees all. */
void publishing_release(struct publishing *p);
/* Publishes one path as a version of m, which has to end with this outcome. */
void publish_expect(const char *source, const char *version, enum publish_outcome outcome);
/* Fails the test unless a version holds exactly what a directory does, and its manifest.yaml.
 */
void publish_same(const char *source, const char *version);
/* Fails the test unless nothing lies in the store's staging. */
void publish_no_staging(void);

#endif
