/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a version of the store still is what it was: everything is read again and compared
 * with the version's manifest.yaml. A version without one (made by hand) can only be compared
 * with what the store's hash cache remembers: a file whose size and time are as they were, and
 * whose content is not, has rotted.
 *
 * Content comes from the disk: what the kernel has in memory of a file is dropped first, as far
 * as it lets us.
 */
#ifndef REGISTRY_VERIFY_H
#define REGISTRY_VERIFY_H

#include "registry/publish_manifest.h"
#include "registry/store.h"

#define VERIFY_FINDINGS_MAX 1000 /* of one version; more are counted only */

enum verify_kind {
	VERIFY_CHANGED, /* other content, or another kind of file */
	VERIFY_MISSING,
	VERIFY_EXTRA, /* not part of the version */
	VERIFY_UNREADABLE,
	VERIFY_MANIFEST /* manifest.yaml itself is broken */
};

struct verify_finding {
	enum verify_kind kind;
	char *path; /* in the version; owned, as the text */
	char *text; /* what was found */
};

enum verify_state {
	VERIFY_SOUND,
	VERIFY_ROTTED,  /* there are findings */
	VERIFY_UNKNOWN, /* nothing says what it should be */
	VERIFY_GONE     /* it was removed meanwhile */
};

/* What became of one version. All-zero is empty. */
struct verify_report {
	struct verify_finding *items;
	size_t count, cap;
	size_t dropped; /* findings beyond VERIFY_FINDINGS_MAX */
	bool described; /* it has a manifest.yaml that is sound */
	bool gone;
	uint64_t files, bytes; /* that were read */
	uint64_t remembered;   /* files that the cache knew, where it is not described */
};

/* Frees all; empty afterwards. */
void verify_report_release(struct verify_report *r);
/* Adds a finding. */
void verify_add(struct verify_report *r, enum verify_kind kind, const char *path,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* What the report comes to. */
enum verify_state verify_state(const struct verify_report *r);
/* The words for JSON: "changed", ...; "sound", ... */
const char *verify_kind_name(enum verify_kind k);
/* The word for a state. */
const char *verify_state_name(enum verify_state s);

/* Reads a version of a store on this machine again. -1 with err only for an interrupt. */
int verify_version(struct store *local, const char *model, const char *version,
	tree_progress progress, void *arg, struct verify_report *out, struct err *err);

/* One version against its manifest.yaml, entry by entry; for stores of any kind. */
struct verify_check {
	struct verify_report *report;
	struct version_manifest own;
	bool *seen; /* of each of own's files */
};
/*
 * Begins with the text of manifest.yaml, NULL where there is none. What is wrong with the text
 * is a finding.
 */
void verify_begin(struct verify_check *v, struct verify_report *report, const char *model,
	const char *version, const struct strbuf *text);
/* Compares an entry that is there. */
void verify_entry(struct verify_check *v, const struct manifest_entry *e);
/* A path is there and cannot be read, with all below it. */
void verify_unreadable(struct verify_check *v, const char *path, const char *why);
/* Names what was not there. */
void verify_missing(struct verify_check *v);
/* Frees what the check holds. */
void verify_check_release(struct verify_check *v);

#endif
