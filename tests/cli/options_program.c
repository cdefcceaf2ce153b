/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command with one option of each kind, which prints what it was given. argv[1] says under
 * which name it runs: "command" (modelfleet try) or "link" (try-models); the rest is parsed.
 */
#include "cli/cli.h"

static void print_list(const char *name, const struct strlist *l)
{
	printf(" %s=", name);
	for (size_t i = 0; i < l->count; i++)
		printf("%s[%s]", i ? "," : "", l->items[i]);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	AUTO(strlist_release) struct strlist inventory = {0}, rest = {0};
	const char *forks = "5";
	bool check = false, quick = false, failed = false;
	int verbose = 0;
	const struct option_spec options[] = {
		{'i', "inventory", OPTION_LIST, "INVENTORY", "where the hosts are", &inventory},
		{'C', "check", OPTION_FLAG, NULL, "change nothing", &check},
		{0, "limit-failed", OPTION_FLAG, NULL, "the failed ones", &failed},
		{'f', "forks-with-a-rather-long-name", OPTION_STRING, "N", "how many", &forks},
		{'q', NULL, OPTION_FLAG, NULL, "be quick", &quick},
		{'v', "verbose", OPTION_COUNT, NULL, "say more", &verbose},
		{0},
	};

	cli_parse(cmd, "[OPTIONS] WORD ...", "Exit code 0: fine.", options, argc, argv, &rest);
	printf("check=%d failed=%d quick=%d verbose=%d forks=%s", check, failed, quick, verbose,
		forks);
	print_list("inventory", &inventory);
	print_list("rest", &rest);
	printf("\n");
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct command cmd = {.name = "try", .summary = "Tries options", .run = run};

	if (argc < 2)
		return EXIT_CANNOT_RUN;
	if (strcmp(argv[1], "link") == 0)
		cmd.link_name = "try-models";
	return cmd.run(&cmd, argc - 1, argv + 1);
}
