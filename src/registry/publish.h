/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a version of the store out of files of this machine.
 *
 * Theory of operation. Content is cloned (FICLONE) or copied into ROOT/.staging, hashed on the
 * way with XXH3-128 and SHA-256, compared with a manifest of the source made before (a file
 * that changes meanwhile is an error), `manifest.yaml` written beside it, everything synced,
 * and the directory renamed to MODEL/VERSION without replacing anything. A crash leaves
 * staging, which the next publish of that version removes.
 *
 * `manifest.yaml` is a file of the version like any other and goes to the hosts with it:
 *
 *     modelfleet_manifest: 1
 *     model: face_recognition
 *     version: "2026-02-02"
 *     published: 2026-02-02T09:30:00Z
 *     by: anna@admin1
 *     from: /home/anna/training/run-17
 *     note: "retrained with the winter pictures"
 *     files:
 *       - {path: model.tflite, size: 4161536, xxh3_128: ..., sha256: ...}
 *
 * The name is reserved: a source with a manifest.yaml of its own is refused, unless it is one
 * of ours (the source is a copy of a version), which is left out and written anew.
 */
#ifndef REGISTRY_PUBLISH_H
#define REGISTRY_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "tree/hash.h"

#define VERSION_MANIFEST     "manifest.yaml"
#define VERSION_MANIFEST_MAX (8u << 20)

struct publish_request {
	const char *model;
	const char *version;           /* YYYY-MM-DD */
	const struct strlist *sources; /* one directory, or files */
	const char *by, *note;         /* note may be NULL */
	const struct cancel *cancel;
	tree_progress progress; /* may be NULL */
	void *progress_arg;
};

enum publish_outcome {
	PUBLISH_MADE,
	PUBLISH_THERE /* the version exists with the same content: nothing was done */
};

struct publish_result {
	enum publish_outcome outcome;
	uint64_t files, bytes, cloned; /* cloned: bytes that were not copied */
};

/*
 * Publishes into the store that is the directory `root` of this machine. The caller holds the
 * site's lock. ERR_EXISTS when the version is there with other content (names the first file
 * that differs); ERR_INPUT for links out of the tree, devices, unreadable files.
 */
int publish_version(const char *root, const struct publish_request *q,
	struct publish_result *out, struct err *err);

#endif
