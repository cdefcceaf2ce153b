/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a command's --help, made of its table of options. Internal to cli/.
 *
 * It is to fit a terminal of 24 lines of 80 columns. Where it would not, groups of options
 * (OPTIONS_GROUP) are one line each, and `--help=GROUP` and `--help=all` tell the rest.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/cli.h"

#define HELP_LINES 24

struct help_page {
	const struct command *cmd;
	const char *usage, *epilogue; /* as cli_parse takes them */
	const struct option_spec *options;
};

/*
 * Appends the help about a topic: NULL for the first page, "all", or the name of a group. -1
 * when there is no such group.
 */
int help_add(const struct help_page *page, const char *topic, struct strbuf *out);

#endif
