/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles: whatever their files hold, a playbook that uses one is read or refused. The input is
 * the files of a role, with a line "===" between two of them; see `files`.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "play/playbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char playbook[] = "- hosts: all\n"
			       "  gather_facts: false\n"
			       "  roles: [{role: r, given: 1}]\n"
			       "  tasks:\n"
			       "    - import_role: {name: r, tasks_from: other}\n"
			       "    - include_role: {name: r}\n";

static const char *const files[] = {"tasks/main.yml", "meta/main.yml", "handlers/main.yml",
	"defaults/main.yml", "vars/main.yml", "meta/argument_specs.yml", "tasks/other.yml"};

/* Where the role lies: a directory of this process, which later inputs use again. */
static const char *make_directory(void)
{
	static const char *const parts[] = {"", "/roles", "/roles/r", "/roles/r/tasks",
		"/roles/r/meta", "/roles/r/handlers", "/roles/r/defaults", "/roles/r/vars"};
	static char directory[64];

	if (*directory)
		return directory;
	snprintf(directory, sizeof(directory), "/tmp/fuzz_role.%ld", (long)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		autofree char *path = xasprintf("%s%s", directory, parts[i]);
		mkdir(path, 0700);
	}
	return directory;
}

static void remove_directory(void)
{
	static const char *const parts[] = {"/roles/r/tasks", "/roles/r/meta",
		"/roles/r/handlers", "/roles/r/defaults", "/roles/r/vars", "/roles/r", "/roles",
		""};
	const char *directory = make_directory();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		autofree char *path = xasprintf("%s/roles/r/%s", directory, files[i]);
		unlink(path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		autofree char *path = xasprintf("%s%s", directory, parts[i]);
		rmdir(path);
	}
}

/* Writes the next part of the input into a file, none where the input is over. */
static const char *write_part(const char *path, const char *at, const char *end)
{
	static const char mark[] = "\n===\n";
	struct err err = {0};

	unlink(path);
	if (!at)
		return NULL;
	const char *found = memmem(at, (size_t)(end - at), mark, strlen(mark));
	size_t n = (size_t)((found ? found : end) - at);
	if (n > 0 && file_replace(path, at, n, 0600, &err) < 0)
		abort();
	return found ? found + strlen(mark) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *directory = make_directory();
	static bool registered;
	struct playbook p;
	struct diags d = {0};

	if (!registered)
		atexit(remove_directory);
	registered = true;
	/* Modules of an Ansible that is installed here would make it slow. */
	setenv("MODELFLEET_ANSIBLE", "", 1);
	if (size > 8192)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		autofree char *path = xasprintf("%s/roles/r/%s", directory, files[i]);
		at = write_part(path, at, (const char *)data + size);
	}
	int rc = playbook_parse_text(
		&p, "fuzz", directory, playbook, strlen(playbook), NULL, &d);
	if ((rc < 0) != (d.errors > 0) || (rc == 0 && p.count != 1))
		abort();
	playbook_release(&p);
	diags_release(&d);
	return 0;
}
