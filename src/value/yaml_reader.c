/* SPDX-License-Identifier: Apache-2.0 */
#include "value/yaml_reader.h"

static void fill_limits(struct yaml_options *o)
{
	if (!o->max_bytes)
		o->max_bytes = YAML_MAX_BYTES;
	if (!o->max_depth)
		o->max_depth = YAML_MAX_DEPTH;
	if (!o->max_nodes)
		o->max_nodes = YAML_MAX_NODES;
}

int yaml_reader_open(struct yaml_reader *r, const char *text, size_t len, const char *file)
{
	const struct place whole = {.file = file};

	fill_limits(&r->options);
	r->file = arena_strdup(r->arena, file);
	if (!yaml_parser_initialize(&r->parser))
		return err_set(r->err, ERR_SYSTEM, "out of memory");
	if (len > r->options.max_bytes)
		return yaml_fail(r, &whole, ERR_LIMIT,
			"%zu bytes are more than the limit of %zu", len, r->options.max_bytes);
	r->bom = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
	r->text = text + r->bom;
	r->len = len - r->bom;
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->len);
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	return yaml_reader_next(r);
}

void yaml_reader_close(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	strmap_release(&r->anchors, NULL);
	arena_release(&r->anchor_arena);
}

int yaml_reader_next(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return yaml_fail_parser(r);
	return 0;
}
