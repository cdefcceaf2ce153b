/* SPDX-License-Identifier: Apache-2.0 */
#include "made_site.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/spawn.h"

#define RUN_SECONDS 60

void made_write(struct made_site *s, const char *name, const char *data, size_t n)
{
	autofree char *path = path_join(s->dir, name);
	autofree char *dir = path_dirname(path);
	struct err err = {0};

	if (path_mkdirs(dir, 0755, &err) < 0 || file_replace(path, data, n, 0644, &err) < 0)
		fail_msg("%s", err.text);
}

void made_noise(struct made_site *s, const char *name, size_t size)
{
	autofree char *noise = xmalloc(size);
	uint32_t x = 1;

	for (size_t i = 0; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		noise[i] = (char)(x >> 24);
	}
	made_write(s, name, noise, size);
}

void made_inventory(struct made_site *s, const char *hosts)
{
	autofree char *text =
		xasprintf("all:\n"
			  "  vars:\n"
			  "    primary_datasink: sink\n"
			  "    sentinelcam_models: {face: {current_version: 2026-01-01}}\n"
			  "    sentinelcam_model_registry: \"%s/{{ inventory_hostname }}\"\n"
			  "  children:\n"
			  "    sentinels:\n"
			  "      hosts:\n%s"
			  "    datasinks:\n"
			  "      hosts: {sink: {ansible_connection: local}}\n",
			s->dir, hosts);

	made_write(s, "hosts.yaml", text, strlen(text));
}

int made_site_setup(void **state)
{
	struct made_site *s = xcalloc(1, sizeof(*s));
	void *dir;

	if (scratch_make(&dir) < 0)
		return -1;
	*state = s;
	s->dir = dir;
	s->home = xasprintf("HOME=%s/home", s->dir);
	s->cache = xasprintf("XDG_CACHE_HOME=%s/cache", s->dir);
	s->state = xasprintf("XDG_STATE_HOME=%s/state", s->dir);
	s->node = xasprintf("MODELFLEET_STATE_DIR=%s/node", s->dir);
	strbuf_init(&s->out);
	strbuf_init(&s->err);
	made_noise(s, "sink/face/2026-01-01/weights.bin", 20000);
	made_inventory(s, MADE_LOCAL("h0") MADE_LOCAL("h1"));
	return 0;
}

int made_site_teardown(void **state)
{
	struct made_site *s = *state;
	void *dir = s->dir;

	arena_release(&s->arena);
	strbuf_release(&s->out);
	strbuf_release(&s->err);
	free(s->home);
	free(s->cache);
	free(s->state);
	free(s->node);
	free(s);
	return scratch_remove(&dir);
}

/* ---- runs ---- */

void made_run(struct made_site *s, const char *const *words)
{
	const char *argv[MADE_WORDS_MAX + 2] = {MODELFLEET};
	const char *const env[] = {s->home, s->cache, s->state, s->node, "NO_COLOR=1", NULL};
	struct spawn_result r;
	struct err err = {0};

	for (size_t i = 0; words && words[i]; i++) {
		assert_true(i < MADE_WORDS_MAX);
		argv[1 + i] = words[i];
	}
	const struct spawn_options o = {.argv = argv,
		.env = env,
		.cwd = s->dir,
		.output_max = 16 << 20,
		.until = deadline_in(RUN_SECONDS)};
	if (spawn_run(&o, &r, &err) < 0)
		fail_msg("%s", err.text);
	s->code = spawn_exit_code(r.status);
	strbuf_release(&s->out);
	strbuf_release(&s->err);
	s->out = r.out;
	s->err = r.err;
}

/* The whole line of a command. */
static void make_line(
	const char *command, const char *const *words, const char *line[MADE_WORDS_MAX + 1])
{
	size_t n = 3;

	line[0] = command;
	line[1] = "-i";
	line[2] = "hosts.yaml";
	for (size_t i = 0; words && words[i]; i++) {
		assert_true(n < MADE_WORDS_MAX);
		line[n++] = words[i];
	}
	line[n] = NULL;
}

void made_command(struct made_site *s, const char *command, const char *const *words)
{
	const char *line[MADE_WORDS_MAX + 1];

	make_line(command, words, line);
	made_run(s, line);
}

/* The process of the terminal's other end: does not return. */
static _Noreturn void become_program(const struct made_site *s, const char *const *line,
	const char *term, const char *no_color)
{
	autofree char *term_entry = xasprintf("TERM=%s", term ? term : "");
	autofree char *color_entry = xasprintf("NO_COLOR=%s", no_color ? no_color : "");
	const char *const extra[] = {
		s->home, s->cache, s->state, s->node, term_entry, color_entry, NULL};
	char *argv[MADE_WORDS_MAX + 2] = {(char *)MODELFLEET};

	for (size_t i = 0; line[i]; i++)
		argv[1 + i] = (char *)line[i];
	if (chdir(s->dir) == 0)
		execve(MODELFLEET, argv, spawn_environment(extra));
	_exit(127);
}

void made_on_terminal(struct made_site *s, const char *command, const char *const *words,
	const char *term, const char *no_color)
{
	const struct winsize size = {.ws_row = 24, .ws_col = 80};
	const char *line[MADE_WORDS_MAX + 1];
	char buffer[4096];
	int master, status;
	ssize_t n;

	make_line(command, words, line);
	pid_t pid = forkpty(&master, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0)
		become_program(s, line, term, no_color);
	strbuf_clear(&s->out);
	strbuf_clear(&s->err);
	/* The last reader of a terminal whose program has ended gets EIO. */
	while ((n = read(master, buffer, sizeof(buffer))) > 0)
		strbuf_add(&s->out, buffer, (size_t)n);
	close(master);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	s->code = spawn_exit_code(status);
}

void made_expect_code(const struct made_site *s, int code)
{
	if (s->code != code)
		fail_msg("exit code %d, expected %d\n%s%s", s->code, code, s->out.data,
			s->err.data);
}

void made_expect_in(const struct strbuf *stream, const char *text)
{
	if (!strstr(stream->data, text))
		fail_msg("'%s' is not in:\n%s", text, stream->data);
}
