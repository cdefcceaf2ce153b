/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's state, and how it speaks of what is wrong. Private to value/; the only header
 * that includes libyaml's.
 */
#ifndef VALUE_YAML_READER_H
#define VALUE_YAML_READER_H

#include <yaml.h>

#include "base/strmap.h"
#include "value/yaml.h"
#include "value/yaml_scalar.h"

struct yaml_reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the one that is looked at */
	struct arena *arena;
	const char *text; /* without a byte-order mark */
	size_t len;
	size_t bom;                  /* bytes of the byte-order mark */
	struct yaml_options options; /* limits filled in */
	struct diags *diags;
	struct err *err;
	const char *file;
	struct strmap anchors; /* struct yaml_anchor */
	struct arena anchor_arena;
	size_t nodes;
	size_t depth;
	size_t unsafe_depth; /* inside how many !unsafe collections */
	/* Where the line of the last place begins; spares counting from the start each time. */
	size_t mark_index, mark_offset, line_start;
	size_t line;
};

struct yaml_anchor {
	const struct value *value; /* NULL while it is being read */
	size_t nodes;
	struct place place;
};

/* Fills in limits and starts the parser behind the start of the stream. -1 with err. */
int yaml_reader_open(struct yaml_reader *r, const char *text, size_t len, const char *file);
/* Frees all but the arena's. */
void yaml_reader_close(struct yaml_reader *r);
/* Goes on to the next event. */
int yaml_reader_next(struct yaml_reader *r);

/* The offset in bytes of a mark in r->text. */
size_t yaml_offset(struct yaml_reader *r, const yaml_mark_t *mark);
/* The place of a mark that libyaml gave. */
struct place yaml_place(struct yaml_reader *r, const yaml_mark_t *mark);
/* Fails with a text at a place; always -1. */
int yaml_fail(struct yaml_reader *r, const struct place *at, enum err_code code,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Fails with what libyaml's parser found, and a remedy where we know one; always -1. */
int yaml_fail_parser(struct yaml_reader *r);
/* True if the line of a place holds an unquoted "{{" as the beginning of a value. */
bool yaml_line_has_bare_template(const struct yaml_reader *r, size_t line_start);

#endif
