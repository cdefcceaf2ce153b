/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading YAML 1.1 with the meaning that PyYAML's SafeLoader and Ansible's loader give it:
 * yes/no/on/off, 017, 0x1f, 1:30:00, 1_000, .inf, ~, dates and times, merge keys, and
 * Ansible's tags !vault, !vault-encrypted and !unsafe beside the standard ones.
 * Four differences: !!set gives a list, a value that contains itself is refused, a plain "="
 * and a "<<" that is no key are text (PyYAML refuses them), and overriding a merged key is
 * no duplicate (Ansible warns).
 *
 * Every value and every key has its place. The file's name in it is copied into the arena.
 *
 * What stops reading (syntax, an unknown tag, a limit) is the error; what does not (a key
 * given twice) goes to the list of findings. Texts are "file:line:column: found; expected".
 */
#ifndef VALUE_YAML_H
#define VALUE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "value/value.h"

/* Limits that hold where the options have 0. */
#define YAML_MAX_BYTES (16u << 20) /* size of the input */
#define YAML_MAX_DEPTH 200         /* collections inside collections */
#define YAML_MAX_NODES 1000000     /* values, every use of an alias counted with all below it */

struct yaml_options {
	bool duplicates_are_errors; /* else a warning; the last one counts either way */
	bool lenient_dates; /* 2026-02-30 is a string, for the caller to judge; else an error */
	bool unsafe;        /* the text is from an outsider: every string is unsafe */
	bool safe_loader;   /* refuse Ansible's tags as yaml.safe_load does (from_yaml) */
	size_t max_bytes;
	size_t max_depth;
	size_t max_nodes;
};

/*
 * Reads a text that holds at most one document. An empty one gives VALUE_NULL. `file` is the
 * name for messages and places, or NULL; options and diags may be NULL. Returns NULL with
 * err: ERR_INPUT or ERR_LIMIT. The value lives in the arena.
 */
const struct value *yaml_read(struct arena *a, const char *text, size_t len, const char *file,
	const struct yaml_options *options, struct diags *diags, struct err *err);

/* Reads any number of documents into a list. */
const struct value *yaml_read_all(struct arena *a, const char *text, size_t len,
	const char *file, const struct yaml_options *options, struct diags *diags,
	struct err *err);

/* Reads the one document of a file; also ERR_NOTFOUND, ERR_DENIED or ERR_SYSTEM. */
const struct value *yaml_read_file(struct arena *a, const char *path,
	const struct yaml_options *options, struct diags *diags, struct err *err);

/*
 * What a plain scalar without a tag means, e.g. for "-e key=value": "yes" gives true, "1_0"
 * gives 10, "abc" a string. Never fails: what cannot be resolved is a string.
 */
struct value *yaml_scalar(struct arena *a, const char *text, size_t len);

#endif
