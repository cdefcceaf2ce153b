/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of bash: into words, and words so that they can stand in a line. Nothing is expanded or
 * run, whatever the line holds.
 */
#include "cli/complete.h"

struct splitter {
	struct completion *c;
	const char *at, *breaks;
	bool in_word;
};

static void end_word(struct splitter *s)
{
	if (s->in_word)
		strlist_add(&s->c->words, s->c->word.data);
	strbuf_clear(&s->c->word);
	s->c->taken = 0;
	s->in_word = false;
}

/* Takes the character behind a backslash; inside "" only some lose theirs. */
static void take_escaped(struct splitter *s)
{
	struct strbuf *word = &s->c->word;

	if (s->at[1] == '\0') { /* the cursor stands behind it */
		s->at++;
		return;
	}
	if (s->c->quote == '"' && !strchr("\\\"$`", s->at[1]))
		strbuf_addch(word, '\\');
	strbuf_addch(word, s->at[1]);
	s->at += 2;
}

/* Up to the closing quote, or to the end: then the quote stays open. */
static void take_quoted(struct splitter *s)
{
	size_t before = s->c->taken;

	s->c->quote = *s->at++;
	s->c->taken = s->c->word.len;
	while (*s->at && *s->at != s->c->quote) {
		if (*s->at == '\\' && s->c->quote == '"')
			take_escaped(s);
		else
			strbuf_addch(&s->c->word, *s->at++);
	}
	if (*s->at) {
		s->at++;
		s->c->quote = 0;
		s->c->taken = before;
	}
}

static void take_plain(struct splitter *s)
{
	strbuf_addch(&s->c->word, *s->at);
	if (strchr(s->breaks, *s->at))
		s->c->taken = s->c->word.len;
	s->at++;
}

int complete_split(struct completion *c, const char *line, const char *breaks)
{
	struct splitter s = {.c = c, .at = line, .breaks = breaks};

	if (strlen(line) > COMPLETE_LINE_MAX)
		return -1;
	while (*s.at) {
		if (c->words.count >= COMPLETE_WORDS_MAX)
			return -1;
		if (strchr(" \t\n", *s.at)) {
			end_word(&s);
			s.at++;
			continue;
		}
		s.in_word = true;
		if (*s.at == '\\')
			take_escaped(&s);
		else if (*s.at == '"' || *s.at == '\'')
			take_quoted(&s);
		else
			take_plain(&s);
	}
	return 0;
}

void complete_quote(const char *text, char quote, struct strbuf *out)
{
	/* What is plain for a shell wherever it stands; bytes of UTF-8 are, too. */
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./:,=@%+^";

	for (; *text; text++) {
		if (quote == '\'' && *text == '\'')
			strbuf_addstr(out, "'\\''");
		else if (quote == '"' && strchr("\\\"$`", *text))
			strbuf_addf(out, "\\%c", *text);
		else if (!quote && !strchr(plain, *text) && (unsigned char)*text < 0x80)
			strbuf_addf(out, "\\%c", *text);
		else
			strbuf_addch(out, *text);
	}
}
