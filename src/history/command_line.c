/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines that may be kept: what could be a secret is left out. The values of extra
 * variables are the usual place (`-e vault_token=...`); a name that speaks of passwords is
 * another (`--registry-password=...`). What is hidden is hidden whole: guessing which part of a
 * JSON text is harmless is not worth the risk.
 */
#include <ctype.h>

#include "history/journal.h"

#define HIDDEN "***"

/* The letters of options that take no value: -e may stand behind them in one word, as in -vCe.
 */
#define FLAG_LETTERS "vCDbkKh"

/* What follows the -e of a short option in the same word ("" for -e alone), else NULL. */
static const char *after_short_extra(const char *word)
{
	if (word[0] != '-' || word[1] == '-')
		return NULL;
	const char *p = word + 1 + strspn(word + 1, FLAG_LETTERS);
	return *p == 'e' ? p + 1 : NULL;
}

/* True if the next word is extra variables. */
static bool is_extra(const char *word)
{
	const char *rest = after_short_extra(word);

	return strcmp(word, "--extra-vars") == 0 || (rest && !*rest);
}

/* True if an option's name speaks of a secret; a file with one is only a path. */
static bool is_secret_option(const char *word, size_t len)
{
	static const char *const parts[] = {"pass", "token", "secret", "api-key"};
	autofree char *name = xstrndup(word, len);

	if (!str_starts(name, "--") || str_ends(name, "-file"))
		return false;
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

/* "k=v k2=v2" gives "k=***": the first name shows what the variable was about. */
static void add_extra(struct strbuf *out, const char *prefix, const char *value)
{
	AUTO(strbuf_release) struct strbuf word = STRBUF_INIT;
	size_t name = strspn(
		value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	strbuf_addstr(&word, prefix);
	if (value[0] == '@')
		strbuf_addstr(&word, value);
	else if (name > 0 && value[name] == '=')
		strbuf_addf(&word, "%.*s=" HIDDEN, (int)name, value);
	else
		strbuf_addstr(&word, HIDDEN);
	strbuf_addshell(out, word.data);
}

/* An option with its value in the same word. True if it was one that hides something. */
static bool add_joined(struct strbuf *out, const char *word)
{
	const char *equals = strchr(word, '=');
	const char *rest = after_short_extra(word);

	if (str_starts(word, "--extra-vars=")) {
		add_extra(out, "--extra-vars=", equals + 1);
		return true;
	}
	if (rest && *rest) {
		autofree char *option = xstrndup(word, (size_t)(rest - word));
		add_extra(out, option, rest);
		return true;
	}
	if (equals && is_secret_option(word, (size_t)(equals - word))) {
		strbuf_addf(out, "%.*s=" HIDDEN, (int)(equals - word), word);
		return true;
	}
	return false;
}

/* Adds the word behind an option if it is one that hides it; true if it did. */
static bool add_value(struct strbuf *out, const char *option, const char *value)
{
	if (is_extra(option)) {
		strbuf_addch(out, ' ');
		add_extra(out, "", value);
		return true;
	}
	/* An option that asks (--ask-pass) has no value; what follows is an option again. */
	if (!is_secret_option(option, strlen(option)) || value[0] == '-')
		return false;
	strbuf_addstr(out, " " HIDDEN);
	return true;
}

void journal_command_line(int argc, char *const *argv, struct strbuf *out)
{
	for (int i = 0; i < argc; i++) {
		if (i > 0)
			strbuf_addch(out, ' ');
		if (i > 0 && add_joined(out, argv[i]))
			continue;
		strbuf_addshell(out, argv[i]);
		if (i > 0 && i + 1 < argc && add_value(out, argv[i], argv[i + 1]))
			i++;
	}
}
