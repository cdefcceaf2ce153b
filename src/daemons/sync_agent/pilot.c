/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/pilot.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"

#define COMMAND_LINE_MAX 65536u
#define PID_FILE_MAX     64u
#define SAID_MAX         400  /* bytes of what a command says that a message has */
#define END_PAUSE        0.1  /* seconds between two looks whether a process is there */
#define AGAIN_PAUSE      5.0  /* seconds between two tries to start the pipeline */
#define AGAIN_LIMIT      30.0 /* seconds after which there is no further one */

/* ---- whose process it is ---- */

/* True for programs whose first argument may be a script. */
static bool is_interpreter(const char *program)
{
	static const char *const names[] = {"python", "pypy", "sh", "bash", "dash", "node",
		"nodejs", "perl", "ruby", "lua"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);
		/* "python3.11" */
		if (strncmp(program, names[i], n) == 0 &&
			strspn(program + n, "0123456789.") == strlen(program + n))
			return true;
	}
	return false;
}

/* The argument behind one, in a command line of n bytes with a NUL behind each; NULL. */
static const char *next_word(const struct strbuf *line, const char *word)
{
	const char *next = word + strlen(word) + 1;

	return next < line->data + line->len ? next : NULL;
}

/* The script that an interpreter runs, or NULL: options come first, -c and -m are no scripts.
 */
static const char *script_of(const struct strbuf *line)
{
	const char *word = next_word(line, line->data);

	while (word && *word == '-') {
		bool takes_value = strcmp(word, "-X") == 0 || strcmp(word, "-W") == 0;
		if (strcmp(word, "-c") == 0 || strcmp(word, "-m") == 0)
			return NULL;
		word = next_word(line, word);
		if (takes_value && word)
			word = next_word(line, word);
	}
	return word;
}

static bool is_process(pid_t pid, const char *pattern)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	autofree char *path = xasprintf("/proc/%ld/cmdline", (long)pid);

	if (file_read(path, COMMAND_LINE_MAX, &line, NULL) < 0 || line.len == 0)
		return false;
	const char *program = path_basename(line.data);
	if (strcmp(program, pattern) == 0)
		return true;
	const char *script = is_interpreter(program) ? script_of(&line) : NULL;
	return script && strcmp(path_basename(script), pattern) == 0;
}

int pilot_find(const char *pattern, pid_t *pid, struct err *err)
{
	DIR *d = opendir("/proc");
	size_t count = 0;

	if (!d)
		return err_sys(err, "open /proc");
	for (struct dirent *e; (e = readdir(d));) {
		int64_t n;
		if (!isdigit((unsigned char)*e->d_name) ||
			!parse_int(e->d_name, 1, INT32_MAX, &n) || n == getpid() ||
			!is_process((pid_t)n, pattern))
			continue;
		*pid = (pid_t)n;
		count++;
	}
	closedir(d);
	if (count == 0)
		return err_set(err, ERR_NOTFOUND, "no process is \"%s\"", pattern);
	if (count > 1)
		return err_set(err, ERR_INPUT,
			"%zu processes are \"%s\", so none is ended: say which with "
			"\"pid_file\"",
			count, pattern);
	return 0;
}

static int read_pid_file(const char *path, pid_t *pid, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int64_t n;

	if (file_read(path, PID_FILE_MAX, &text, err) < 0)
		return -1;
	strbuf_rtrim(&text);
	if (!parse_int(text.data, 2, INT32_MAX, &n))
		return err_set(err, ERR_INPUT, "%s holds no process id", path);
	*pid = (pid_t)n;
	return 0;
}

/* ---- restart ---- */

static int cannot_signal(struct err *err)
{
	if (errno == EPERM)
		return err_set(err, ERR_DENIED,
			"it is another user's: run the agent as that user, or give it "
			"CAP_KILL");
	return err_sys(err, "signal it");
}

/* For kernels before 5.3, as some boards have them: by its id alone. */
static int end_by_id(pid_t pid, deadline until, const struct cancel *cancel, struct err *err)
{
	if (kill(pid, SIGTERM) < 0)
		return cannot_signal(err);
	while (kill(pid, 0) == 0 || errno != ESRCH) {
		if (deadline_passed(until))
			return err_set(err, ERR_TIMEOUT, "it is still there");
		if (wait_until(deadline_in(END_PAUSE), cancel, err) < 0)
			return -1;
	}
	return 0;
}

/* Its descriptor is the process's own, whoever gets its id later. */
static int end_by_descriptor(
	pid_t pid, deadline until, const struct cancel *cancel, struct err *err)
{
	autofd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return errno == ENOSYS ? end_by_id(pid, until, cancel, err)
				       : err_sys(err, "open it");
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0)
		return cannot_signal(err);
	return wait_fds(&end, 1, until, cancel, err) < 0 ? -1 : 0;
}

/* Ends a process and waits for its end. */
static int end_process(
	const struct agent_update *u, pid_t pid, const struct cancel *cancel, struct err *err)
{
	if (end_by_descriptor(pid, deadline_in(u->timeout), cancel, err) < 0)
		return err_wrap(err, "process %ld is to end", (long)pid);
	log_info("process %ld was told to end, and has", (long)pid);
	return 0;
}

static int signal_pilot(
	const struct agent_update *u, const struct cancel *cancel, struct err *err)
{
	pid_t pid = 0;

	if (u->pid_file ? read_pid_file(u->pid_file, &pid, err)
			: pilot_find(u->process_pattern, &pid, err))
		return -1;
	return end_process(u, pid, cancel, err);
}

/* What a program printed, as one line: the cause may be the first one or the last. */
static const char *one_line(struct strbuf *text)
{
	strbuf_rtrim(text);
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\n')
			text->data[i] = ' ';
	return text->data;
}

static int run_shell(
	const char *command, double seconds, const struct cancel *cancel, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	const struct spawn_options o = {
		.argv = argv, .until = deadline_in(seconds), .cancel = cancel};
	AUTO(spawn_result_release)
	struct spawn_result r = {.out = STRBUF_INIT, .err = STRBUF_INIT};

	if (spawn_run(&o, &r, err) < 0)
		return err_wrap(err, "\"%s\"", command);
	int code = spawn_exit_code(r.status);
	if (code == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "\"%s\" ended with %d: %.*s", command, code, SAID_MAX,
		one_line(&r.err));
}

int pilot_restart(const struct agent_update *u, const struct cancel *cancel, struct err *err)
{
	struct err why = {0};

	if (!u->restart || !u->command || !*u->command)
		return 0;
	if (run_shell(u->command, u->timeout, cancel, &why) == 0) {
		log_info("\"%s\" is done", u->command);
		return 0;
	}
	if (why.code == ERR_CANCELLED)
		return err_set(err, why.code, "%s", why.text);
	log_warning("%s; ending the process instead", why.text);
	return signal_pilot(u, cancel, err);
}

int pilot_restart_again(
	const struct agent_update *u, const struct cancel *cancel, struct err *err)
{
	deadline until = deadline_in(AGAIN_LIMIT);

	while (pilot_restart(u, cancel, err) < 0) {
		if ((err && err->code == ERR_CANCELLED) || deadline_passed(until))
			return -1;
		if (wait_until(deadline_in(AGAIN_PAUSE), cancel, err) < 0)
			return -1;
	}
	return 0;
}
