/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modelfleet-node: the program that the engine puts on a node and talks to over its
 * standard input and output. It takes no other input; wire/PROTOCOL.md says what it does.
 *
 *     modelfleet-node [--user NAME]    as root: take NAME's identity first
 *     modelfleet-node --version
 *
 * The watchdog and people on the node start it to deal with transactions
 * (docs/transactions.md):
 *
 *     modelfleet-node --watch ID       wait until the engine is silent, then take ID back
 *     modelfleet-node --revert-all     after a boot: take back what was not confirmed
 *     modelfleet-node --transactions   list them
 *     modelfleet-node --undo ID        take ID back now
 *     modelfleet-node --confirm ID     keep ID's changes
 *
 * Exit status: 0 after BYE, 1 when the input ended without it or what was asked for failed,
 * 2 for a wrong use.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "node/helper_file.h"
#include "node/node.h"
#include "node/transaction.h"
#include "node/users.h"

/* Nodes with 32 bits have models beyond 2 GiB, too, and live beyond 2038. */
_Static_assert(sizeof(off_t) == 8 && sizeof(time_t) == 8, "64-bit sizes and times everywhere");

static int usage(const char *text)
{
	fprintf(stderr, "modelfleet-node: %s\n", text);
	return 2;
}

static int fail(const struct err *err)
{
	fprintf(stderr, "modelfleet-node: %s\n", err->text);
	return 1;
}

static int serve(void)
{
	struct node n;

	signal(SIGPIPE, SIG_IGN);
	node_init(&n, STDIN_FILENO, STDOUT_FILENO);
	int result = node_serve(&n, NULL);
	node_release(&n);
	return result < 0;
}

static int serve_as(const char *name)
{
	struct user u;
	struct err err = {0};

	if (!user_by_name(name, &u))
		return usage("no such user");
	helper_keep_self();
	return user_become(&u, &err) < 0 ? usage(err.text) : serve();
}

static int show_version(const char *unused)
{
	(void)unused;
	return printf("modelfleet-node %s, protocol %d\n", MODELFLEET_VERSION, WIRE_VERSION) <
	       0;
}

static int watch(const char *id)
{
	struct err err = {0};

	return transaction_watch(id, &err) < 0 ? fail(&err) : 0;
}

static int revert_all(const char *unused)
{
	struct err err = {0};

	(void)unused;
	return transaction_revert_all(&err) < 0 ? fail(&err) : 0;
}

static int confirm(const char *id)
{
	struct err err = {0};

	return transaction_confirm(id, &err) < 0 ? fail(&err) : 0;
}

/* Prints the texts of a list, each with a word in front. */
static void print_texts(const struct item *top, const char *key, const char *word)
{
	const struct item *list = item_get(top, key);

	for (uint32_t i = 0; list && list->type == ITEM_LIST && i < list->count; i++)
		printf("%s %.*s\n", word, (int)list->items[i].len, list->items[i].text);
}

static int undo(const char *id)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	struct item_writer out;
	struct err err = {0};

	item_begin(&out, &bytes);
	int failed = transaction_undo(id, false, &out, &err);
	struct err why = {0};
	if (item_finish(&out, &why) < 0)
		return fail(&why);
	const struct item *top = item_parse(&arena, bytes.data, bytes.len, &why);
	print_texts(top, "undone", "undone");
	print_texts(top, "failed", "failed");
	print_texts(top, "notes", "note");
	return failed ? fail(&err) : 0;
}

static void print_transaction(struct arena *a, const struct item *t)
{
	const char *outcome = item_text(a, t, "outcome");
	char created[32];

	clock_rfc3339((time_t)item_int(t, "created", 0), created);
	printf("%s %s %s, %lld paths, %lld services: %s%s%s\n", item_text(a, t, "id"),
		item_text(a, t, "state"), created, (long long)item_int(t, "paths", 0),
		(long long)item_int(t, "services", 0), item_text(a, t, "title"),
		outcome ? "; " : "", outcome ? outcome : "");
}

static int list(const char *unused)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	AUTO(arena_release) struct arena arena = {0};
	struct item_writer out;
	struct err err = {0};

	(void)unused;
	item_begin(&out, &bytes);
	if (transaction_list(&out, &err) < 0 || item_finish(&out, &err) < 0)
		return fail(&err);
	const struct item *top = item_parse(&arena, bytes.data, bytes.len, &err);
	const struct item *all = item_get(top, "transactions");
	for (uint32_t i = 0; all && i < all->count; i++)
		print_transaction(&arena, &all->items[i]);
	return top ? 0 : fail(&err);
}

static const struct mode {
	const char *option;
	int words; /* that follow the option */
	int (*run)(const char *word);
} modes[] = {
	{"--version", 0, show_version},
	{"--user", 1, serve_as},
	{"--watch", 1, watch},
	{"--revert-all", 0, revert_all},
	{"--transactions", 0, list},
	{"--undo", 1, undo},
	{"--confirm", 1, confirm},
};

int main(int argc, char **argv)
{
	if (argc == 1)
		return serve();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(argv[1], modes[i].option) == 0 && argc == 2 + modes[i].words)
			return modes[i].run(argv[2]);
	}
	return usage("usage: modelfleet-node [--user NAME | --version | --watch ID | "
		     "--revert-all | --transactions | --undo ID | --confirm ID]");
}
