/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values out of libyaml's events. Reading is recursive, and bounded by the depth limit.
 *
 * An alias costs as many nodes as what it stands for, however often aliases of aliases are
 * stacked: values are shared and would not grow here, but whoever walks them later would.
 */
#include "value/yaml.h"

#include "base/fd.h"
#include "value/yaml_reader.h"

/* A value, and the tag that it was written with or resolved to. */
struct node {
	const struct value *value;
	enum yaml_tag tag;
	struct place place;
};

static int read_node(struct yaml_reader *r, struct node *out);

static int count_nodes(struct yaml_reader *r, size_t n, const struct place *at)
{
	r->nodes += n;
	if (r->nodes <= r->options.max_nodes)
		return 0;
	return yaml_fail(r, at, ERR_LIMIT,
		"more than %zu values, with those that aliases repeat; split the file",
		r->options.max_nodes);
}

static enum yaml_tag find_tag(const struct yaml_reader *r, const char *name)
{
	static const struct {
		const char *name;
		enum yaml_tag tag;
		bool ansible;
	} tags[] = {
		{YAML_STR_TAG, YAML_TAG_STR, false},
		{YAML_INT_TAG, YAML_TAG_INT, false},
		{YAML_FLOAT_TAG, YAML_TAG_FLOAT, false},
		{YAML_BOOL_TAG, YAML_TAG_BOOL, false},
		{YAML_NULL_TAG, YAML_TAG_NULL, false},
		{YAML_TIMESTAMP_TAG, YAML_TAG_TIMESTAMP, false},
		{YAML_SEQ_TAG, YAML_TAG_SEQ, false},
		{YAML_MAP_TAG, YAML_TAG_MAP, false},
		{"tag:yaml.org,2002:binary", YAML_TAG_BINARY, false},
		{"tag:yaml.org,2002:set", YAML_TAG_SET, false},
		{"tag:yaml.org,2002:omap", YAML_TAG_OMAP, false},
		{"tag:yaml.org,2002:pairs", YAML_TAG_PAIRS, false},
		{"tag:yaml.org,2002:merge", YAML_TAG_MERGE, false},
		{"!vault", YAML_TAG_VAULT, true},
		{"!vault-encrypted", YAML_TAG_VAULT, true},
		{"!unsafe", YAML_TAG_UNSAFE, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strcmp(tags[i].name, name) && !(tags[i].ansible && r->options.safe_loader))
			return tags[i].tag;
	return YAML_TAG_UNKNOWN;
}

/* The tag of a node: what is written, else what a node of this kind has by itself. */
static int node_tag(
	struct yaml_reader *r, const yaml_char_t *written, enum yaml_tag own, struct node *out)
{
	const char *name = (const char *)written;

	out->tag = !name || !strcmp(name, "!") ? own : find_tag(r, name);
	if (out->tag != YAML_TAG_UNKNOWN)
		return 0;
	return yaml_fail(r, &out->place, ERR_INPUT,
		"unknown tag %s; expected !vault, !unsafe or one of YAML's own such as !!str",
		name);
}

/* Enters an anchor before its node is read, so that an alias inside it is seen. */
static int open_anchor(struct yaml_reader *r, const yaml_char_t *name, const struct place *at,
	struct yaml_anchor **out)
{
	const struct yaml_anchor *old;

	*out = NULL;
	if (!name)
		return 0;
	old = strmap_get(&r->anchors, (const char *)name);
	if (old)
		return yaml_fail(r, at, ERR_INPUT,
			"the anchor &%s is there already, in line %u; give one of them another "
			"name",
			name, old->place.line);
	*out = ARENA_NEW(&r->anchor_arena, struct yaml_anchor);
	(*out)->place = *at;
	(*out)->nodes = r->nodes;
	strmap_set(&r->anchors, (const char *)name, *out);
	return 0;
}

static void close_anchor(
	struct yaml_reader *r, struct yaml_anchor *anchor, const struct node *node)
{
	if (!anchor)
		return;
	anchor->value = node->value;
	anchor->nodes = r->nodes - anchor->nodes;
}

static int read_alias(struct yaml_reader *r, struct node *out)
{
	const char *name = (const char *)r->event.data.alias.anchor;
	const struct yaml_anchor *anchor = strmap_get(&r->anchors, name);

	if (!anchor)
		return yaml_fail(r, &out->place, ERR_INPUT,
			"the alias *%s has no anchor &%s before it", name, name);
	if (!anchor->value)
		return yaml_fail(r, &out->place, ERR_INPUT,
			"the alias *%s stands inside its own anchor; a value cannot hold "
			"itself",
			name);
	if (count_nodes(r, anchor->nodes, &out->place) < 0)
		return -1;
	/* The same value, not a copy: that two places share it shows when it is written. */
	out->value = anchor->value;
	out->tag = YAML_TAG_UNKNOWN;
	return 0;
}

static void mark_string(const struct yaml_reader *r, struct value *v)
{
	if (v->kind != VALUE_STRING)
		return;
	v->unsafe = r->options.unsafe;
	v->tagged_unsafe = r->unsafe_depth > 0;
}

/* A date that is none and may be judged by the caller. */
static bool is_lenient(const struct yaml_reader *r, const struct node *node, bool implicit)
{
	return r->options.lenient_dates && implicit && node->tag == YAML_TAG_TIMESTAMP;
}

static int read_scalar(struct yaml_reader *r, struct node *out)
{
	const char *text = (const char *)r->event.data.scalar.value, *expected = "a scalar";
	size_t len = r->event.data.scalar.length;
	bool implicit = r->event.data.scalar.plain_implicit;
	enum yaml_tag own = implicit ? yaml_resolve(text, len) : YAML_TAG_STR;
	struct yaml_anchor *anchor;
	struct value *v = NULL;

	if (node_tag(r, r->event.data.scalar.tag, own, out) < 0 ||
		open_anchor(r, r->event.data.scalar.anchor, &out->place, &anchor) < 0)
		return -1;
	if (out->tag < YAML_TAG_SEQ || out->tag > YAML_TAG_PAIRS)
		v = yaml_construct(r->arena, out->tag, text, len, &expected);
	if (!v && is_lenient(r, out, implicit))
		v = value_new_stringn(r->arena, text, len);
	if (!v)
		return yaml_fail(r, &out->place, ERR_INPUT, "found \"%.60s\", expected %s",
			text, expected);
	v->place = out->place;
	mark_string(r, v);
	if (out->tag == YAML_TAG_UNSAFE)
		v->tagged_unsafe = true;
	out->value = v;
	close_anchor(r, anchor, out);
	return 0;
}

static int enter(struct yaml_reader *r, const struct node *node)
{
	if (++r->depth > r->options.max_depth)
		return yaml_fail(r, &node->place, ERR_LIMIT,
			"collections inside each other more than %zu deep",
			r->options.max_depth);
	r->unsafe_depth += node->tag == YAML_TAG_UNSAFE;
	return 0;
}

static void leave(struct yaml_reader *r, const struct node *node)
{
	r->depth--;
	r->unsafe_depth -= node->tag == YAML_TAG_UNSAFE;
}

static int fail_kind(struct yaml_reader *r, const struct node *node, const char *found)
{
	return yaml_fail(r, &node->place, ERR_INPUT,
		"found %s, expected a scalar behind the tag", found);
}

/* !!omap and !!pairs: of a list of mappings with one key each, a list of tuples. */
static struct value *make_pairs(struct yaml_reader *r, const struct value *list)
{
	struct value *pairs = value_new_list(r->arena);

	value_list_foreach (item, list) {
		if (item->kind != VALUE_DICT || item->pair_count != 1) {
			yaml_fail(r, &item->place, ERR_INPUT,
				"found %s, expected a mapping with one key",
				value_kind_name(item));
			return NULL;
		}
		struct value *tuple = value_new_tuple(r->arena);
		tuple->place = item->place;
		value_list_add(r->arena, tuple, item->pairs[0].key);
		value_list_add(r->arena, tuple, item->pairs[0].value);
		value_list_add(r->arena, pairs, tuple);
	}
	return pairs;
}

static int read_items(struct yaml_reader *r, struct value *list)
{
	for (;;) {
		struct node item = {0};

		if (yaml_reader_next(r) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (read_node(r, &item) < 0)
			return -1;
		value_list_add(r->arena, list, item.value);
	}
}

static int read_sequence(struct yaml_reader *r, struct node *out)
{
	struct yaml_anchor *anchor;

	if (node_tag(r, r->event.data.sequence_start.tag, YAML_TAG_SEQ, out) < 0 ||
		open_anchor(r, r->event.data.sequence_start.anchor, &out->place, &anchor) < 0 ||
		enter(r, out) < 0)
		return -1;
	if (out->tag == YAML_TAG_MAP || out->tag == YAML_TAG_SET)
		return yaml_fail(r, &out->place, ERR_INPUT, "found a list, expected a mapping");
	if (out->tag < YAML_TAG_SEQ || out->tag == YAML_TAG_VAULT)
		return fail_kind(r, out, "a list");
	struct value *list = value_new_list(r->arena);
	if (read_items(r, list) < 0)
		return -1;
	leave(r, out);
	if (out->tag == YAML_TAG_OMAP || out->tag == YAML_TAG_PAIRS)
		list = make_pairs(r, list);
	if (!list)
		return -1;
	list->place = out->place;
	out->value = list;
	close_anchor(r, anchor, out);
	return 0;
}

/* What "<<" names: a mapping, or a list of mappings of which the first wins. */
static int merge(struct yaml_reader *r, struct value *into, const struct node *from)
{
	const struct value *v = from->value;

	if (v->kind == VALUE_DICT) {
		value_dict_foreach (p, v)
			value_dict_set_value(r->arena, into, p->key, p->value);
		return count_nodes(r, v->pair_count, &from->place);
	}
	if (v->kind != VALUE_LIST)
		return yaml_fail(r, &from->place, ERR_INPUT,
			"found %s behind <<, expected a mapping or a list of mappings",
			value_kind_name(v));
	for (size_t i = v->count; i-- > 0;) {
		struct node item = {.value = v->items[i], .place = from->place};
		if (item.value->kind != VALUE_DICT)
			return yaml_fail(r, &from->place, ERR_INPUT,
				"found %s in the list behind <<, expected a mapping",
				value_kind_name(item.value));
		if (merge(r, into, &item) < 0)
			return -1;
	}
	return 0;
}

static int report_duplicate(
	struct yaml_reader *r, const struct node *key, const struct place *first)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool shown = value_is_textual(key->value);

	strbuf_addf(&text,
		"the key%s%.100s is given again, first in line %u; remove one of them",
		shown ? " " : "", shown ? key->value->text : "", first->line);
	if (r->options.duplicates_are_errors && !r->diags)
		return yaml_fail(r, &key->place, ERR_INPUT, "%s", text.data);
	if (r->options.duplicates_are_errors)
		diag_error(r->diags, &key->place, "%s", text.data);
	else if (r->diags)
		diag_warning(r->diags, &key->place, "%s (the last one counts)", text.data);
	return 0;
}

static int check_key(struct yaml_reader *r, const struct value *dict, const struct node *key)
{
	if (!value_hashable(key->value)) {
		bool bare = key->value->kind == VALUE_DICT &&
			    yaml_line_has_bare_template(r, r->line_start);
		return yaml_fail(r, &key->place, ERR_INPUT,
			"found %s as a key, expected a scalar%s", value_kind_name(key->value),
			bare ? "; a value that begins with {{ needs quotes: \"{{ name }}\""
			     : "");
	}
	const struct value_pair *first = value_dict_find(dict, key->value);
	return first ? report_duplicate(r, key, &first->key->place) : 0;
}

/* Merged keys come first and keep their order; the mapping's own override them. */
static struct value *combine(struct yaml_reader *r, struct value *merged, struct value *own)
{
	if (!merged)
		return own;
	value_dict_foreach (p, own)
		value_dict_set_value(r->arena, merged, p->key, p->value);
	return merged;
}

static struct value *read_pairs(struct yaml_reader *r)
{
	struct value *own = value_new_dict(r->arena), *merged = NULL;

	for (;;) {
		struct node key = {0}, value = {0};

		if (yaml_reader_next(r) < 0)
			return NULL;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (read_node(r, &key) < 0)
			return NULL;
		if (key.tag != YAML_TAG_MERGE && check_key(r, own, &key) < 0)
			return NULL;
		if (yaml_reader_next(r) < 0 || read_node(r, &value) < 0)
			return NULL;
		if (key.tag != YAML_TAG_MERGE) {
			value_dict_set_value(r->arena, own, key.value, value.value);
			continue;
		}
		if (!merged)
			merged = value_new_dict(r->arena);
		if (merge(r, merged, &value) < 0)
			return NULL;
	}
	return combine(r, merged, own);
}

static struct value *make_set(struct yaml_reader *r, const struct value *dict)
{
	struct value *list = value_new_list(r->arena);

	value_dict_foreach (p, dict)
		value_list_add(r->arena, list, p->key);
	return list;
}

static int read_mapping(struct yaml_reader *r, struct node *out)
{
	struct yaml_anchor *anchor;

	if (node_tag(r, r->event.data.mapping_start.tag, YAML_TAG_MAP, out) < 0 ||
		open_anchor(r, r->event.data.mapping_start.anchor, &out->place, &anchor) < 0 ||
		enter(r, out) < 0)
		return -1;
	if (out->tag == YAML_TAG_SEQ || out->tag == YAML_TAG_OMAP || out->tag == YAML_TAG_PAIRS)
		return yaml_fail(r, &out->place, ERR_INPUT, "found a mapping, expected a list");
	if (out->tag < YAML_TAG_SEQ || out->tag == YAML_TAG_VAULT)
		return fail_kind(r, out, "a mapping");
	struct value *v = read_pairs(r);
	if (!v)
		return -1;
	leave(r, out);
	if (out->tag == YAML_TAG_SET)
		v = make_set(r, v);
	v->place = out->place;
	out->value = v;
	close_anchor(r, anchor, out);
	return 0;
}

/* Reads the node whose first event is there; its last one is there afterwards. */
static int read_node(struct yaml_reader *r, struct node *out)
{
	out->place = yaml_place(r, &r->event.start_mark);
	if (count_nodes(r, 1, &out->place) < 0)
		return -1;
	switch (r->event.type) {
	case YAML_ALIAS_EVENT: return read_alias(r, out);
	case YAML_SCALAR_EVENT: return read_scalar(r, out);
	case YAML_SEQUENCE_START_EVENT: return read_sequence(r, out);
	case YAML_MAPPING_START_EVENT: return read_mapping(r, out);
	default: return yaml_fail(r, &out->place, ERR_INPUT, "expected a value");
	}
}

/* Reads the next document; *out is NULL at the end of the stream. */
static int read_document(struct yaml_reader *r, const struct value **out, struct place *at)
{
	struct node node = {0};

	*out = NULL;
	if (yaml_reader_next(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	*at = yaml_place(r, &r->event.start_mark);
	strmap_release(&r->anchors, NULL);
	/* The root's first event, its node, and the document's end. */
	if (yaml_reader_next(r) < 0 || read_node(r, &node) < 0 || yaml_reader_next(r) < 0)
		return -1;
	*out = node.value;
	return 0;
}

static const struct value *read_one(struct yaml_reader *r)
{
	const struct value *v, *second;
	struct place first_at, second_at;

	if (read_document(r, &v, &first_at) < 0)
		return NULL;
	if (!v)
		return &value_null;
	if (read_document(r, &second, &second_at) < 0)
		return NULL;
	if (second) {
		yaml_fail(r, &second_at, ERR_INPUT,
			"a second document begins here, expected only one; remove the --- "
			"line");
		return NULL;
	}
	return v;
}

const struct value *yaml_read(struct arena *a, const char *text, size_t len, const char *file,
	const struct yaml_options *options, struct diags *diags, struct err *err)
{
	AUTO(yaml_reader_close) struct yaml_reader r = {.arena = a, .diags = diags, .err = err};

	if (options)
		r.options = *options;
	return yaml_reader_open(&r, text, len, file) < 0 ? NULL : read_one(&r);
}

const struct value *yaml_read_all(struct arena *a, const char *text, size_t len,
	const char *file, const struct yaml_options *options, struct diags *diags,
	struct err *err)
{
	AUTO(yaml_reader_close) struct yaml_reader r = {.arena = a, .diags = diags, .err = err};
	struct value *list = value_new_list(a);

	if (options)
		r.options = *options;
	if (yaml_reader_open(&r, text, len, file) < 0)
		return NULL;
	for (;;) {
		const struct value *v;
		struct place at;

		if (read_document(&r, &v, &at) < 0)
			return NULL;
		if (!v)
			return list;
		value_list_add(a, list, v);
	}
}

const struct value *yaml_read_file(struct arena *a, const char *path,
	const struct yaml_options *options, struct diags *diags, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t max = options && options->max_bytes ? options->max_bytes : YAML_MAX_BYTES;

	if (file_read(path, max, &text, err) < 0)
		return NULL;
	return yaml_read(a, text.data, text.len, path, options, diags, err);
}
