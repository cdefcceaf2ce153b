/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items: small typed trees, for arguments and results whose fields differ from module to
 * module. Everything with fields that never change is a struct of wire/op.h instead.
 *
 *     u8 type, then
 *     NULL, FALSE, TRUE    nothing
 *     INT                  i64
 *     FLOAT                u64: the bits of an IEEE double
 *     STRING, BYTES        u32 length, the bytes
 *     LIST                 u32 count, the items
 *     DICT                 u32 count, then for each: u16 length, the key's bytes, the item
 *
 * STRING is text for people and templates, in whatever bytes the node had; BYTES is content.
 * The top is always a DICT.
 */
#ifndef WIRE_ITEM_H
#define WIRE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define ITEM_DEPTH_MAX 16         /* lists and dicts inside one another */
#define ITEM_COUNT_MAX 100000u    /* items in one tree */
#define ITEM_SIZE_MAX  (8u << 20) /* bytes of one serialised tree */

enum item_type {
	ITEM_NULL,
	ITEM_FALSE,
	ITEM_TRUE,
	ITEM_INT,
	ITEM_FLOAT,
	ITEM_STRING,
	ITEM_BYTES,
	ITEM_LIST,
	ITEM_DICT
};

/*
 * Builds a tree into a buffer. Errors stick and are told by item_finish: too deep, too large,
 * a list or dict not closed. A key is needed inside a dict and must be NULL inside a list.
 */
struct item_writer {
	struct strbuf *out;
	unsigned depth;
	struct {
		size_t at; /* where the count stands */
		uint32_t count;
		bool dict;
	} open[ITEM_DEPTH_MAX];
	uint32_t total;     /* items so far */
	const char *wrong;  /* the first mistake, */
	enum err_code code; /* and its kind */
};

/* Starts a tree; its top is an open dict. `out` is emptied. */
void item_begin(struct item_writer *w, struct strbuf *out);
/* Adds null. */
void item_put_null(struct item_writer *w, const char *key);
/* Adds a boolean. */
void item_put_bool(struct item_writer *w, const char *key, bool b);
/* Adds a number. */
void item_put_int(struct item_writer *w, const char *key, int64_t i);
/* Adds a floating-point number. */
void item_put_float(struct item_writer *w, const char *key, double d);
/* Adds a text; NULL adds null. */
void item_put_string(struct item_writer *w, const char *key, const char *s);
/* Adds a text of n bytes. */
void item_put_stringn(struct item_writer *w, const char *key, const char *s, size_t n);
/* Adds a text made by a format. */
void item_put_stringf(struct item_writer *w, const char *key, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Adds n bytes of content. */
void item_put_bytes(struct item_writer *w, const char *key, const void *data, size_t n);
/* Opens a dict; what follows goes into it until item_close. */
void item_open_dict(struct item_writer *w, const char *key);
/* Opens a list. */
void item_open_list(struct item_writer *w, const char *key);
/* Closes the innermost open list or dict. */
void item_close(struct item_writer *w);
/* Ends the tree; -1 with ERR_LIMIT or ERR_INPUT when something went wrong on the way. */
int item_finish(struct item_writer *w, struct err *err);

/* A tree that was read. Texts point into the data that was parsed; they end with no NUL. */
struct item {
	uint8_t type; /* enum item_type */
	const char *key;
	uint16_t key_len;
	union {
		int64_t integer;
		double real;
		struct {
			const char *text;
			uint32_t len;
		};
		struct {
			struct item *items; /* of a list or dict, in their order */
			uint32_t count;
		};
	};
};

/*
 * Reads a tree of n bytes into the arena; the bytes must outlive it. ERR_PROTOCOL for what is
 * malformed, ERR_LIMIT beyond the limits above.
 */
const struct item *item_parse(struct arena *a, const void *data, size_t n, struct err *err);
/* The member of a dict, or NULL; NULL too when d is NULL or no dict. */
const struct item *item_get(const struct item *d, const char *key);
/* The text of a member as a NUL-terminated copy in the arena, or NULL when it is absent,
 * null, not a text, or holds a NUL. */
const char *item_text(struct arena *a, const struct item *d, const char *key);
/* A member that is a boolean, else `otherwise`. */
bool item_bool(const struct item *d, const char *key, bool otherwise);
/* A member that is a number, else `otherwise`. */
int64_t item_int(const struct item *d, const char *key, int64_t otherwise);

#endif
