/* SPDX-License-Identifier: Apache-2.0 */
#include "node/words.h"

#include "base/str.h"

#define BLANKS " \t\r\n"

/* The line with the file's name in it. */
static void put_file(struct strbuf *out, const char *line, const char *file)
{
	for (; *line; line++) {
		if (line[0] == '%' && line[1] == 's') {
			strbuf_addstr(out, file);
			line++;
		} else {
			strbuf_addch(out, *line);
			line += line[0] == '%' && line[1] == '%';
		}
	}
}

/* Takes what stands in quotes: behind the closing one, or NULL when there is none. */
static const char *take_quoted(const char *at, struct strbuf *word)
{
	char quote = *at++;

	for (; *at && *at != quote; at++) {
		if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		strbuf_addch(word, *at);
	}
	return *at ? at + 1 : NULL;
}

/* Takes one word; NULL when a quote is open or a backslash ends the line. */
static const char *take_word(const char *at, struct strbuf *word)
{
	strbuf_clear(word);
	while (at && *at && !strchr(BLANKS, *at)) {
		if (*at == '\'' || *at == '"') {
			at = take_quoted(at, word);
			continue;
		}
		if (*at == '\\' && !*++at)
			return NULL;
		strbuf_addch(word, *at++);
	}
	return at;
}

const char *const *words_split(
	struct arena *a, const char *line, const char *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf word = STRBUF_INIT, whole = STRBUF_INIT;
	const char **words = arena_array(a, WORDS_MAX + 1, sizeof(*words));
	size_t count = 0;

	if (file)
		put_file(&whole, line, file);
	else
		strbuf_addstr(&whole, line);
	const char *at = whole.data;
	while (*(at += strspn(at, BLANKS))) {
		if (count == WORDS_MAX) {
			err_set(err, ERR_LIMIT, "more than %d words in a command", WORDS_MAX);
			return NULL;
		}
		at = take_word(at, &word);
		if (!at) {
			err_set(err, ERR_INPUT, "an open quote in: %s", line);
			return NULL;
		}
		words[count++] = arena_strndup(a, word.data, word.len);
	}
	if (count == 0) {
		err_set(err, ERR_INPUT, "no command given");
		return NULL;
	}
	return words;
}

static const char *find_variable(char *const *env, const char *name, size_t n)
{
	for (; *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	}
	return NULL;
}

/* The length of a variable at a dollar sign, its name in *name and *n; 0 when it is none. */
static size_t variable_at(const char *at, const char **name, size_t *n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_";

	if (at[1] == '{') {
		*name = at + 2;
		*n = strcspn(*name, "}");
		return (*name)[*n] ? *n + 3 : 0;
	}
	*name = at + 1;
	*n = strspn(*name, letters);
	return *n ? *n + 1 : 0;
}

const char *words_expand(struct arena *a, const char *word, char *const *env)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	const char *name;
	size_t n;

	if (!strchr(word, '$'))
		return word;
	while (*word) {
		size_t len = *word == '$' ? variable_at(word, &name, &n) : 0;
		const char *value = len ? find_variable(env, name, n) : NULL;
		if (value)
			strbuf_addstr(&out, value);
		else
			strbuf_add(&out, word, len ? len : 1);
		word += len ? len : 1;
	}
	return arena_strndup(a, out.data, out.len);
}
