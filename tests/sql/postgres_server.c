/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/spawn.h"
#include "base/str.h"
#include "sql/sql.h"
#include "sql/postgres_server.h"

static struct spawn_child child;
static char uri[256];

/* A line of what the program prints, without its newline. */
static void read_line(char *out, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(child.out, out + n, 1) == 1 && out[n] != '\n')
		n++;
	out[n] = '\0';
}

const char *postgres_server_start(void)
{
	const char *const argv[] = {
		"/usr/bin/python3", POSTGRES_SERVER_DIR "/postgres_server.py", NULL};
	const struct spawn_options options = {.argv = argv};
	struct err err = {0};

	if (spawn_start(&options, &child, &err) < 0) {
		printf("skipping PostgreSQL: %s\n", err.text);
		return NULL;
	}
	read_line(uri, sizeof(uri));
	if (str_starts(uri, "postgresql://"))
		return uri;
	printf("skipping PostgreSQL: %s\n",
		str_starts(uri, "skip: ") ? uri + strlen("skip: ") : "it did not start");
	postgres_server_end();
	return NULL;
}

char *postgres_server_database(void)
{
	static unsigned made;
	struct err err = {0};
	AUTO(sql_closep) struct sql *sql = sql_open(uri, &err);
	const char *rest = strchr(uri, '?');

	assert_non_null(sql);
	autofree char *statement = xasprintf("CREATE DATABASE test%u", ++made);
	assert_int_equal(sql_script(sql, statement, &err), 0);
	size_t head = (size_t)(rest - uri) - strlen("postgres");
	return xasprintf("%.*stest%u%s", (int)head, uri, made, rest);
}

void postgres_server_do(const char *command)
{
	char answer[256];

	assert_true(dprintf(child.in, "%s\n", command) > 0);
	read_line(answer, sizeof(answer));
	assert_string_equal(answer, "ok");
}

void postgres_server_end(void)
{
	if (!child.pid)
		return;
	close(child.in);
	child.in = -1;
	spawn_stop(&child, deadline_in(60));
	child = (struct spawn_child){0};
}
