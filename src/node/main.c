/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet-node: the program that the engine puts on a node and talks to over its
 * standard input and output. It takes no other input; wire/PROTOCOL.md says what it does.
 *
 *     modelfleet-node [--user NAME]    as root: take NAME's identity first
 *     modelfleet-node --version
 *
 * Exit status: 0 after BYE, 1 when the input ended without it, 2 for a wrong use.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "node/node.h"
#include "node/users.h"

static int usage(const char *text)
{
	fprintf(stderr, "modelfleet-node: %s\n", text);
	return 2;
}

static int change_user(const char *name)
{
	struct user u;
	struct err err = {0};

	if (!user_by_name(name, &u))
		return usage("no such user");
	return user_become(&u, &err) < 0 ? usage(err.text) : 0;
}

int main(int argc, char **argv)
{
	struct node n;
	struct err err = {0};

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("modelfleet-node %s, protocol %d\n", MODELFLEET_VERSION,
			       WIRE_VERSION) < 0;
	if (argc == 3 && strcmp(argv[1], "--user") == 0) {
		int failed = change_user(argv[2]);
		if (failed)
			return failed;
	} else if (argc != 1) {
		return usage("usage: modelfleet-node [--user NAME | --version]");
	}
	signal(SIGPIPE, SIG_IGN);
	node_init(&n, STDIN_FILENO, STDOUT_FILENO);
	int result = node_serve(&n, &err);
	node_release(&n);
	return result < 0;
}
