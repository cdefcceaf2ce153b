/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the system that modules edit line by line, with any content: a crontab, fstab, a
 * file of sysctl. Whatever is in them, a module that has brought its entry in finds it there
 * when it comes again, and what it has taken out is gone. The first byte chooses the module.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/facts_mounts.h"
#include "node/module.h"
#include "node/mount.h"
#include "node/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a module is asked for: with `file` as one argument, and these. */
static const struct ask {
	const char *module, *file;
	struct {
		const char *name, *text;
		bool boolean;
	} args[8];
} asks[] = {
	{"sysctl", "sysctl_file",
		{{"name", "vm.swappiness", false}, {"value", "7", false},
			{"reload", NULL, false}}},
	{"sysctl", "sysctl_file",
		{{"name", "vm.swappiness", false}, {"state", "absent", false},
			{"reload", NULL, false}}},
	{"cron", "cron_file",
		{{"name", "job", false}, {"job", "true", false}, {"user", "root", false}}},
	{"cron", "cron_file",
		{{"name", "job", false}, {"state", "absent", false}, {"user", "root", false}}},
	{"cron", "cron_file",
		{{"name", "A", false}, {"env", NULL, true}, {"job", "1", false},
			{"user", "root", false}}},
	{"mount", "fstab",
		{{"path", "/data", false}, {"src", "/dev/sdz1", false},
			{"fstype", "ext4", false}, {"state", "present", false}}},
	{"mount", "fstab", {{"path", "/data", false}, {"state", "absent_from_fstab", false}}},
};

static const char *file_path(void)
{
	static char path[200];
	const char *tmp = getenv("TMPDIR");

	if (!*path)
		snprintf(path, sizeof(path), "%s/modelfleet-fuzz-tables.%d", tmp ? tmp : "/tmp",
			(int)getpid());
	return path;
}

/* Runs the module: 1 when it changed something, 0 when not, -1 when it refused. */
static int run(const struct ask *ask, struct node *n, struct arena *a)
{
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT, result = STRBUF_INIT;
	struct item_writer w;
	struct err err = {0};

	item_begin(&w, &args);
	item_put_string(&w, ask->file, file_path());
	for (size_t i = 0; i < ARRAY_SIZE(ask->args) && ask->args[i].name; i++) {
		if (ask->args[i].text)
			item_put_string(&w, ask->args[i].name, ask->args[i].text);
		else
			item_put_bool(&w, ask->args[i].name, ask->args[i].boolean);
	}
	if (item_finish(&w, NULL) < 0)
		abort();
	struct node_call c = {.node = n,
		.args = item_parse(a, args.data, args.len, NULL),
		.arena = a,
		.out = &w,
		.until = DEADLINE_NEVER};
	item_begin(&w, &result);
	if (!c.args)
		abort();
	if (node_module_find(ask->module)->run(&c, &err) < 0)
		return -1;
	if (item_finish(&w, NULL) < 0)
		abort();
	const struct item *told = item_parse(a, result.data, result.len, NULL);
	return told && item_bool(told, "changed", false);
}

/* Readers of single lines, which have no module of their own. */
static void read_lines(const char *text)
{
	AUTO(arena_release) struct arena a = {0};
	struct mount_entry entry;
	struct user user;

	for (const char *line = text; *line;
		line += strcspn(line, "\n"), line += *line == '\n') {
		const char *whole = arena_strndup(&a, line, strcspn(line, "\n"));
		if (mount_parse(&a, whole, &entry) && (!entry.device || !entry.mount))
			abort();
		if (user_parse(line, &user) && (!*user.name || strchr(user.home, '\n')))
			abort();
	}
	mount_source(&a, text, "/srv", false);
	mount_source(&a, text, "/srv", true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena arena = {0};
	struct node n;

	if (size == 0)
		return 0;
	const struct ask *ask = &asks[data[0] % ARRAY_SIZE(asks)];
	autofree char *text = xstrndup((const char *)data + 1, size - 1);
	read_lines(text);
	if (file_replace(file_path(), data + 1, size - 1, 0600, NULL) < 0)
		abort();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	node_init(&n, null, null);
	/* The mark of a job that is the last line gets its job in two steps, in Ansible too. */
	if (run(ask, &n, &arena) >= 0 && run(ask, &n, &arena) > 0 && run(ask, &n, &arena) != 0)
		abort();
	node_release(&n);
	close(null);
	unlink(file_path());
	return 0;
}
