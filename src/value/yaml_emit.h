/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing YAML byte for byte as PyYAML's dump does with Ansible's dumper, which is libyaml's
 * emitter: the same choice of quotes, line breaks, flow and block style, and the same anchors
 * for what is shared.
 *
 *     to_yaml               {.flow = YAML_FLOW_LEAVES, .sort_keys = true, .unicode = true}
 *     to_nice_yaml          {.indent = 4, .flow = YAML_BLOCK, .sort_keys = true, .unicode =
 * true} ansible-inventory -y  {.flow = YAML_BLOCK, .sort_keys = true, .unicode = true}
 */
#ifndef VALUE_YAML_EMIT_H
#define VALUE_YAML_EMIT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "value/value.h"

enum yaml_flow {
	YAML_BLOCK,       /* default_flow_style=False */
	YAML_FLOW,        /* default_flow_style=True: all on one line as far as it fits */
	YAML_FLOW_LEAVES, /* default_flow_style=None: collections of plain scalars only */
};

enum yaml_style {
	YAML_STYLE_DEFAULT, /* plain where it can be, else single or double quotes */
	YAML_STYLE_SINGLE,  /* default_style "'" */
	YAML_STYLE_DOUBLE,  /* default_style '"' */
	YAML_STYLE_LITERAL, /* default_style '|' */
	YAML_STYLE_FOLDED,  /* default_style '>' */
};

struct yaml_emit_options {
	enum yaml_flow flow;
	enum yaml_style style;
	int indent;          /* 2 to 9; anything else means 2 */
	int width;           /* best line width; 0 or too small means 80; negative: no limit */
	bool sort_keys;      /* by Python's order; PyYAML's default is true */
	bool unicode;        /* allow_unicode: characters beyond ASCII stay as they are */
	bool explicit_start; /* "---" */
	bool explicit_end;   /* "..." */
	bool no_aliases;     /* write what is shared every time anew */
	/*
	 * Asked for each string: true where it is a literal block, whose text is then `block`.
	 * NULL: the style above holds for all.
	 */
	bool (*block_of)(const void *data, const struct value *text, struct strbuf *block);
	const void *block_data;
};

/* The depth beyond which a value is not written. */
#define YAML_EMIT_MAX_DEPTH 1000

/*
 * Appends a document, with a newline at its end. Keys of kinds that have no order among each
 * other stay as they are even with sort_keys. Returns -1 with err: ERR_UNSUPPORTED for an
 * OBJECT, ERR_INPUT for text that is not UTF-8, ERR_LIMIT; out then holds part of the text.
 */
int yaml_emit(const struct value *v, const struct yaml_emit_options *options,
	struct strbuf *out, struct err *err);

#endif
