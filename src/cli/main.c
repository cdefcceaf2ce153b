/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: finds the command by the name it was called under, or by its first argument.
 */
#include <signal.h>

#include "base/path.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "cli/version.h"

static const struct command *const commands[] = {
	&cmd_publish,
	&cmd_deploy,
	&cmd_rollback,
	&cmd_cleanup,
	&cmd_status,
	&cmd_history,
	&cmd_playbook,
	&cmd_check,
	&cmd_verify_store,
	&cmd_inventory,
	&cmd_vars,
	&cmd_template,
};

static const struct command *find_by_link(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i]->link_name && strcmp(commands[i]->link_name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static const struct command *find_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return find_by_link(name);
}

static void print_usage(FILE *f)
{
	fprintf(f,
		"usage: modelfleet COMMAND [OPTIONS]\n\n"
		"Keeps machine-learning models right on a fleet of machines.\n\ncommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = commands[i];
		fprintf(f, "  %-13s %s%s%s%s\n", c->name, c->summary,
			c->link_name ? " (also: " : "", c->link_name ? c->link_name : "",
			c->link_name ? ")" : "");
	}
	fprintf(f, "\n'modelfleet COMMAND --help' explains a command; 'modelfleet --version' "
		   "prints the version.\n");
}

static int unknown_command(const char *name)
{
	struct suggestion nearest = {0};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		suggest_add(&nearest, name, commands[i]->name);
	fprintf(stderr, "modelfleet: unknown command '%s'", name);
	if (nearest.word)
		fprintf(stderr, "; did you mean '%s'?", nearest.word);
	fprintf(stderr, "\nTry 'modelfleet --help'.\n");
	return EXIT_CANNOT_RUN;
}

int main(int argc, char **argv)
{
	const struct command *cmd = find_by_link(path_basename(argv[0]));

	/* A peer that goes away is an error of a write, not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	if (cmd)
		return cmd->run(cmd, argc, argv);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_CANNOT_RUN;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("modelfleet %s\n", MODELFLEET_VERSION);
		return EXIT_OK;
	}
	cmd = find_by_name(argv[1]);
	return cmd ? cmd->run(cmd, argc - 1, argv + 1) : unknown_command(argv[1]);
}
