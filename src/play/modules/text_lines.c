/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/text_lines.h"

#include "base/vec.h"

/* The length of the first line of a text, with its end. */
static size_t line_length(const char *text, size_t len, bool carriage)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			return i + 1;
		if (carriage && text[i] == '\r')
			return i + 1 < len && text[i + 1] == '\n' ? i + 2 : i + 1;
	}
	return len;
}

void text_lines_split(struct text_lines *l, const char *text, size_t len, bool carriage)
{
	while (len > 0) {
		size_t n = line_length(text, len, carriage);
		*VEC_PUSH(l) = (struct text_line){text, n};
		text += n;
		len -= n;
	}
}

void text_lines_insert(struct text_lines *l, size_t at, struct text_line line)
{
	*VEC_PUSH(l) = line;
	memmove(l->items + at + 1, l->items + at, (l->count - 1 - at) * sizeof(*l->items));
	l->items[at] = line;
}

void text_lines_remove(struct text_lines *l, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(l->items + from, l->items + to, (l->count - to) * sizeof(*l->items));
	l->count -= to - from;
}

void text_lines_join(const struct text_lines *l, struct strbuf *out)
{
	for (size_t i = 0; i < l->count; i++)
		strbuf_add(out, l->items[i].text, l->items[i].len);
}

void text_lines_release(struct text_lines *l)
{
	free(l->items);
	*l = (struct text_lines){0};
}

bool text_line_has_end(const struct text_line *line)
{
	return line->len > 0 && line->text[line->len - 1] == '\n';
}

struct text_line text_line_ended(struct arena *a, const char *text, size_t len)
{
	struct text_line line = {text, len};

	if (text_line_has_end(&line))
		return line;
	char *copy = arena_take(a, len + 1);
	memcpy(copy, text, len);
	copy[len] = '\n';
	return (struct text_line){copy, len + 1};
}

bool text_line_is(const struct text_line *line, const char *text, size_t len)
{
	size_t n = line->len;

	while (n > 0 && (line->text[n - 1] == '\n' || line->text[n - 1] == '\r'))
		n--;
	return n == len && memcmp(line->text, text, len) == 0;
}
