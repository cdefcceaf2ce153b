/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ansible's dumper is PyYAML's representer before libyaml's emitter. The emitter is the same
 * one here; this file is the representer: tags, styles, the order of keys, and anchors for
 * collections and dates that stand in more than one place (the same value by address).
 */
#include "value/yaml_emit.h"

#include <inttypes.h>
#include <yaml.h>

#include "base/base64.h"
#include "base/strmap.h"
#include "value/sort.h"
#include "value/yaml_scalar.h"
#include "value/yaml_text.h"

#define BASE64_LINE_BYTES ((size_t)57) /* make a line of 76 characters */

struct emitter {
	yaml_emitter_t yaml;
	const struct yaml_emit_options *options;
	struct strmap shared; /* by address: struct sharing */
	struct arena arena;   /* of the sharings */
	unsigned last_anchor;
	unsigned depth;
	struct strbuf *out;
	struct err *err;
};

/* A value that may be shared. */
struct sharing {
	unsigned anchor; /* 0 while it was seen only once */
	bool written;
};

static int emit_value(struct emitter *e, const struct value *v);

static int append(void *data, unsigned char *buffer, size_t size)
{
	strbuf_add(data, buffer, size);
	return 1;
}

/* Hands an event over; `made` is what its initialiser returned. */
static int emit(struct emitter *e, yaml_event_t *event, int made)
{
	if (!made)
		return err_set(e->err, ERR_INPUT, "a text that is not UTF-8 cannot be YAML");
	if (!yaml_emitter_emit(&e->yaml, event))
		return err_set(e->err, ERR_INPUT, "cannot be written as YAML: %s",
			e->yaml.problem ? e->yaml.problem : "unknown cause");
	return 0;
}

static bool is_shareable(const struct emitter *e, const struct value *v)
{
	if (e->options->no_aliases)
		return false;
	return v->kind == VALUE_LIST || v->kind == VALUE_DICT || v->kind == VALUE_DATE ||
	       v->kind == VALUE_DATETIME || v->kind == VALUE_VAULT ||
	       (v->kind == VALUE_TUPLE && v->count > 0);
}

static struct sharing *find_sharing(struct emitter *e, const struct value *v, bool *is_new)
{
	char key[24];

	snprintf(key, sizeof(key), "%" PRIxPTR, (uintptr_t)v);
	struct sharing *s = strmap_get(&e->shared, key);
	*is_new = !s;
	if (!s) {
		s = ARENA_NEW(&e->arena, struct sharing);
		strmap_set(&e->shared, key, s);
	}
	return s;
}

/* The pairs in the order in which they are written; keys without an order stay as they are. */
static struct value_pair *order_pairs(const struct emitter *e, const struct value *v)
{
	struct value_pair *pairs = e->options->sort_keys ? value_sorted_pairs(v, NULL) : NULL;

	return pairs ? pairs : xmemdup(v->pairs, v->pair_count * sizeof(*pairs));
}

static int check_depth(struct emitter *e)
{
	if (e->depth <= YAML_EMIT_MAX_DEPTH)
		return 0;
	return err_set(e->err, ERR_LIMIT, "values inside each other more than %d deep",
		YAML_EMIT_MAX_DEPTH);
}

/* Numbers what is met a second time, in the order in which it will be written. */
static int find_shared(struct emitter *e, const struct value *v)
{
	int rc = 0;

	if (is_shareable(e, v)) {
		bool is_new;
		struct sharing *s = find_sharing(e, v, &is_new);

		if (!is_new && !s->anchor)
			s->anchor = ++e->last_anchor;
		if (!is_new)
			return 0;
	}
	e->depth++;
	if (check_depth(e) < 0)
		return -1;
	if (v->kind == VALUE_LIST || v->kind == VALUE_TUPLE)
		for (size_t i = 0; i < v->count && rc == 0; i++)
			rc = find_shared(e, v->items[i]);
	if (v->kind == VALUE_DICT) {
		autofree struct value_pair *pairs = order_pairs(e, v);

		for (size_t i = 0; i < v->pair_count && rc == 0; i++) {
			rc = find_shared(e, pairs[i].key);
			if (rc == 0)
				rc = find_shared(e, pairs[i].value);
		}
	}
	e->depth--;
	return rc;
}

static yaml_scalar_style_t default_style(const struct emitter *e)
{
	static const yaml_scalar_style_t styles[] = {
		[YAML_STYLE_DEFAULT] = YAML_PLAIN_SCALAR_STYLE,
		[YAML_STYLE_SINGLE] = YAML_SINGLE_QUOTED_SCALAR_STYLE,
		[YAML_STYLE_DOUBLE] = YAML_DOUBLE_QUOTED_SCALAR_STYLE,
		[YAML_STYLE_LITERAL] = YAML_LITERAL_SCALAR_STYLE,
		[YAML_STYLE_FOLDED] = YAML_FOLDED_SCALAR_STYLE,
	};

	return styles[e->options->style];
}

/* True for what PyYAML writes as a block scalar whatever the style asked for. */
static bool is_always_literal(const struct value *v)
{
	return v->kind == VALUE_BYTES || v->kind == VALUE_VAULT;
}

static void add_base64_lines(struct strbuf *out, const char *data, size_t n)
{
	for (size_t at = 0; at < n; at += BASE64_LINE_BYTES) {
		size_t left = n - at;

		base64_encode(BASE64_STANDARD, data + at,
			left < BASE64_LINE_BYTES ? left : BASE64_LINE_BYTES, out);
		strbuf_addch(out, '\n');
	}
}

/* The text of a scalar and its tag. */
static void represent(
	const struct value *v, struct strbuf *text, const char **tag, enum yaml_tag *kind)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_BYTES:
		add_base64_lines(text, v->text, v->len);
		*tag = "tag:yaml.org,2002:binary";
		*kind = YAML_TAG_BINARY;
		return;
	case VALUE_VAULT:
		strbuf_add(text, v->text, v->len);
		*tag = "!vault";
		*kind = YAML_TAG_VAULT;
		return;
	case VALUE_STRING:
		strbuf_add(text, v->text, v->len);
		*tag = YAML_STR_TAG;
		*kind = YAML_TAG_STR;
		return;
	case VALUE_DATE:
	case VALUE_DATETIME:
		strbuf_add(text, v->text, v->len);
		if (v->kind == VALUE_DATETIME && v->len > 10)
			text->data[10] = ' ';
		*tag = YAML_TIMESTAMP_TAG;
		*kind = YAML_TAG_TIMESTAMP;
		return;
	case VALUE_FLOAT:
		*tag = YAML_FLOAT_TAG;
		*kind = YAML_TAG_FLOAT;
		break;
	case VALUE_BOOL:
		*tag = YAML_BOOL_TAG;
		*kind = YAML_TAG_BOOL;
		break;
	case VALUE_NULL:
		*tag = YAML_NULL_TAG;
		*kind = YAML_TAG_NULL;
		break;
	default:
		*tag = YAML_INT_TAG;
		*kind = YAML_TAG_INT;
		break;
	}
	yaml_add_scalar(text, v, YAML_QUOTES_NONE);
}

/* How a scalar is written; of a string that is to be a block also what. */
static yaml_scalar_style_t scalar_style(
	const struct emitter *e, const struct value *v, struct strbuf *text)
{
	AUTO(strbuf_release) struct strbuf block = STRBUF_INIT;

	if (is_always_literal(v))
		return YAML_LITERAL_SCALAR_STYLE;
	if (v->kind != VALUE_STRING || !e->options->block_of ||
		!e->options->block_of(e->options->block_data, v, &block))
		return default_style(e);
	strbuf_clear(text);
	strbuf_add(text, block.data, block.len);
	return YAML_LITERAL_SCALAR_STYLE;
}

static int emit_scalar(struct emitter *e, const struct value *v, const char *anchor)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *tag;
	enum yaml_tag kind;
	yaml_event_t event;

	represent(v, &text, &tag, &kind);
	yaml_scalar_style_t style = scalar_style(e, v, &text);
	/* libyaml leaves the tag out where a reader would find it by itself. */
	bool plain = yaml_resolve(text.data, text.len) == kind, quoted = kind == YAML_TAG_STR;
	return emit(e, &event,
		yaml_scalar_event_initialize(&event, (const yaml_char_t *)anchor,
			(const yaml_char_t *)tag, (const yaml_char_t *)text.data, (int)text.len,
			plain, quoted, style));
}

/* True for a scalar that is written without a style of its own. */
static bool is_plain_scalar(const struct emitter *e, const struct value *v)
{
	return e->options->style == YAML_STYLE_DEFAULT && !is_always_literal(v) &&
	       v->kind != VALUE_LIST && v->kind != VALUE_TUPLE && v->kind != VALUE_DICT;
}

static bool has_only_scalars(const struct emitter *e, const struct value *v)
{
	if (v->kind != VALUE_DICT) {
		for (size_t i = 0; i < v->count; i++)
			if (!is_plain_scalar(e, v->items[i]))
				return false;
		return true;
	}
	value_dict_foreach (p, v)
		if (!is_plain_scalar(e, p->key) || !is_plain_scalar(e, p->value))
			return false;
	return true;
}

static bool is_flow(const struct emitter *e, const struct value *v)
{
	return e->options->flow == YAML_FLOW ||
	       (e->options->flow == YAML_FLOW_LEAVES && has_only_scalars(e, v));
}

static int emit_list(struct emitter *e, const struct value *v, const char *anchor)
{
	yaml_event_t event;
	yaml_sequence_style_t style =
		is_flow(e, v) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;

	if (emit(e, &event,
		    yaml_sequence_start_event_initialize(&event, (const yaml_char_t *)anchor,
			    (const yaml_char_t *)YAML_SEQ_TAG, 1, style)) < 0)
		return -1;
	for (size_t i = 0; i < v->count; i++)
		if (emit_value(e, v->items[i]) < 0)
			return -1;
	return emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

static int emit_dict(struct emitter *e, const struct value *v, const char *anchor)
{
	autofree struct value_pair *pairs = order_pairs(e, v);
	yaml_event_t event;
	yaml_mapping_style_t style =
		is_flow(e, v) ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;

	if (emit(e, &event,
		    yaml_mapping_start_event_initialize(&event, (const yaml_char_t *)anchor,
			    (const yaml_char_t *)YAML_MAP_TAG, 1, style)) < 0)
		return -1;
	for (size_t i = 0; i < v->pair_count; i++)
		if (emit_value(e, pairs[i].key) < 0 || emit_value(e, pairs[i].value) < 0)
			return -1;
	return emit(e, &event, yaml_mapping_end_event_initialize(&event));
}

static int emit_kind(struct emitter *e, const struct value *v, const char *anchor)
{
	switch ((enum value_kind)v->kind) {
	case VALUE_LIST:
	case VALUE_TUPLE: return emit_list(e, v, anchor);
	case VALUE_DICT: return emit_dict(e, v, anchor);
	case VALUE_OBJECT:
		return err_set(e->err, ERR_UNSUPPORTED,
			"a template's own object cannot be written as YAML");
	default: return emit_scalar(e, v, anchor);
	}
}

static int emit_value(struct emitter *e, const struct value *v)
{
	char name[16];
	const char *anchor = NULL;

	if (is_shareable(e, v)) {
		bool is_new;
		struct sharing *s = find_sharing(e, v, &is_new);

		if (s->anchor) {
			snprintf(name, sizeof(name), "id%03u", s->anchor);
			anchor = name;
		}
		if (anchor && s->written) {
			yaml_event_t event;
			return emit(e, &event,
				yaml_alias_event_initialize(
					&event, (const yaml_char_t *)anchor));
		}
		s->written = true;
	}
	e->depth++;
	int rc = check_depth(e) < 0 ? -1 : emit_kind(e, v, anchor);
	e->depth--;
	return rc;
}

static int emit_document(struct emitter *e, const struct value *v)
{
	yaml_event_t event;

	if (emit(e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) <
			0 ||
		emit(e, &event,
			yaml_document_start_event_initialize(
				&event, NULL, NULL, NULL, !e->options->explicit_start)) < 0 ||
		emit_value(e, v) < 0 ||
		emit(e, &event,
			yaml_document_end_event_initialize(&event, !e->options->explicit_end)) <
			0)
		return -1;
	return emit(e, &event, yaml_stream_end_event_initialize(&event));
}

static void emitter_release(struct emitter *e)
{
	yaml_emitter_delete(&e->yaml);
	strmap_release(&e->shared, NULL);
	arena_release(&e->arena);
}

int yaml_emit(const struct value *v, const struct yaml_emit_options *options,
	struct strbuf *out, struct err *err)
{
	AUTO(emitter_release) struct emitter e = {.options = options, .out = out, .err = err};

	if (!yaml_emitter_initialize(&e.yaml))
		return err_set(err, ERR_SYSTEM, "out of memory");
	yaml_emitter_set_output(&e.yaml, append, out);
	yaml_emitter_set_indent(&e.yaml, options->indent);
	yaml_emitter_set_width(&e.yaml, options->width);
	yaml_emitter_set_unicode(&e.yaml, options->unicode);
	return find_shared(&e, v) < 0 ? -1 : emit_document(&e, v);
}
