/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's command line, cut as Python's shlex does without POSIX: at white space, but not
 * within quotes, which stay.
 */
#include "base/str.h"
#include "node/facts.h"

#define WORDS_MAX 512

struct option {
	const char *name, *value; /* value NULL: there was no "=" */
};

struct options {
	struct option items[WORDS_MAX];
	size_t count;
};

/* The length of the word at the beginning of a text; -1 when its quotes do not end. */
static ptrdiff_t word_length(const char *text)
{
	size_t n = 0;
	/* A word that begins with a quote ends with it. */
	bool quoted = *text == '"' || *text == '\'';

	while (text[n] && !strchr(" \t\r\n", text[n])) {
		if (text[n] == '"' || text[n] == '\'') {
			const char *end = strchr(text + n + 1, text[n]);
			if (!end)
				return -1;
			n = (size_t)(end - text);
			if (quoted)
				return (ptrdiff_t)n + 1;
		}
		n++;
	}
	return (ptrdiff_t)n;
}

static void add_option(struct facts *f, struct options *all, const char *word, size_t n)
{
	const char *equals = memchr(word, '=', n);
	size_t name = equals ? (size_t)(equals - word) : n;

	if (all->count == WORDS_MAX)
		return;
	all->items[all->count++] = (struct option){
		.name = arena_strndup(f->arena, word, name),
		.value = equals ? arena_strndup(f->arena, equals + 1, n - name - 1) : NULL,
	};
}

/* As Ansible has it, what stands before quotes that do not end counts. */
static void split(struct facts *f, struct options *all, const char *text)
{
	while (*(text += strspn(text, " \t\r\n"))) {
		ptrdiff_t n = word_length(text);
		if (n < 0)
			return;
		add_option(f, all, text, (size_t)n);
		text += n;
	}
}

static bool is_first(const struct options *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(all->items[k].name, all->items[i].name) == 0)
			return false;
	return true;
}

static void put_option(struct facts *f, const char *key, const char *value)
{
	if (value)
		facts_put(f, key, value);
	else
		item_put_bool(f->out, key, true);
}

/* What one name has in the end: the last value, or all of them since the last bare word. */
static void tell_option(struct facts *f, const struct options *all, size_t i, bool every)
{
	const char *name = all->items[i].name;
	const char *values[WORDS_MAX];
	size_t count = 0, first = 0;

	for (size_t k = i; k < all->count; k++) {
		if (strcmp(all->items[k].name, name) != 0)
			continue;
		if (!all->items[k].value)
			first = count;
		values[count++] = all->items[k].value;
	}
	if (!every || count - first == 1) {
		put_option(f, name, values[count - 1]);
		return;
	}
	item_open_list(f->out, name);
	for (size_t k = first; k < count; k++)
		put_option(f, NULL, values[k]);
	item_close(f->out);
}

int facts_cmdline(struct facts *f, struct err *err)
{
	const char *text = facts_text(f, "/proc/cmdline");
	struct options *all = ARENA_NEW(f->arena, struct options);

	(void)err;
	if (!text)
		return 0;
	split(f, all, text);
	for (int every = 0; every < 2; every++) {
		item_open_dict(f->out, every ? "ansible_proc_cmdline" : "ansible_cmdline");
		for (size_t i = 0; i < all->count; i++)
			if (is_first(all, i))
				tell_option(f, all, i, every);
		item_close(f->out);
	}
	return 0;
}
