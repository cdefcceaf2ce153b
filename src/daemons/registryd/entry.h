/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry of the registry: one version of one model.
 *
 *     {"model_name": "yolov8n-coco", "version": 2, "path": "models/yolov8n-coco/v2/model.onnx",
 *      "status": "staging", "creation_timestamp": "2025-07-01T15:30:00Z",
 *      "metadata": {"metrics": {"accuracy": 0.82}}, "date": "2025-07-01"}
 *
 * `date` is there where the version's files lie in a store of versions. An entry does not
 * change: a change makes a new one. It is counted by references, from any thread.
 */
#ifndef REGISTRYD_ENTRY_H
#define REGISTRYD_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "value/value.h"

#define ENTRY_NAME_MAX       200u
#define ENTRY_PATH_MAX       4096u
#define ENTRY_TIME_MAX       64u
#define ENTRY_METADATA_MAX   (256u << 10) /* bytes, written in one line */
#define ENTRY_METADATA_DEPTH 64u
#define ENTRY_ETAG_MAX       17 /* 16 hex digits and a NUL */

enum entry_status { ENTRY_STAGING, ENTRY_PRODUCTION, ENTRY_ARCHIVED };

struct entry {
	const char *model_name;
	int64_t version; /* from 1 */
	const char *path;
	enum entry_status status;
	const char *creation_timestamp; /* ISO 8601 */
	const char *metadata;           /* a JSON object in one line; numbers as given */
	const char *date;               /* YYYY-MM-DD, or NULL */

	/* The rest is made by entry_new and by the store. */
	const char *json; /* the entry as above, in one line without spaces */
	size_t json_len;
	char etag[ENTRY_ETAG_MAX]; /* of that text: the same on every instance of the daemon */
	uint64_t position;         /* in the order of creation; unlike any other of its list */
	const char *file_text;     /* in registry.json, with keys of other people; or NULL */
	atomic_uint references;
};

/*
 * Makes an entry from the first fields of another, which are copied and not checked. With
 * `in_file` it has a file_text: of those fields, and of the members of `others` (a dict, or
 * NULL) that no field is called as. metadata is to be compact JSON (entry_metadata).
 */
struct entry *entry_new(const struct entry *fields, uint64_t position, bool in_file,
	const struct value *others);
/* Takes a reference more. */
struct entry *entry_ref(const struct entry *entry);
/* Gives one back; NULL is fine. */
void entry_unref(const struct entry *entry);

/* The name of a status: "staging", "production", "archived". */
const char *entry_status_name(enum entry_status status);
/* The status of a name; false if there is none. */
bool entry_status_read(const char *name, enum entry_status *out);
/* True for what a model may be called: [A-Za-z0-9][A-Za-z0-9._-]*, ENTRY_NAME_MAX at most. */
bool entry_name_is_valid(const char *name);
/* True for a path: not empty, without control characters, ENTRY_PATH_MAX at most. */
bool entry_path_is_valid(const char *path);
/* True for ISO 8601: a date, "T" or a space, a time, and no zone, "Z" or an offset. */
bool entry_time_is_valid(const char *time);
/*
 * Reads a JSON object for `metadata`: strict JSON, no key twice, within the limits. The value
 * keeps numbers as they are written. NULL with err (ERR_INPUT, ERR_LIMIT), whose text has line
 * and column.
 */
const struct value *entry_metadata_read(struct arena *a, const char *json, struct err *err);
/* Writes such a value in one line. -1 with err when that is beyond the limit. */
int entry_metadata_write(const struct value *metadata, struct strbuf *out, struct err *err);
/* Merges a patch into it by RFC 7396; both as entry_metadata_read gives them. In the arena. */
const struct value *entry_metadata_merge(
	struct arena *a, const struct value *metadata, const struct value *patch);

/*
 * Reads an entry of registry.json into fields that live in the arena. What is wrong is told
 * with its place: ERR_INPUT, ERR_LIMIT.
 */
int entry_read(struct arena *a, const struct value *v, struct entry *fields, struct err *err);
/* True if a key of a JSON object is this one; strcmp would stop at a NUL in it. */
bool entry_key_is(const struct value *key, const char *name);

#endif
