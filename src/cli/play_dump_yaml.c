/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as YAML that a person reads: texts of several lines are blocks, for which they lose
 * what a block cannot hold. There are two shapes, of Ansible's setting callback_result_format
 * and of the output "yaml" of the collection community.general.
 */
#include "cli/play_text.h"
#include "play/diff.h"
#include "template/utf8.h"
#include "value/yaml_emit.h"

#define TAB_WIDTH       8
#define YAML_INDENT     4    /* of RESULTS_YAML, and of what stands in front of its lines */
#define HEADED_WIDTH    1000 /* of its lines, before they are broken */
#define NEXT_LINE       0x85 /* U+0085 */
#define BYTE_ORDER_MARK 0xfeff

/* ---- texts of several lines ---- */

static bool breaks_line(uint32_t c, bool headed)
{
	if (headed && (c == '\r' || (c >= 0x1c && c <= 0x1e)))
		return true;
	return c == '\n' || c == NEXT_LINE || c == 0x2028 || c == 0x2029;
}

static bool has_lines(const struct value *text, bool headed)
{
	size_t taken;

	for (size_t at = 0; at < text->len; at += taken)
		if (breaks_line(utf8_next(text->text + at, text->len - at, &taken), headed))
			return true;
	return false;
}

/* Whether a block may hold a character. */
static bool fits_block(uint32_t c, bool headed)
{
	if (c == '\n' || (c >= 0x20 && c <= 0x7e) || (c == NEXT_LINE && !headed))
		return true;
	return c >= 0xa0 && c != BYTE_ORDER_MARK;
}

/* Takes the spaces away that stand in front of where the text now ends. */
static void trim_spaces(struct strbuf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		strbuf_truncate(out, out->len - 1);
}

/* How much of a text there is in front of the white space at its end. */
static size_t stripped_len(const struct value *text)
{
	size_t len = 0, taken;

	for (size_t at = 0; at < text->len; at += taken) {
		uint32_t c = utf8_next(text->text + at, text->len - at, &taken);
		if (!utf8_is(c, UTF8_SPACE))
			len = at + taken;
	}
	return len;
}

/* A text as a block can hold it: without space at its end and its lines', without tabs. */
static void make_readable(const struct value *text, bool headed, struct strbuf *out)
{
	size_t len = stripped_len(text), taken;
	unsigned column = 0;

	for (size_t at = 0; at < len; at += taken) {
		uint32_t c = utf8_next(text->text + at, len - at, &taken);
		if (c == '\t') {
			unsigned spaces = TAB_WIDTH - column % TAB_WIDTH;
			strbuf_addf(out, "%*s", (int)spaces, "");
			column += spaces;
			continue;
		}
		column = c == '\n' || c == '\r' ? 0 : column + 1;
		if (breaks_line(c, false))
			trim_spaces(out);
		if (fits_block(c, headed))
			strbuf_add(out, text->text + at, taken);
	}
}

static bool block_readable(const void *data, const struct value *text, struct strbuf *block)
{
	const bool *headed = data;

	if (!has_lines(text, *headed))
		return false;
	make_readable(text, *headed, block);
	return true;
}

/* A block that loses nothing; where that cannot be, quotes. */
static bool block_exact(const void *data, const struct value *text, struct strbuf *block)
{
	(void)data;
	if (!has_lines(text, false))
		return false;
	strbuf_add(block, text->text, text->len);
	return true;
}

/* ---- values ---- */

/* Appends a value; what cannot be written says so. */
static void add_yaml(
	const struct value *v, const struct yaml_emit_options *o, struct strbuf *out)
{
	size_t start = out->len;
	struct err err = {0};

	if (yaml_emit(v, o, out, &err) == 0)
		return;
	strbuf_truncate(out, start);
	strbuf_addf(out, "msg: 'the result cannot be shown: %s'\n", err.text);
}

/* Appends lines with spaces in front; empty ones without, unless all are to have them. */
static void add_indented(const char *lines, unsigned spaces, bool all, struct strbuf *out)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		if (all || n)
			strbuf_addf(out, "%*s", (int)spaces, "");
		strbuf_add(out, lines, n);
		strbuf_addch(out, '\n');
		lines += n + (lines[n] != '\0');
	}
}

/* Lines that stand beside the texts that they were cut from are left out. */
static const struct value *without_lines(const struct value *result, struct arena *arena)
{
	static const char *const texts[] = {"stdout", "stderr"};
	struct value *shown = value_new_dict(arena);

	value_dict_foreach (pair, result)
		value_dict_set_value(arena, shown, pair->key, pair->value);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *lines = arena_printf(arena, "%s_lines", texts[i]);
		if (value_dict_get(shown, texts[i]) && value_dict_get(shown, lines))
			value_dict_set(
				arena, shown, lines, value_new_string(arena, "<omitted>"));
	}
	return shown;
}

static struct yaml_emit_options yaml_options(const struct show *s)
{
	static const bool headed[] = {false, true};

	return (struct yaml_emit_options){
		.flow = YAML_BLOCK,
		.sort_keys = true,
		.unicode = true,
		.no_aliases = true,
		.indent = s->plain || s->results == RESULTS_HEADED ? 0 : YAML_INDENT,
		.width = s->results == RESULTS_HEADED ? HEADED_WIDTH : 0,
		.block_of =
			s->plain && s->results == RESULTS_YAML ? block_exact : block_readable,
		.block_data = &headed[s->results == RESULTS_HEADED],
	};
}

/* ---- results ---- */

/* "changed=false", then the other members below. */
static void dump_headed(const struct show *s, const struct value *result, struct strbuf *out)
{
	const struct yaml_emit_options options = yaml_options(s);
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *shown = without_lines(result, &arena);
	struct value *rest = value_new_dict(&arena);
	size_t start = out->len;

	value_dict_foreach (pair, shown) {
		if (value_text(pair->key) && strcmp(value_text(pair->key), "changed") == 0)
			strbuf_addf(out, "changed=%s ",
				value_truthy(pair->value) ? "true" : "false");
		else
			value_dict_set_value(&arena, rest, pair->key, pair->value);
	}
	if (rest->pair_count > 0) {
		add_yaml(rest, &options, &text);
		strbuf_addch(out, '\n');
		add_indented(text.data, 2, true, out);
	}
	while (out->len > start && strchr(" \n", out->data[out->len - 1]))
		strbuf_truncate(out, out->len - 1);
}

/* Members below, their last line without its end: whoever asked writes that. */
static void dump_below(const struct show *s, const struct value *result, struct strbuf *out)
{
	const struct yaml_emit_options options = yaml_options(s);
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	add_yaml(s->plain ? result : without_lines(result, &arena), &options, &text);
	strbuf_addch(out, '\n');
	add_indented(text.data, YAML_INDENT, false, out);
	strbuf_truncate(out, out->len - 1);
}

void play_dump_yaml(const struct show *s, const struct value *result, struct strbuf *out)
{
	if (s->results == RESULTS_YAML)
		dump_below(s, result, out);
	else
		dump_headed(s, result, out);
}

/* ---- differences ---- */

/* A side of a difference: a mapping as YAML, anything else as it is. */
static const struct value *side_as_text(
	const struct show *s, const struct value *side, struct arena *arena)
{
	struct yaml_emit_options options = yaml_options(s);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf shown = STRBUF_INIT;

	if (side->kind != VALUE_DICT)
		return side;
	if (s->results == RESULTS_HEADED)
		options.block_of = NULL;
	else
		options.indent = YAML_INDENT;
	add_yaml(side, &options, &text);
	if (s->results == RESULTS_HEADED)
		return value_new_string(arena, text.data);
	add_indented(text.data, YAML_INDENT, false, &shown);
	strbuf_addch(&shown, '\n');
	return value_new_string(arena, shown.data);
}

static const struct value *diff_as_text(
	const struct show *s, const struct value *diff, struct arena *arena)
{
	struct value *shown;

	if (diff->kind == VALUE_LIST) {
		shown = value_new_list(arena);
		value_list_foreach (item, diff)
			value_list_add(arena, shown, diff_as_text(s, item, arena));
		return shown;
	}
	if (diff->kind != VALUE_DICT)
		return diff;
	shown = value_new_dict(arena);
	value_dict_foreach (pair, diff)
		value_dict_set_value(
			arena, shown, pair->key, side_as_text(s, pair->value, arena));
	return shown;
}

void play_dump_diff(const struct show *s, const struct value *diff, struct strbuf *out)
{
	AUTO(arena_release) struct arena arena = {0};

	diff_format(
		diff && s->results != RESULTS_JSON ? diff_as_text(s, diff, &arena) : diff, out);
}
