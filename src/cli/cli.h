/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one table of commands, one declarative entry a command, one parser of
 * options. Only this room prints and turns errors into exit codes.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"

/* Exit codes of all commands. When several apply, the gravest wins: 2, then 4, then 3. */
enum exit_code {
	EXIT_OK = 0,          /* all hosts are as wanted */
	EXIT_CANNOT_RUN = 1,  /* usage, configuration, or a lock held by another */
	EXIT_HOST_FAILED = 2, /* some host failed or drifted */
	EXIT_ROLLED_BACK = 3,
	EXIT_UNREACHABLE = 4, /* some host could not be reached */
	EXIT_INTERRUPTED = 130
};

/*
 * run-playbook and adhoc end as ansible-playbook and ansible do: 0, 1, 2 and 4 as above, but a
 * host out of reach beats one that failed, and besides:
 */
enum ansible_exit_code {
	EXIT_ANSIBLE_USAGE = 2,   /* an option that does not exist */
	EXIT_ANSIBLE_PARSER = 4,  /* a playbook that cannot be read */
	EXIT_ANSIBLE_OPTIONS = 5, /* options or words that do not go together */
	EXIT_ANSIBLE_INTERRUPTED = 99
};

/*
 * One option. With `value` NULL it is a flag. `target` is where the parser stores:
 * OPTION_FLAG a bool, OPTION_COUNT an int, OPTION_STRING a const char * (the last one wins),
 * OPTION_LIST a struct strlist (each use appends). `value` also says what the shells complete:
 * complete.c lists the names that have a meaning ("PATTERN", "MODEL", "FILE").
 */
enum option_kind { OPTION_FLAG, OPTION_COUNT, OPTION_STRING, OPTION_LIST, OPTION_GROUP };
struct option_spec {
	char letter;      /* 0 for none */
	const char *name; /* long name without dashes */
	enum option_kind kind;
	const char *value; /* name of its argument in --help, e.g. "INVENTORY" */
	const char *help;  /* "": not listed, as another name of an option that is */
	void *target;
};

/*
 * An entry that begins a group: where the help of a command would not fit a screen, --help has
 * one line for the group and `--help=NAME` its options. A group may be begun several times.
 */
#define OPTIONS_GROUP(name, title)                                                             \
	{                                                                                      \
		0, NULL, OPTION_GROUP, name, title, NULL                                       \
	}
/* An entry that ends a group: what follows is the command's own. */
#define OPTIONS_OWN                                                                            \
	{                                                                                      \
		0, NULL, OPTION_GROUP, NULL, "", NULL                                          \
	}

/* The groups that several commands share. */
#define GROUP_VARIABLES OPTIONS_GROUP("variables", "extra variables and vault passwords")
#define GROUP_CONNECTION                                                                       \
	OPTIONS_GROUP("connection", "how hosts are reached, and how many at a time")
#define GROUP_OUTPUT OPTIONS_GROUP("output", "how much is told, and in which form")

/* One command of the table. */
struct command {
	const char *name;      /* "deploy": `modelfleet deploy` */
	const char *link_name; /* "deploy-models", or NULL: name of the program's link */
	const char *summary;   /* one line; NULL hides the command from people */
	int (*run)(
		const struct command *cmd, int argc, char **argv); /* argv[0]: command name */
	/*
	 * What its words are, for completion: names as those of option values, in their order;
	 * "..." behind the last one: it repeats. NULL: it takes none.
	 */
	const char *arguments;
	int usage_exit; /* after a wrong option; 0: EXIT_CANNOT_RUN */
};

/* All commands, in the order of `modelfleet --help`, ended by NULL (commands.c). */
extern const struct command *const cli_commands[];
/* The command of a name or of a link's name, or NULL. */
const struct command *cli_find_command(const char *name);
/* The command of a link's name, or NULL. */
const struct command *cli_find_link(const char *name);

extern const struct command cmd_adhoc, cmd_check, cmd_cleanup, cmd_complete, cmd_deploy,
	cmd_history, cmd_inventory, cmd_playbook, cmd_publish, cmd_registry, cmd_rollback,
	cmd_status, cmd_template, cmd_vars, cmd_verify_store;

/*
 * Parses argv[1..] by a table ended by an all-zero entry. Positional arguments are gathered
 * in `rest` in order (`--` ends options). --help prints `usage`, the options and `epilogue`,
 * and exits 0; where that needs more than a screen, groups of options are folded, and
 * --help=GROUP or --help=all tells them. A mistake prints one line with a suggestion and exits
 * 1.
 */
void cli_parse(const struct command *cmd, const char *usage, const char *epilogue,
	const struct option_spec *options, int argc, char **argv, struct strlist *rest);

/*
 * From now on cli_parse hands the command's options to `look` instead of parsing, and ends the
 * process when that returns. For completion: so the tables that are parsed by are what it
 * knows.
 */
void cli_divert(void (*look)(const struct option_spec *options));

/* Prints "modelfleet: text" for an error to standard error; returns EXIT_CANNOT_RUN. */
int cli_error(const struct err *err);
/* Prints all findings to standard error, a line each, and a count. */
void cli_print_diags(const struct diags *d);
/* From now on warnings are told as Ansible does, "[WARNING]: text". */
void cli_warn_as_ansible(void);
/* Sets up the log by the number of -v. */
void cli_verbosity(int count);
/* True if output to f may use colour (NO_COLOR, TERM, terminal, --color). */
bool cli_use_color(FILE *f);
/* Appends a text, in a colour (the parameters of SGR, "0;31") if output to stdout may have it.
 */
void cli_paint(struct strbuf *out, const char *color, const char *text);
/* What --color takes, ended by NULL. */
extern const char *const cli_color_words[];
/* Sets --color to one of them; false for another word. */
bool cli_set_color(const char *when);

#endif
