/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: which version each file on this device is, for people and other programs.
 * Written whole or not at all, after the files that it names.
 *
 *     {"device_id": "jetson-site-001", "last_sync": "2026-02-25T21:00:00Z",
 *      "models": {"yolo11n-plate.pt": {"mlflow_name": "alpr-florida-plate-detector",
 *        "version": 3, "alias": "champion", "downloaded_at": "2026-02-25T21:00:00Z",
 *        "run_id": "e8d5ef84a1b2c3d4e5f6"}}}
 *
 * `version` is a number where the source's is one, else a text.
 */
#ifndef SYNC_AGENT_MANIFEST_H
#define SYNC_AGENT_MANIFEST_H

#include <stdbool.h>

#include "value/value.h"

#define MANIFEST_MAX_BYTES (4u << 20)

/* What a file is. Strings live in an arena; file and version are never NULL. */
struct record {
	const char *file;    /* below models_dir */
	const char *name;    /* in the registry */
	const char *version; /* "3" */
	const char *run_id;  /* "" where the source has none */
	const char *alias;   /* or stage, or revision */
	const char *downloaded_at;
};

/* An all-zero struct is an empty manifest. */
struct manifest {
	const char *device_id;
	const char *last_sync; /* NULL: never */
	struct {
		struct record *items;
		size_t count, cap;
	} models;
};

/* Reads it; ERR_NOTFOUND, ERR_INPUT or ERR_LIMIT for one that is broken, and it is empty. */
int manifest_read(
	struct arena *a, const char *path, struct manifest *manifest, struct err *err);
/* Replaces the file. */
int manifest_write(const char *path, const struct manifest *manifest, struct err *err);
/* Frees the list; the strings are the arena's. */
void manifest_release(struct manifest *manifest);

/* The record of a file, or NULL. */
struct record *manifest_find(const struct manifest *manifest, const char *file);
/* Sets a file's record. */
void manifest_put(struct manifest *manifest, const struct record *record);
/* Forgets a file. */
void manifest_remove(struct manifest *manifest, const char *file);

/* The member `models`, for the status too. */
struct value *manifest_models(struct arena *a, const struct manifest *manifest);
/* One record as it stands there, without its file's name. */
struct value *record_value(struct arena *a, const struct record *record);
/* Reads that; false when it is none. */
bool record_read(
	struct arena *a, const char *file, const struct value *v, struct record *record);
/* True if a record is of that version of that model. */
bool record_is(
	const struct record *record, const char *name, const char *version, const char *run_id);

#endif
