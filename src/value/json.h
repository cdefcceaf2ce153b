/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and out, as Python's json module reads and writes it: any value at the top, NaN and
 * Infinity, integers of any size kept exactly, the last of equal keys counts.
 *
 * The reader is our own because values need their place in the file, and integers their
 * digits, which no library at hand gives. Input is RFC 8259; text that is not UTF-8 is
 * refused; a lone surrogate escape becomes U+FFFD.
 */
#ifndef VALUE_JSON_H
#define VALUE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "value/value.h"

/* Limits that hold where the options have 0. */
#define JSON_MAX_BYTES (64u << 20)
#define JSON_MAX_DEPTH 200
#define JSON_MAX_NODES 2000000

struct json_options {
	bool duplicates_are_errors; /* a finding in diags; without it the last one counts
				       silently */
	bool strict_numbers;        /* refuse NaN, Infinity and -Infinity */
	bool unsafe;                /* the text is from an outsider: every string is unsafe */
	bool number_texts;          /* -0 and numbers with a point or an exponent are BIGINTs
				       whose text is as written, and is written so again */
	size_t max_bytes;
	size_t max_depth;
	size_t max_nodes;
};

/*
 * Reads one value. `file` is the name for messages and places, or NULL; options and diags may
 * be NULL. Returns NULL with err: ERR_INPUT or ERR_LIMIT.
 */
const struct value *json_read(struct arena *a, const char *text, size_t len, const char *file,
	const struct json_options *options, struct diags *diags, struct err *err);

/* Reads a file that holds one value; also ERR_NOTFOUND, ERR_DENIED or ERR_SYSTEM. */
const struct value *json_read_file(struct arena *a, const char *path,
	const struct json_options *options, struct diags *diags, struct err *err);

/*
 * How to write. All zero is json.dumps(v, ensure_ascii=False): one line, ", " and ": ".
 *
 *     to_json            {.ascii = true}
 *     to_nice_json       {.indent = 4, .sort_keys = true, .ascii = true}
 *     ansible-inventory  {.indent = 4, .sort_keys = true, .mark_vault = true,
 *                         .mark_unsafe = true}
 *     one event a line   {.compact = true, .strict_numbers = true}
 */
struct json_write_options {
	unsigned indent;     /* spaces a level; 0 means one line */
	bool empty_indent;   /* indent=0 in Python: lines without indentation */
	bool sort_keys;      /* by code point */
	bool ascii;          /* ensure_ascii: beyond ASCII as \uXXXX */
	bool compact;        /* "," and ":" without spaces */
	bool mark_vault;     /* VAULT as {"__ansible_vault": envelope}; else ERR_UNSUPPORTED */
	bool mark_unsafe;    /* what is tagged !unsafe as {"__ansible_unsafe": text} */
	bool strict_numbers; /* NaN and infinities are ERR_INPUT rather than names */
};

/* The depth beyond which a value is not written: a template can make one that holds itself. */
#define JSON_WRITE_MAX_DEPTH 1000

/*
 * Appends a value: tuples as lists, dates as their text, bytes as text (what is not UTF-8 as
 * U+FFFD), keys as Python turns them into strings. Options may be NULL. Returns -1 with err:
 * ERR_UNSUPPORTED for an OBJECT, ERR_INPUT for keys that cannot be sorted or be keys,
 * ERR_LIMIT.
 */
int json_write(const struct value *v, const struct json_write_options *options,
	struct strbuf *out, struct err *err);

#endif
