/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: finds the command by the name it was called under, or by its first argument.
 */
#include <signal.h>

#include "base/path.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "cli/version.h"

#define WIDTH 80

/* The commands that are programs, too, in lines of at most WIDTH columns. */
static void print_links(FILE *f)
{
	size_t column = WIDTH;

	for (const struct command *const *c = cli_commands; *c; c++) {
		const char *name = (*c)->link_name;
		if (!name)
			continue;
		bool wraps = column + 2 + strlen(name) > WIDTH;
		fprintf(f, "%s%s", wraps ? "\n  " : "  ", name);
		column = (wraps ? 0 : column) + 2 + strlen(name);
	}
	fputc('\n', f);
}

static void print_usage(FILE *f)
{
	fprintf(f,
		"usage: modelfleet COMMAND [OPTIONS]\n"
		"Keeps machine-learning models right on a fleet of machines.\n\ncommands:\n");
	for (const struct command *const *c = cli_commands; *c; c++) {
		if ((*c)->summary)
			fprintf(f, "  %-14s%s\n", (*c)->name, (*c)->summary);
	}
	fprintf(f, "\nprograms of their own:");
	print_links(f);
	fprintf(f, "\n'modelfleet COMMAND --help' explains a command, --version prints the "
		   "version.\n");
}

static int unknown_command(const char *name)
{
	struct suggestion nearest = {0};

	for (const struct command *const *c = cli_commands; *c; c++) {
		if ((*c)->summary)
			suggest_add(&nearest, name, (*c)->name);
	}
	fprintf(stderr, "modelfleet: unknown command '%s'", name);
	if (nearest.word)
		fprintf(stderr, "; did you mean '%s'?", nearest.word);
	fprintf(stderr, "\nTry 'modelfleet --help'.\n");
	return EXIT_CANNOT_RUN;
}

/* publish-model has an option of that name, with a value; alone, it means the same everywhere.
 */
static bool asks_version(const char *argument)
{
	return strcmp(argument, "--version") == 0;
}

static int print_version(const char *program)
{
	printf("%s %s\n", path_basename(program), MODELFLEET_VERSION);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct command *cmd = cli_find_link(path_basename(argv[0]));

	/*
	 * A peer that goes away is an error of a write, not the end of the program; the ends of
	 * children are waited for, whatever the caller does with those of its own.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	if (cmd && argc == 2 && asks_version(argv[1]))
		return print_version(argv[0]);
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
	if (asks_version(argv[1]))
		return print_version(argv[0]);
	cmd = cli_find_command(argv[1]);
	return cmd ? cmd->run(cmd, argc - 1, argv + 1) : unknown_command(argv[1]);
}
