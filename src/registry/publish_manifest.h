/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.yaml: what a published version says of itself. It lies in the version, beside the
 * files that it names, and goes to the hosts with them.
 *
 *     modelfleet_manifest: 1
 *     model: face_recognition
 *     version: '2026-02-02'
 *     published: '2026-02-02T09:30:00Z'
 *     by: anna@admin1
 *     from: /home/anna/training/run-17
 *     note: retrained with the winter pictures
 *     files:
 *     - {path: latest, link: model.tflite}
 *     - {path: model.tflite, size: 4161536, xxh3_128: ..., sha256: ...}
 *     digest: "..."
 *
 * Directories are not named: they follow from the paths. `digest` is the SHA-256 of all bytes
 * before its own line, so that every byte of a version is covered by something. Keys that are
 * not known are left alone; anything else that is not as above is an error with its place.
 *
 * Limits: VERSION_MANIFEST_MAX bytes, MANIFEST_ENTRIES_MAX files.
 */
#ifndef REGISTRY_PUBLISH_MANIFEST_H
#define REGISTRY_PUBLISH_MANIFEST_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tree/hash.h"

#define VERSION_MANIFEST        "manifest.yaml"
#define VERSION_MANIFEST_MAX    (8u << 20)
#define VERSION_MANIFEST_FORMAT 1
#define VERSION_NOTE_MAX        10000 /* bytes of the note, and of `from` */

/* One file, or link, of a version. */
struct version_file {
	const char *path;
	const char *link; /* where a link leads, NULL for a file */
	uint64_t size;
	uint8_t hash[TREE_HASH_SIZE];
	uint8_t sha256[TREE_SHA256_SIZE];
};

/* All-zero is empty. Strings that version_manifest_parse makes live in the arena. */
struct version_manifest {
	struct arena arena;
	const char *model, *version, *by, *from;
	const char *note; /* NULL: none */
	time_t published;
	struct version_file *items; /* by the bytes of their paths */
	size_t count, cap;
};

/*
 * Appends the text. Bytes of strings that are not UTF-8 become U+FFFD; paths and links are
 * UTF-8 (publish_source_open sees to that). ERR_LIMIT beyond VERSION_MANIFEST_MAX.
 */
int version_manifest_print(
	const struct version_manifest *m, struct strbuf *out, struct err *err);
/* Reads a text with all checks; `name` is for messages. Released in either case. */
int version_manifest_parse(struct version_manifest *m, const char *name, const char *text,
	size_t n, struct err *err);
/* Frees all; empty afterwards. */
void version_manifest_release(struct version_manifest *m);
/* The file of a path, or NULL. */
const struct version_file *version_manifest_find(
	const struct version_manifest *m, const char *path);

#endif
