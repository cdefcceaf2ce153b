/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module job: another module's work in a process of its own.
 *
 * Theory of operation. The job's file is written before anything is started, so that whoever
 * has heard of a job finds it. Then the helper forks twice. What stays is the keeper, in a
 * session of its own and with none of the helper's descriptors but blobs (content without a
 * name that the module may be about); nothing ties it to the connection or to the helper's
 * directory. It forks the worker, which runs the module and writes the result. The keeper sees
 * to it that there is one: when the worker dies, and when it goes on beyond its time.
 */
#include "node/job.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/blob.h"

#define DIRECTORY_MODE 0700
#define NUMBER_MAX     1000000000000 /* of a job's number: Ansible's */
#define LIMIT_MAX      (100.0 * 365 * 86400)
#define GRACE          5.0 /* seconds beyond the limit, so that who waits for it is first */
#define END_TIME       5.0 /* seconds that a worker has to end what it started */
#define POLL_TIME      1.0 /* seconds between looks where there is no pidfd */

const struct node_arg job_args[] = {
	{"module", ARG_TEXT | ARG_REQUIRED},
	{"arguments", ARG_DICT | ARG_REQUIRED},
	{"directory", ARG_TEXT | ARG_REQUIRED},
	{"limit", ARG_NUMBER | ARG_REQUIRED},
	{"base", ARG_DICT},
	{NULL, 0},
};

/* ---- the worker ---- */

/* Runs the module and writes what became of it; the worker's exit status. */
static int work(const struct job *j, struct node_call *c)
{
	AUTO(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct item_writer out;
	struct err why = {0};
	const struct item *result = NULL;

	item_begin(&out, &bytes);
	c->out = &out;
	c->until = j->until;
	if (j->module->run(c, &why) == 0 && item_finish(&out, &why) == 0)
		result = item_parse(c->arena, bytes.data, bytes.len, &why);
	if (result)
		return job_write_result(j, result, NULL) < 0;
	if (why.code == ERR_TIMEOUT && deadline_passed(j->until))
		return job_write_timeout(j, getpid(), NULL) < 0;
	return job_write_failure(j, why.text, NULL) < 0;
}

/* ---- the keeper ---- */

/* Waits for the worker's end: true with its status, false when its time is over. */
static bool await(pid_t worker, deadline until, int *status)
{
	autofd int fd = pidfd_open(worker, 0);

	while (waitpid(worker, status, WNOHANG) == 0) {
		struct pollfd end = {.fd = fd, .events = POLLIN};
		if (deadline_passed(until))
			return false;
		wait_fds(&end, 1, fd < 0 ? deadline_min(until, deadline_in(POLL_TIME)) : until,
			NULL, NULL);
	}
	return true;
}

static void keep(const struct job *j, struct node_call *c)
{
	int status = 0;
	char why[80];
	pid_t worker = fork();

	if (worker == 0)
		_exit(work(j, c));
	if (worker < 0) {
		job_write_failure(j, "the job could not be started: fork failed", NULL);
		return;
	}
	if (!await(worker, j->until + (deadline)(END_TIME * 1e9), &status)) {
		job_write_timeout(j, worker, NULL);
		kill(worker, SIGKILL);
		waitpid(worker, &status, 0);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	snprintf(why, sizeof(why), "the job's process ended without a result (%s %d)",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	job_write_failure(j, why, NULL);
}

/* Lets go of all that belongs to the helper. */
static void leave_helper(struct node *n)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	DIR *all = opendir("/proc/self/fd");
	const struct dirent *entry;

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	while (all && (entry = readdir(all))) {
		int64_t fd = 0;
		if (parse_int(entry->d_name, 3, INT32_MAX, &fd) && fd != dirfd(all) &&
			!blob_has(n, (int)fd))
			close((int)fd);
	}
	if (all)
		closedir(all);
	n->transaction = NULL; /* its files are closed */
}

/* ---- the helper ---- */

static int start(const struct job *j, struct node_call *c, struct err *err)
{
	int status = 0;
	pid_t between = fork();

	if (between < 0)
		return err_sys(err, "start a job");
	if (between > 0) {
		if (waitpid(between, &status, 0) == between && status == 0)
			return 0;
		return err_set(err, ERR_SYSTEM, "the job could not be started: fork failed");
	}
	setsid();
	pid_t keeper = fork();
	if (keeper != 0)
		_exit(keeper < 0);
	leave_helper(c->node);
	c->alone = true;
	keep(j, c);
	_exit(0);
}

/* Gives the job its name and its place. */
static int name_it(struct node_call *c, struct job *j, struct err *err)
{
	const char *directory = call_path(c, "directory", err);
	uint64_t number;

	if (!directory)
		return -1;
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return err_sys(err, "getrandom");
	j->id = arena_printf(
		c->arena, "j%llu.%d", (unsigned long long)(number % NUMBER_MAX), (int)getpid());
	j->path = arena_printf(c->arena, "%s/%s", directory, j->id);
	if (path_mkdirs(directory, DIRECTORY_MODE, err) < 0)
		return err_wrap(err, "could not create directory");
	return 0;
}

/* The module and its arguments, checked as if it was called. */
static int find_work(
	struct node_call *c, struct job *j, struct node_call *inner, struct err *err)
{
	const char *name = call_text(c, "module", err);
	double limit = call_number(c, "limit", 0);

	if (!name)
		return -1;
	j->module = node_module_find(name);
	if (!j->module || j->module->flags & MODULE_NO_CHECK)
		return err_set(err, ERR_UNSUPPORTED, "\"%s\" cannot be a job", name);
	if (!(limit > 0) || limit > LIMIT_MAX)
		return err_set(err, ERR_INPUT, "a job's limit is more than 0 seconds");
	if (call_transaction(c))
		return err_set(err, ERR_UNSUPPORTED,
			"a job outlives the transaction, which could not take it back");
	inner->args = item_get(c->args, "arguments");
	j->base = item_get(c->args, "base");
	j->until = deadline_in(limit + GRACE);
	return node_module_check(inner, j->module, err);
}

int node_job(struct node_call *c, struct err *err)
{
	struct job j = {.path = ""};
	struct node_call inner = *c;

	if (find_work(c, &j, &inner, err) < 0 || name_it(c, &j, err) < 0 ||
		job_write_start(&j, err) < 0)
		return -1;
	if (start(&j, &inner, err) < 0) {
		unlink(j.path);
		return -1;
	}
	item_put_bool(c->out, "changed", true);
	item_put_int(c->out, "started", 1);
	item_put_int(c->out, "finished", 0);
	item_put_string(c->out, "ansible_job_id", j.id);
	item_put_string(c->out, "results_file", j.path);
	return 0;
}
