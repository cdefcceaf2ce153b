/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/pip.h"
#include "node/pip_probe.inc"
#include "node/words.h"

#define FIRST_MAX 4096

/* A program's environment: nothing that asks, and the virtual environment's programs first. */
static void make_environment(struct pip_task *t, const char *env[6])
{
	const char *path = getenv("PATH");

	env[0] = "PIP_DISABLE_PIP_VERSION_CHECK=1";
	env[1] = "PIP_NO_INPUT=1";
	env[2] = "LC_ALL=C.UTF-8";
	env[3] = t->virtualenv ? arena_printf(t->call->arena, "PATH=%s/bin:%s", t->virtualenv,
					 path ? path : "/usr/bin:/bin")
			       : NULL;
	env[4] = NULL;
}

/* An error with what a program said. */
static int complain(
	struct pip_task *t, const struct call_program *p, const char *what, struct err *err)
{
	const char *said = call_program_says(t->call->arena, p);

	return err_set(err, ERR_SYSTEM, "%s: %s", what, said ? said : "it gave no reason");
}

int pip_run(struct pip_task *t, const struct strlist *argv, struct err *err)
{
	const char *env[6];
	AUTO(call_program_release)
	struct call_program p = {.argv = (const char *const *)argv->items,
		.env = env,
		.cwd = t->chdir,
		.unkillable = true};

	if (!argv->items)
		return err_set(err, ERR_INPUT, "there is no command to run");
	const char *program = argv->items[0];
	make_environment(t, env);
	if (call_run(t->call, &p, err) < 0)
		return -1;
	strbuf_add(&t->out, p.out.data, p.out.len);
	strbuf_add(&t->err, p.err.data, p.err.len);
	if (p.status != 0)
		return complain(t, &p, program, err);
	return 0;
}

bool pip_lacks_virtualenv(const struct pip_task *t)
{
	return t->virtualenv && access(t->python, X_OK) < 0;
}

/* The command of the arguments, else virtualenv where it is installed, else Python's own. */
static int virtualenv_command(struct pip_task *t, struct strlist *argv, struct err *err)
{
	const char *given = call_text_or_null(t->call, "virtualenv_command");
	const char *python = call_text_or_null(t->call, "virtualenv_python");

	if (given) {
		const char *const *words = words_split(t->call->arena, given, NULL, err);
		if (!words)
			return err_wrap(err, "virtualenv_command");
		for (; *words; words++)
			strlist_add(argv, *words);
	} else if (access("/usr/bin/virtualenv", X_OK) == 0 ||
		   access("/usr/local/bin/virtualenv", X_OK) == 0) {
		strlist_add(argv, "virtualenv");
	} else {
		strlist_add(argv, python ? python : "python3");
		strlist_add(argv, "-m");
		strlist_add(argv, "venv");
		python = NULL;
	}
	if (python)
		strlist_addf(argv, "-p%s", python);
	if (item_bool(t->call->args, "virtualenv_site_packages", false))
		strlist_add(argv, "--system-site-packages");
	strlist_add(argv, t->virtualenv);
	return 0;
}

int pip_make_virtualenv(struct pip_task *t, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	if (virtualenv_command(t, &argv, err) < 0 || pip_run(t, &argv, err) < 0)
		return err_wrap(err, "make the virtual environment %s", t->virtualenv);
	if (pip_lacks_virtualenv(t))
		return err_set(err, ERR_SYSTEM, "it was made without a %s", t->python);
	return 0;
}

/* The Python that a pip program's first line names, or python3. */
static const char *python_of(struct pip_task *t, const char *executable)
{
	AUTO(strlist_release) struct strlist words = {0};
	char line[FIRST_MAX];
	autofd int fd = open(executable, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : fd_read_full(fd, line, sizeof(line) - 1);

	if (got < 3 || line[0] != '#' || line[1] != '!')
		return "python3";
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	strlist_split(&words, line + 2, " ");
	if (words.count != 1 || !strstr(words.items[0], "python"))
		return "python3";
	return arena_strdup(t->call->arena, words.items[0]);
}

void pip_find(struct pip_task *t)
{
	const char *executable = call_text_or_null(t->call, "executable");

	if (!t->virtualenv && executable) {
		t->python = python_of(t, executable);
		strlist_add(&t->pip, executable);
		return;
	}
	if (!t->virtualenv)
		t->python = "python3";
	strlist_add(&t->pip, t->python);
	strlist_add(&t->pip, "-m");
	strlist_add(&t->pip, "pip");
}

/* "have NAME VERSION" into the map, "met" and so on into the wants; false for other lines. */
static bool read_answer(struct pip_task *t, char *line, struct strmap *have, size_t *next)
{
	static const char *const words[] = {
		[PIP_UNMET] = "unmet", [PIP_MET] = "met", [PIP_UNKNOWN] = "unknown"};
	char *save = NULL;

	if (str_starts(line, "have ")) {
		const char *name = strtok_r(line + strlen("have "), " ", &save);
		const char *version = strtok_r(NULL, " ", &save);
		if (name && version)
			strmap_set(have, name, arena_strdup(t->call->arena, version));
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(line, words[i]) == 0 && *next < t->wants.count) {
			t->wants.items[(*next)++].answer = (enum pip_answer)i;
			return true;
		}
	}
	return false;
}

int pip_probe(struct pip_task *t, struct strmap *have, bool wants, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0}, lines = {0};
	const char *env[6];
	AUTO(call_program_release)
	struct call_program p = {
		.env = env, .cwd = t->chdir, .until = deadline_in(PIP_LOOK_TIME)};
	size_t answered = 0;

	strlist_add(&argv, t->python);
	strlist_add(&argv, "-c");
	strlist_add(&argv, probe);
	for (size_t i = 0; wants && i < t->wants.count; i++) {
		strlist_add(&argv, t->wants.items[i].is_file ? "f" : "r");
		strlist_add(&argv, t->wants.items[i].text);
	}
	make_environment(t, env);
	p.argv = (const char *const *)argv.items;
	if (call_run(t->call, &p, err) < 0)
		return -1;
	if (p.status != 0)
		return complain(t, &p,
			arena_printf(t->call->arena, "ask %s what is installed", t->python),
			err);
	strlist_split(&lines, p.out.data, "\n");
	for (size_t i = 0; i < lines.count; i++)
		read_answer(t, lines.items[i], have, &answered);
	if (wants && answered != t->wants.count)
		return err_set(err, ERR_PROTOCOL, "%s answered %zu of %zu questions", t->python,
			answered, t->wants.count);
	return 0;
}
