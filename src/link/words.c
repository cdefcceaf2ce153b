/* SPDX-License-Identifier: Apache-2.0 */
#include "link/settings.h"

/* Appends the quoted part that begins at *c; leaves *c at its closing quote. */
static int take_quoted(const char **c, struct strbuf *word)
{
	char quote = **c;

	for ((*c)++; **c && **c != quote; (*c)++) {
		bool escape =
			quote == '"' && **c == '\\' && (*c)[1] && strchr("\"\\$`", (*c)[1]);
		if (escape)
			(*c)++;
		strbuf_addch(word, **c);
	}
	return **c == quote ? 0 : -1;
}

int shell_split(struct strlist *out, const char *line, struct err *err)
{
	AUTO(strbuf_release) struct strbuf word = STRBUF_INIT;
	bool inside = false;

	for (const char *c = line;; c++) {
		if (*c == '\0' || strchr(" \t\n", *c)) {
			if (inside)
				strlist_add(out, word.data);
			strbuf_clear(&word);
			inside = false;
			if (!*c)
				return 0;
			continue;
		}
		inside = true;
		if (*c == '\'' || *c == '"') {
			if (take_quoted(&c, &word) < 0)
				return err_set(
					err, ERR_INPUT, "a quote does not end: %s", line);
		} else {
			if (*c == '\\' && c[1])
				c++;
			strbuf_addch(&word, *c);
		}
	}
}
