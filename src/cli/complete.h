/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion of command lines: what the files of `modelfleet __complete` share. Internal to
 * cli/.
 *
 * Theory of operation. The scripts of bash, zsh and fish (scripts/completion) know nothing of
 * the commands. They call
 *
 *     modelfleet __complete --words WORD...            the last word is to be completed
 *     modelfleet __complete --bash LINE WORDBREAKS     the line up to the cursor
 *
 * which prints a line for each candidate, members between tabs:
 *
 *     w <TAB> WORD <TAB> HELP    a word: all of it (--bash: what replaces bash's own piece of
 *                                it, quoted as the line needs it)
 *     f <TAB> SUFFIX...          the shell's own completion of files with these endings, or of
 *                                all; directories in any case
 *     d                          of directories
 *
 * The candidates come from the command's own table of options (cli_divert), and hosts, groups,
 * models and versions from the inventory that the line names, else from that of the settings.
 *
 * What a press of Tab must not do: touch a host, run a program (inventories that are programs
 * are passed over, lookups cannot run any), open a vault or ask for a password, write a file,
 * take more than COMPLETE_SECONDS, or print an error. Names with control characters, which no
 * command line could show, are not offered.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/site.h"

#define COMPLETE_SECONDS   2
#define COMPLETE_OFFERS    2000 /* candidates of one answer */
#define COMPLETE_LINE_MAX  (64u << 10)
#define COMPLETE_WORDS_MAX 10000

enum complete_shell { COMPLETE_WORDS, COMPLETE_BASH };

struct completion {
	enum complete_shell shell;
	struct strlist words; /* those in front; the first is the program */
	struct strbuf word;   /* the one to be completed, as far as it is there */
	size_t taken; /* bash: how much of it stands in front of what bash calls the word */
	char quote;   /* bash: the quote that is open at the cursor; or 0 */

	/* What the words in front say. */
	struct site_options site;
	const char *model, *host; /* NULL: none is named */

	/* The word: `lead` stays, and `partial` is completed (`--limit=a,` and `no`). */
	struct strbuf lead;
	const char *partial;
	size_t offered;
};

/*
 * Splits a line of bash's into words, as bash would without expanding anything: blanks, quotes
 * and backslashes count. `breaks` is its COMP_WORDBREAKS. -1 when it is too long.
 */
int complete_split(struct completion *c, const char *line, const char *breaks);
/* Appends a text so that bash reads it as it stands; `quote` is open in front of it, or 0. */
void complete_quote(const char *text, char quote, struct strbuf *out);

/* Prints a candidate for the word's last part, if it begins as that does. */
void complete_offer(struct completion *c, const char *word, const char *help);
/* Has the shell complete files; `suffixes` are theirs between blanks, or "". */
void complete_offer_files(struct completion *c, const char *suffixes);
/* Has the shell complete directories. */
void complete_offer_directories(struct completion *c);
/* Makes what stands up to the last one of `separators` part of the lead. */
void complete_last_part(struct completion *c, const char *separators);

/* Hosts and groups, as a pattern of hosts names them. */
void complete_pattern(struct completion *c);
/* One host. */
void complete_host(struct completion *c);
/* One group. */
void complete_group(struct completion *c);
/* One model of the registry. */
void complete_model(struct completion *c);
/* Models between commas. */
void complete_models(struct completion *c);
/* Versions of the model that is named in front. */
void complete_version(struct completion *c);
/* Variables of the host that is named in front. */
void complete_variable(struct completion *c);

#endif
