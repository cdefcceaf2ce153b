/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushing is git's: it has the credentials, the transports and the pre-push hook. Nobody is
 * asked for a password here; what would ask, fails.
 */
#include "base/path.h"
#include "history/commit_internal.h"

#define PUSH_SECONDS 120.0

/* The branch and where it is pushed to. Strings are owned. */
struct upstream {
	char *branch; /* "main" */
	char *remote; /* "origin" */
	char *merge;  /* "refs/heads/main" */
};

static void upstream_release(struct upstream *u)
{
	free(u->branch);
	free(u->remote);
	free(u->merge);
}

/* The one line that git says; NULL when it says that there is none. -1 with err else. */
static int line_of(const char *dir, const char *const *args, char **out, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result result = {0};
	int code = git_program_run(&(struct git_call){.dir = dir, .args = args}, &result, err);

	*out = NULL;
	if (code < 0)
		return -1;
	strbuf_rtrim(&result.out);
	if (code == 0 && result.out.len)
		*out = strbuf_detach(&result.out, NULL);
	return 0;
}

static int setting_of(const char *dir, const struct upstream *u, const char *what, char **out,
	struct err *err)
{
	autofree char *key = xasprintf("branch.%s.%s", u->branch, what);
	const char *const args[] = {"config", "--get", key, NULL};

	return line_of(dir, args, out, err);
}

static int find_upstream(const char *dir, struct upstream *u, struct err *err)
{
	static const char *const branch[] = {"symbolic-ref", "-q", "--short", "HEAD", NULL};

	if (line_of(dir, branch, &u->branch, err) < 0)
		return -1;
	if (!u->branch)
		return err_set(err, ERR_INPUT,
			"%s: no branch is checked out (HEAD is detached), nothing was pushed",
			dir);
	if (setting_of(dir, u, "remote", &u->remote, err) < 0 ||
		setting_of(dir, u, "merge", &u->merge, err) < 0)
		return -1;
	if (u->remote && u->merge)
		return 0;
	return err_set(err, ERR_INPUT,
		"%s: the branch %s has no upstream, so that it was not pushed; set one: git "
		"push --set-upstream REMOTE %s",
		dir, u->branch, u->branch);
}

/* True where somebody chose the program that connects; else we choose one that never asks. */
static bool has_own_ssh(const char *dir)
{
	static const char *const args[] = {"config", "--get", "core.sshCommand", NULL};
	AUTO(spawn_result_release) struct spawn_result result = {0};

	if (getenv("GIT_SSH_COMMAND") || getenv("GIT_SSH"))
		return true;
	return git_program_run(&(struct git_call){.dir = dir, .args = args}, &result, NULL) ==
	       0;
}

static int refuse(const char *dir, const struct upstream *u, const struct spawn_result *result,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;
	bool ahead = strstr(result->out.data, "(fetch first)") ||
		     strstr(result->out.data, "(non-fast-forward)");

	if (ahead)
		return err_set(err, ERR_BUSY,
			"%s: %s has commits of %s that are not here, so that nothing was "
			"pushed; the commit is here and nothing is lost: git pull --rebase, "
			"then git push",
			dir, u->remote, u->branch);
	git_program_words(result, &words);
	return err_set(err, ERR_SYSTEM,
		"%s: git push to %s failed, the commit is here and nothing is lost; push it "
		"later: %s",
		dir, u->remote, words.len ? words.data : "it says nothing");
}

static int push(
	const char *dir, const struct upstream *u, const struct cancel *cancel, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result result = {0};
	autofree char *refspec = xasprintf("refs/heads/%s:%s", u->branch, u->merge);
	const char *const args[] = {"push", "--porcelain", u->remote, refspec, NULL};
	const char *env[] = {"LC_ALL=C.UTF-8", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false",
		"SSH_ASKPASS=false", "SSH_ASKPASS_REQUIRE=force",
		has_own_ssh(dir) ? NULL : "GIT_SSH_COMMAND=ssh -o BatchMode=yes", NULL};
	const struct git_call call = {.dir = dir,
		.args = args,
		.env = env,
		.until = deadline_in(PUSH_SECONDS),
		.cancel = cancel};
	int code = git_program_run(&call, &result, err);

	if (code < 0)
		return err_wrap(err, "%s was not pushed, the commit is here", u->branch);
	return code > 0 ? refuse(dir, u, &result, err) : 0;
}

int git_push_branch(const char *path, const struct cancel *cancel, struct err *err)
{
	AUTO(upstream_release) struct upstream u = {0};
	autofree char *dir = path_is_dir(path) ? xstrdup(path) : path_dirname(path);

	if (!git_program_found())
		return err_set(err, ERR_UNSUPPORTED,
			"pushing needs the git program; install git, and push %s later", dir);
	if (find_upstream(dir, &u, err) < 0)
		return -1;
	return push(dir, &u, cancel, err);
}
