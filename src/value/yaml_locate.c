/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the events along a path. Only the path's own nodes are looked at; all others
 * are skipped, but for where they end.
 */
#include "value/yaml_locate.h"

struct locator {
	struct yaml_reader reader;
	const char *const *path;
	struct yaml_spot *spot;
	size_t flow; /* inside how many flow collections */
};

static int walk(struct locator *l, size_t depth, size_t *end);

static yaml_event_t *event(struct locator *l)
{
	return &l->reader.event;
}

static size_t offset(struct locator *l, const yaml_mark_t *mark)
{
	return yaml_offset(&l->reader, mark) + l->reader.bom;
}

static bool is_flow(const yaml_event_t *e)
{
	return e->type == YAML_MAPPING_START_EVENT
		       ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		       : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
}

/* Passes over a node; *end is the offset behind its last byte. */
static int skip(struct locator *l, size_t *end)
{
	size_t depth = 0;

	do {
		yaml_event_t *e = event(l);

		switch (e->type) {
		case YAML_SEQUENCE_START_EVENT:
		case YAML_MAPPING_START_EVENT:
			*end = offset(l, &e->end_mark);
			depth++;
			break;
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_END_EVENT:
			/* The end of a block collection is where the next token begins. */
			if (e->end_mark.index > e->start_mark.index)
				*end = offset(l, &e->end_mark);
			depth--;
			break;
		default: *end = offset(l, &e->end_mark); break;
		}
		if (depth > l->reader.options.max_depth) {
			const struct place at = yaml_place(&l->reader, &e->start_mark);
			return yaml_fail(&l->reader, &at, ERR_LIMIT, "too many levels");
		}
		if (depth && yaml_reader_next(&l->reader) < 0)
			return -1;
	} while (depth);
	return 0;
}

/* What forbids to replace a scalar by other text. */
static const char *find_obstacle(const yaml_event_t *e)
{
	if (e->data.scalar.anchor)
		return "an anchor, which other places may refer to";
	if (e->data.scalar.tag)
		return "a tag";
	if (e->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
		e->data.scalar.style == YAML_FOLDED_SCALAR_STYLE)
		return "a block scalar (| or >)";
	return NULL;
}

static void record_scalar(struct locator *l, enum yaml_spot_kind kind, size_t depth)
{
	yaml_event_t *e = event(l);

	l->spot->kind = kind;
	l->spot->found = depth;
	l->spot->place = yaml_place(&l->reader, &e->start_mark);
	l->spot->start = offset(l, &e->start_mark);
	l->spot->end = offset(l, &e->end_mark);
	l->spot->style = e->data.scalar.style;
	l->spot->obstacle = find_obstacle(e);
	l->spot->in_flow = l->flow > 0;
}

static bool is_null_scalar(const yaml_event_t *e)
{
	return e->type == YAML_SCALAR_EVENT && e->data.scalar.plain_implicit &&
	       yaml_resolve((const char *)e->data.scalar.value, e->data.scalar.length) ==
		       YAML_TAG_NULL;
}

static bool key_matches(const yaml_event_t *e, const char *key)
{
	return e->type == YAML_SCALAR_EVENT && e->data.scalar.length == strlen(key) &&
	       !memcmp(e->data.scalar.value, key, strlen(key));
}

static int fail_path(struct locator *l, size_t depth, const char *found)
{
	const struct place at = yaml_place(&l->reader, &event(l)->start_mark);

	return yaml_fail(&l->reader, &at, ERR_INPUT,
		"found %s, expected a mapping with the key %s", found, l->path[depth]);
}

static void record_missing(struct locator *l, size_t depth, const struct place *at,
	const struct yaml_parent *parent)
{
	*l->spot = (struct yaml_spot){.kind = YAML_SPOT_MISSING,
		.found = depth,
		.place = *at,
		.in_flow = l->flow > 0,
		.parent = *parent};
}

/* One entry of a mapping, whose key's event is there. */
static int walk_entry(
	struct locator *l, size_t depth, struct yaml_parent *parent, bool *matched)
{
	size_t key_start = offset(l, &event(l)->start_mark), ignored;
	bool match = key_matches(event(l), l->path[depth]);

	if (match && *matched) {
		const struct place at = yaml_place(&l->reader, &event(l)->start_mark);
		return yaml_fail(&l->reader, &at, ERR_UNSUPPORTED,
			"the key %s is given twice; remove one of them", l->path[depth]);
	}
	if (!parent->entries++)
		parent->column = event(l)->start_mark.column;
	*matched = *matched || match;
	if (skip(l, &ignored) < 0 || yaml_reader_next(&l->reader) < 0)
		return -1;
	if (!match)
		return skip(l, &parent->last_end);
	if (walk(l, depth + 1, &parent->last_end) < 0)
		return -1;
	if (l->spot->found == depth + 1 && l->spot->kind != YAML_SPOT_MISSING)
		l->spot->key_start = key_start;
	return 0;
}

static int walk_mapping(struct locator *l, size_t depth, size_t *end)
{
	struct yaml_parent parent = {.flow = is_flow(event(l))};
	struct place at = yaml_place(&l->reader, &event(l)->start_mark);
	bool matched = false;

	parent.open = parent.last_end = offset(l, &event(l)->end_mark);
	l->flow += parent.flow;
	while (yaml_reader_next(&l->reader) == 0) {
		if (event(l)->type != YAML_MAPPING_END_EVENT) {
			if (walk_entry(l, depth, &parent, &matched) < 0)
				return -1;
			continue;
		}
		*end = parent.flow ? offset(l, &event(l)->end_mark) : parent.last_end;
		if (!matched)
			record_missing(l, depth, &at, &parent);
		else if (l->spot->found == depth + 1 && l->spot->kind != YAML_SPOT_MISSING)
			l->spot->parent = parent; /* now that all its entries are known */
		l->flow -= parent.flow;
		return 0;
	}
	return -1;
}

static int walk_sequence(struct locator *l, size_t depth, size_t *end)
{
	struct place at = yaml_place(&l->reader, &event(l)->start_mark);
	bool flow = is_flow(event(l)), matched = false;
	int64_t index, i = 0;

	if (!parse_int(l->path[depth], 0, INT32_MAX, &index))
		return fail_path(l, depth, "a list");
	l->flow += flow;
	for (; yaml_reader_next(&l->reader) == 0; i++) {
		if (event(l)->type == YAML_SEQUENCE_END_EVENT) {
			*end = flow ? offset(l, &event(l)->end_mark) : *end;
			l->flow -= flow;
			return matched ? 0
				       : yaml_fail(&l->reader, &at, ERR_NOTFOUND,
						 "the list has %d items, not one at %s", (int)i,
						 l->path[depth]);
		}
		if ((i == index ? walk(l, depth + 1, end) : skip(l, end)) < 0)
			return -1;
		matched = matched || i == index;
	}
	return -1;
}

/* Walks a node whose first event is there; path[0, depth) led to it. */
static int walk(struct locator *l, size_t depth, size_t *end)
{
	yaml_event_t *e = event(l);

	if (!l->path[depth]) {
		if (e->type == YAML_SCALAR_EVENT) {
			record_scalar(l, YAML_SPOT_SCALAR, depth);
		} else {
			l->spot->kind = YAML_SPOT_OTHER;
			l->spot->found = depth;
			l->spot->place = yaml_place(&l->reader, &e->start_mark);
			l->spot->start = offset(l, &e->start_mark);
		}
		if (skip(l, end) < 0)
			return -1;
		l->spot->end = *end;
		return 0;
	}
	switch (e->type) {
	case YAML_MAPPING_START_EVENT: return walk_mapping(l, depth, end);
	case YAML_SEQUENCE_START_EVENT: return walk_sequence(l, depth, end);
	case YAML_ALIAS_EVENT: return fail_path(l, depth, "an alias");
	default: break;
	}
	if (!is_null_scalar(e))
		return fail_path(l, depth, "a scalar");
	record_scalar(l, YAML_SPOT_NULL, depth);
	return skip(l, end);
}

static void locator_close(struct locator *l)
{
	yaml_reader_close(&l->reader);
}

int yaml_locate(struct arena *a, const char *text, size_t len, const char *file,
	const char *const *path, struct yaml_spot *spot, struct err *err)
{
	AUTO(locator_close) struct locator l = {.path = path, .spot = spot};

	*spot = (struct yaml_spot){.kind = YAML_SPOT_EMPTY};
	l.reader.arena = a;
	l.reader.err = err;
	size_t end = 0;
	if (yaml_reader_open(&l.reader, text, len, file) < 0 || yaml_reader_next(&l.reader) < 0)
		return -1;
	if (event(&l)->type == YAML_STREAM_END_EVENT)
		return 0;
	return yaml_reader_next(&l.reader) < 0 ? -1 : walk(&l, 0, &end);
}
