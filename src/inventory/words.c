/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/words.h"

#include "base/vec.h"

struct splitter {
	const char *line;
	size_t at;
	size_t n;
	bool comments; /* '#' ends the line */
	struct strbuf word;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int double_quoted(struct splitter *s, struct err *err)
{
	for (; s->at < s->n; s->at++) {
		char c = s->line[s->at];
		if (c == '"')
			return 0;
		if (c == '\\') {
			if (++s->at >= s->n)
				return err_set(err, ERR_INPUT, "a backslash ends the line");
			c = s->line[s->at];
			if (c != '"' && c != '\\')
				strbuf_addch(&s->word, '\\');
		}
		strbuf_addch(&s->word, c);
	}
	return err_set(err, ERR_INPUT, "a double quote is not closed");
}

static int single_quoted(struct splitter *s, struct err *err)
{
	const char *close = memchr(s->line + s->at, '\'', s->n - s->at);

	if (!close)
		return err_set(err, ERR_INPUT, "a single quote is not closed");
	strbuf_add(&s->word, s->line + s->at, (size_t)(close - s->line) - s->at);
	s->at = (size_t)(close - s->line);
	return 0;
}

/* Reads up to the end of a word; *comment is set when one ends the line there. */
static int read_word(struct splitter *s, bool *comment, struct err *err)
{
	for (; s->at < s->n && !is_space(s->line[s->at]); s->at++) {
		char c = s->line[s->at];
		int rc = 0;
		if (c == '#' && s->comments) {
			*comment = true;
			return 0;
		}
		if (c == '"' || c == '\'') {
			s->at++;
			rc = c == '"' ? double_quoted(s, err) : single_quoted(s, err);
		} else if (c == '\\' && ++s->at >= s->n) {
			rc = err_set(err, ERR_INPUT, "a backslash ends the line");
		} else {
			strbuf_addch(&s->word, s->line[s->at]);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int split(
	struct words *words, const char *line, size_t n, bool comments, struct err *err)
{
	struct splitter s = {.line = line, .n = n, .comments = comments, .word = STRBUF_INIT};
	bool comment = false;
	int rc = 0;

	while (rc == 0 && !comment) {
		while (s.at < n && is_space(line[s.at]))
			s.at++;
		if (s.at >= n || (comments && line[s.at] == '#'))
			break;
		size_t offset = s.at;
		rc = read_word(&s, &comment, err);
		if (rc == 0)
			*VEC_PUSH(words) = (struct word){
				.text = strbuf_detach(&s.word, NULL), .offset = offset};
	}
	strbuf_release(&s.word);
	return rc;
}

int words_split(struct words *words, const char *line, size_t n, struct err *err)
{
	return split(words, line, n, true, err);
}

int words_split_all(struct words *words, const char *line, size_t n, struct err *err)
{
	return split(words, line, n, false, err);
}

void words_release(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i].text);
	free(words->items);
	*words = (struct words){0};
}
