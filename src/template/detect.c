/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether there is a template at all, and where an error points.
 */
#include "template/template.h"

#define HEADER "#jinja2:"

bool template_is_in(const char *text, size_t n)
{
	if (n >= strlen(HEADER) && memcmp(text, HEADER, strlen(HEADER)) == 0)
		return true;
	for (const char *end = text + n; n >= 2; n = (size_t)(end - text)) {
		text = memchr(text, '{', n - 1);
		if (!text)
			return false;
		if (text[1] == '{' || text[1] == '%' || text[1] == '#')
			return true;
		text++;
	}
	return false;
}

/*
 * What a container's `holds` says. Variables are immutable and shared by hosts and threads:
 * every one of them finds the same, so it matters not who writes it, nor how often.
 */
enum holds { HOLDS_UNKNOWN, HOLDS_NOTHING, HOLDS_TEMPLATES };

static bool look_inside(const struct value *v)
{
	if (v->kind == VALUE_DICT) {
		for (size_t i = 0; i < v->pair_count; i++) {
			if (template_is_in_value(v->pairs[i].value))
				return true;
		}
		return false;
	}
	for (size_t i = 0; i < v->count; i++) {
		if (template_is_in_value(v->items[i]))
			return true;
	}
	return false;
}

static bool is_in_container(const struct value *v)
{
	uint8_t *known = (uint8_t *)(uintptr_t)&v->holds;
	uint8_t holds = __atomic_load_n(known, __ATOMIC_RELAXED);

	if (v->kind == VALUE_DICT ? v->pair_count == 0 : v->count == 0)
		return false; /* perhaps a constant, which cannot be written to */
	if (holds == HOLDS_UNKNOWN) {
		holds = look_inside(v) ? HOLDS_TEMPLATES : HOLDS_NOTHING;
		__atomic_store_n(known, holds, __ATOMIC_RELAXED);
	}
	return holds == HOLDS_TEMPLATES;
}

bool template_is_in_value(const struct value *v)
{
	switch (v->kind) {
	case VALUE_STRING:
		return !v->unsafe && !v->tagged_unsafe && template_is_in(v->text, v->len);
	case VALUE_VAULT: return true;
	case VALUE_LIST:
	case VALUE_TUPLE:
	case VALUE_DICT: return is_in_container(v);
	default: return false;
	}
}

void template_caret(
	const char *source, size_t n, unsigned line, unsigned column, struct strbuf *out)
{
	const char *end = source + n;
	const char *at = source;

	for (unsigned i = 1; i < line && at; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (!at || line == 0)
		return;
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	size_t len = (size_t)((stop ? stop : end) - at);
	if (column == 0 || column > len + 1)
		return;
	strbuf_add(out, at, len);
	strbuf_addch(out, '\n');
	for (size_t i = 0; i + 1 < column; i++)
		strbuf_addch(out, at[i] == '\t' ? '\t' : ' ');
	strbuf_addstr(out, "^\n");
}
