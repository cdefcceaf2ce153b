/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/apt.h"

static const char *const usual_environment[] = {"DEBIAN_FRONTEND=noninteractive",
	"DEBIAN_PRIORITY=critical", "APT_LISTCHANGES_FRONTEND=none", "LC_ALL=C.UTF-8",
	"LANGUAGE=", NULL};

/* The process that holds a lock on a file; 0 when nobody does, or the file is not there. */
static pid_t lock_holder(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	autofd int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static const char *process_name(struct arena *a, pid_t pid)
{
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (file_read(path, 256, &name, NULL) < 0)
		return "a process that is gone";
	strbuf_rtrim(&name);
	return arena_strndup(a, name.data, name.len);
}

int apt_wait_for_lock(struct apt_task *t, const char *path, struct err *err)
{
	pid_t holder;

	while ((holder = lock_holder(path)) != 0) {
		if (deadline_passed(t->lock_until))
			return err_set(err, ERR_BUSY,
				"%s is held by %s (process %d) for more than %.3g seconds: "
				"wait for it, or raise lock_timeout",
				path, process_name(t->call->arena, holder), (int)holder,
				t->lock_seconds);
		if (call_sleep(t->call, deadline_in(0.2), err) < 0)
			return -1;
	}
	return 0;
}

/* An error with what a program said. */
static int complain(
	struct apt_task *t, const struct call_program *p, const char *what, struct err *err)
{
	const char *said = call_program_says(t->call->arena, p);

	return err_set(err, ERR_SYSTEM, "%s: %s", what, said ? said : "it gave no reason");
}

int apt_ask(struct apt_task *t, const char *const *argv, struct strbuf *out, struct err *err)
{
	AUTO(call_program_release) struct call_program p = {.argv = argv};

	p.env = call_environment(t->call, usual_environment, err);
	if (!p.env)
		return -1;
	if (call_run(t->call, &p, err) < 0)
		return -1;
	if (p.status != 0)
		return complain(t, &p, argv[0], err);
	strbuf_add(out, p.out.data, p.out.len);
	return 0;
}

static void add_options(struct apt_task *t, struct strlist *argv)
{
	strlist_add(argv, "-y");
	strlist_add(argv, "-q");
	strlist_add(argv, "-o");
	strlist_add(argv, "Dpkg::Use-Pty=0"); /* no progress bars */
	for (const char *const *o = t->dpkg_options; *o; o++) {
		strlist_add(argv, "-o");
		strlist_addf(argv, "Dpkg::Options::=--%s", *o);
	}
	strlist_add(argv, "-o");
	strlist_addf(argv, "DPkg::Lock::Timeout=%.0f", t->lock_seconds);
	if (t->install_recommends >= 0) {
		strlist_add(argv, "-o");
		strlist_addf(argv, "APT::Install-Recommends=%s",
			t->install_recommends ? "yes" : "no");
	}
	if (t->state == APT_FIXED)
		strlist_add(argv, "--fix-broken");
	if (t->only_upgrade)
		strlist_add(argv, "--only-upgrade");
	if (t->autoremove)
		strlist_add(argv, "--auto-remove");
	if (t->fail_on_autoremove)
		strlist_add(argv, "--no-remove");
	if (t->purge)
		strlist_add(argv, "--purge");
	if (t->allow_downgrade || t->force)
		strlist_add(argv, "--allow-downgrades");
	if (t->default_release) {
		strlist_add(argv, "-t");
		strlist_add(argv, t->default_release);
	}
}

/* What apt-get refuses unless it is told that this is meant. */
static void add_permissions(struct apt_task *t, struct strlist *argv)
{
	if (t->force)
		strlist_add(argv, "--allow-remove-essential");
	if (t->force || t->allow_change_held)
		strlist_add(argv, "--allow-change-held-packages");
	if (t->force || t->allow_unauthenticated)
		strlist_add(argv, "--allow-unauthenticated");
}

/* A package manager is not ended in the middle of its work: not by the call's deadline, and
 * not when the engine is gone. */
static int run_to_end(
	struct apt_task *t, struct call_program *p, bool simulate, struct err *err)
{
	struct node_call whole = *t->call;

	p->unkillable = !simulate;
	if (!simulate)
		whole.until = deadline_in(APT_SECONDS);
	return call_run(&whole, p, err);
}

int apt_get(struct apt_task *t, const char *verb, const struct strlist *words, bool simulate,
	struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(call_program_release) struct call_program p = {0};

	p.env = call_environment(t->call, usual_environment, err);
	if (!p.env)
		return -1;
	strlist_add(&argv, "apt-get");
	add_options(t, &argv);
	add_permissions(t, &argv);
	if (simulate)
		strlist_add(&argv, "-s");
	if (strcmp(verb, "update") == 0) { /* a source that is out of reach is a failure */
		strlist_add(&argv, "-o");
		strlist_add(&argv, "APT::Update::Error-Mode=any");
	}
	if (strcmp(verb, "upgrade") == 0)
		strlist_add(&argv, "--with-new-pkgs");
	strlist_add(&argv, verb);
	if (words && words->count > 0) {
		strlist_add(&argv, "--");
		for (size_t i = 0; i < words->count; i++)
			strlist_add(&argv, words->items[i]);
	}
	p.argv = (const char *const *)argv.items;
	if (!simulate && apt_wait_for_lock(t, "/var/lib/dpkg/lock-frontend", err) < 0)
		return -1;
	if (!simulate && apt_policy_begin(t, err) < 0)
		return -1;
	int ran = run_to_end(t, &p, simulate, err);
	apt_policy_end(t);
	if (ran < 0)
		return -1;
	strbuf_add(&t->out, p.out.data, p.out.len);
	strbuf_add(&t->err, p.err.data, p.err.len);
	if (p.status != 0)
		return complain(t, &p, arena_printf(t->call->arena, "apt-get %s", verb), err);
	return 0;
}
