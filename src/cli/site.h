/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site as commands see it: settings, passwords, inventory and variables, loaded by the
 * options that many commands share.
 */
#ifndef CLI_SITE_H
#define CLI_SITE_H

#include "cli/cli.h"
#include "inventory/inventory.h"
#include "inventory/pattern.h"
#include "vars/vars.h"

/* What the command line says about the site; filled by cli_parse. */
struct site_options {
	struct strlist inventory;   /* -i */
	struct strlist extra;       /* -e */
	struct strlist vault_ids;   /* --vault-id */
	struct strlist vault_files; /* --vault-password-file */
	bool ask_vault;             /* --ask-vault-pass */
	const char *playbook_dir;   /* whose group_vars/ and host_vars/ count; NULL: none */
	const char *limit;          /* -l */
	int verbosity;              /* -v */
	int64_t forks;
	bool check, diff;
	bool strict; /* a source that cannot be read whole is an error, not a warning */
};

/* The entries of an option table for a struct site_options. */
#define SITE_OPTIONS(o)                                                                        \
	{'l', "limit", OPTION_STRING, "PATTERN", "only these hosts", &(o)->limit},             \
		SITE_WHOLE_OPTIONS(o)

/* The same for commands that are about the whole site. */
#define SITE_WHOLE_OPTIONS(o)                                                                  \
	{'i', "inventory", OPTION_LIST, "INVENTORY",                                           \
		"inventory file, directory, program or 'host,' list", &(o)->inventory},        \
		GROUP_VARIABLES,                                                               \
		{'e', "extra-vars", OPTION_LIST, "VARS", "k=v, YAML or JSON, or @FILE",        \
			&(o)->extra},                                                          \
		{0, "vault-id", OPTION_LIST, "ID@SOURCE", "a vault identity",                  \
			&(o)->vault_ids},                                                      \
		{0, "vault-password-file", OPTION_LIST, "FILE", "a vault password's file",     \
			&(o)->vault_files},                                                    \
		{'J', "ask-vault-pass", OPTION_FLAG, NULL, "ask for the vault password",       \
			&(o)->ask_vault},                                                      \
		GROUP_OUTPUT,                                                                  \
		{'v', "verbose", OPTION_COUNT, NULL, "say more (-vv, -vvv)", &(o)->verbosity}, \
		OPTIONS_OWN

struct site {
	struct arena arena;
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
	struct vars_site *vars;
	struct host_list hosts; /* those that --limit selects, in order */
};

/*
 * Loads a site; findings are appended to d. Returns -1 with err when there is nothing to work
 * with. Released in either case.
 */
int site_read(struct site *s, const struct site_options *o, struct diags *d, struct err *err);
/*
 * Loads a site. Warnings and errors are printed to standard error. Returns 0, or the exit code
 * to end with. Released in either case.
 */
int site_load(struct site *s, const struct site_options *o);
/*
 * Sets playbook_dir where the command line gave none: that of the settings, else the working
 * directory. Returns true if the command line or the settings gave one.
 */
bool site_default_playbook_dir(struct site_options *o, struct arena *arena);
/* Frees a site; views must be gone. */
void site_release(struct site *s);
/* Frees the lists of the options. */
void site_options_release(struct site_options *o);
/*
 * Asks a person on the terminal, without showing what is typed. -1 with ERR_INPUT when there is
 * no terminal. The first argument is not used: it fits secret_prompt.
 */
int site_prompt(void *unused, const char *question, struct strbuf *out, struct err *err);

#endif
