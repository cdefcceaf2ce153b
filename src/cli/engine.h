/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands that touch hosts share: the options that say how hosts are reached, passwords,
 * the node helpers, the cancel token that signals interrupt, the spool, the site's lock and the
 * journal. Internal to cli/.
 *
 * A command's life: engine_init, cli_parse with ENGINE_OPTIONS among its options,
 * engine_start (which loads the site), engine_prepare, its own work, engine_release.
 */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include "cli/site.h"
#include "history/journal.h"
#include "history/lock.h"
#include "link/link.h"
#include "registry/site.h"
#include "sync/connection.h"
#include "sync/spool.h"

struct engine_options {
	struct site_options site;
	const char *forks, *bwlimit, *timeout, *host_timeout;
	const char *user, *private_key, *become_user, *become_method;
	const char *transport, *host_key_checking, *color;
	const char *connection, *ssh_common_args, *ssh_extra_args;
	const char *become_password_file, *connection_password_file;
	const char *scp_extra_args, *sftp_extra_args; /* without a meaning here */
	const char *module_path;
	bool json, become, ask_pass, ask_become_pass;
};

/* The entries of an option table for a struct engine_options: how hosts are reached. */
#define ENGINE_CONNECTION_OPTIONS(o)                                                           \
	GROUP_CONNECTION,                                                                      \
		{'f', "forks", OPTION_STRING, "N", "hosts in work at a time (100)",            \
			&(o)->forks},                                                          \
		{'T', "timeout", OPTION_STRING, "SECONDS",                                     \
			"to connect, and without a sign of life (10, 60)", &(o)->timeout},     \
		{0, "host-timeout", OPTION_STRING, "SECONDS", "for a whole host (no limit)",   \
			&(o)->host_timeout},                                                   \
		{'u', "user", OPTION_STRING, "USER", "log in as", &(o)->user},                 \
		{0, "private-key", OPTION_STRING, "FILE", "log in with", &(o)->private_key},   \
		{'k', "ask-pass", OPTION_FLAG, NULL, "ask for the login password",             \
			&(o)->ask_pass},                                                       \
		{'b', "become", OPTION_FLAG, NULL, "work as another user (root)",              \
			&(o)->become},                                                         \
		{0, "become-user", OPTION_STRING, "USER", "which one", &(o)->become_user},     \
		{0, "become-method", OPTION_STRING, "METHOD", "sudo, su, doas or runuser",     \
			&(o)->become_method},                                                  \
		{'K', "ask-become-pass", OPTION_FLAG, NULL, "ask for its password",            \
			&(o)->ask_become_pass},                                                \
		{0, "transport", OPTION_STRING, "KIND", "auto, libssh2, ssh or local",         \
			&(o)->transport},                                                      \
		{0, "host-key-checking", OPTION_STRING, "HOW", "strict, accept-new or off",    \
			&(o)->host_key_checking},                                              \
		OPTIONS_OWN

/* The same: what only Ansible's own programs are given. */
#define ENGINE_ANSIBLE_OPTIONS(o)                                                              \
	OPTIONS_GROUP("ssh", "ssh's own arguments, and files with passwords"),                 \
		{'c', "connection", OPTION_STRING, "TYPE", "ssh or local", &(o)->connection},  \
		{0, "ssh-common-args", OPTION_STRING, "ARGS", "arguments of ssh",              \
			&(o)->ssh_common_args},                                                \
		{0, "ssh-extra-args", OPTION_STRING, "ARGS", "further ones",                   \
			&(o)->ssh_extra_args},                                                 \
		{0, "scp-extra-args", OPTION_STRING, "ARGS", "not used: there is no scp",      \
			&(o)->scp_extra_args},                                                 \
		{0, "sftp-extra-args", OPTION_STRING, "ARGS", "not used: there is no sftp",    \
			&(o)->sftp_extra_args},                                                \
		{'M', "module-path", OPTION_STRING, "DIRS", "where modules of your own lie",   \
			&(o)->module_path},                                                    \
		{0, "connection-password-file", OPTION_STRING, "FILE",                         \
			"the login password's file", &(o)->connection_password_file},          \
		{0, "become-password-file", OPTION_STRING, "FILE",                             \
			"the file of the password to become another user",                     \
			&(o)->become_password_file},                                           \
		{0, "conn-pass-file", OPTION_STRING, "FILE", "",                               \
			&(o)->connection_password_file},                                       \
		{0, "become-pass-file", OPTION_STRING, "FILE", "",                             \
			&(o)->become_password_file},                                           \
		{0, "key-file", OPTION_STRING, "FILE", "", &(o)->private_key},                 \
		{0, "inventory-file", OPTION_LIST, "INVENTORY", "", &(o)->site.inventory},     \
		{0, "vault-pass-file", OPTION_LIST, "FILE", "", &(o)->site.vault_files},       \
		{0, "ask-vault-password", OPTION_FLAG, NULL, "", &(o)->site.ask_vault},        \
		OPTIONS_OWN

/* The same: how the run is shown. */
#define ENGINE_OUTPUT_OPTIONS(o)                                                               \
	GROUP_OUTPUT, {0, "json", OPTION_FLAG, NULL, "one JSON event a line", &(o)->json},     \
	{                                                                                      \
		0, "color", OPTION_STRING, "WHEN", "auto, always or never", &(o)->color        \
	}

/* What --transport and --host-key-checking take; tables ended by a NULL (engine_options.c). */
struct engine_word {
	const char *text;
	int number;
};
extern const struct engine_word engine_transports[], engine_host_key_checkings[];

struct engine {
	struct engine_options o;
	struct site site;
	struct connection_defaults connect;
	struct link_helpers helpers;
	struct link_limiter limiter;
	struct spool *spool;
	struct connection store_connection; /* of a store on another host */
	struct store *store; /* that a command holds open, locked, for its deploy; or NULL */
	struct strbuf password, become_password;
	struct strbuf command_line; /* as it may be shown: secrets left out */
	struct strbuf holder;       /* who we are, for locks and leases */
	struct lock lock;
	struct journal_run journal;
	char *journal_dir;
	struct cancel cancel;
	int64_t forks;
	double connect_timeout, host_timeout, stall; /* seconds */
};

/* How a run is shown. */
enum engine_output { ENGINE_PLAIN, ENGINE_LIVE, ENGINE_JSON, ENGINE_OUTPUTS };

/*
 * Makes an engine: the cancel token, which SIGINT and SIGTERM interrupt from now on, and the
 * command line for people. One engine a process. Released in either case.
 */
int engine_init(struct engine *e, int argc, char **argv, struct err *err);
/* Frees everything; hosts' connections and views must be gone. */
void engine_release(struct engine *e);
/* Sets up log and colour by the options; -1 with ERR_USAGE. */
int engine_set_output(struct engine *e, struct err *err);
/*
 * Once the options are read: the log, colour, the site, whose findings are printed, and the
 * numbers and choices behind the options. Returns 0, or the exit code to end with.
 */
int engine_start(struct engine *e);
/*
 * Forgets the site and the run in the journal, and starts anew: what the command line, the
 * passwords and the lock say stays.
 */
int engine_renew(struct engine *e);
/* Loads the node helpers, asks for passwords and opens the spool, once. Does not touch a host.
 */
int engine_prepare(struct engine *e, struct err *err);
/*
 * How the run is to be shown. A terminal has a live display, unless -v wants to know more than
 * that can tell.
 */
enum engine_output engine_output(const struct engine *e);
/*
 * The directory share/modelfleet of the installation that runs, or of the build: what comes
 * with the program. New memory.
 */
char *engine_share_dir(void);
/* The exit code for what ended the command; prints the error, if there is one. */
int engine_fail(const struct err *err);

/*
 * A store_opener (registry/site.h) whose `arg` is the engine: reaches the primary datasink as
 * any host. Takes the lease, unless the run is a check.
 */
struct store *engine_open_store(void *engine, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err);
/*
 * The same without the lease, for commands that only look.
 */
struct store *engine_open_store_to_read(void *engine, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err);
/* Takes the lock of the store at root on this machine, unless the engine holds it already. */
int engine_lock_store(struct engine *e, const char *root, struct err *err);

/*
 * The numbers behind the options, and the settings where an option is silent; -1 with ERR_USAGE
 * (engine_options.c). The settings outlive the engine's connections.
 */
int engine_apply_options(struct engine *e, const struct config *config, struct err *err);
/* Asks for the passwords that -k and -K promise (engine_options.c). */
int engine_ask_passwords(struct engine *e, struct err *err);
/* Sets *out from an option's number of seconds; NULL leaves it (engine_options.c). */
int engine_read_seconds(const char *text, const char *option, double *out, struct err *err);

#endif
