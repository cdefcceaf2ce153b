/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git: what brings a repository to a version.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "node/git.h"

static void add_depth(const struct git_task *g, struct strlist *words)
{
	strlist_add(words, "--depth");
	strlist_add(words, g->depth);
}

/* The options of a clone that depend on what the version is. */
static void add_extent(struct git_task *g, struct strlist *words)
{
	bool named = g->kind == GIT_BRANCH || g->kind == GIT_TAG;
	bool single = item_bool(g->call->args, "single_branch", false);
	bool shallow = g->depth && (g->kind == GIT_HEAD || g->refspec || named);

	if (shallow)
		add_depth(g, words);
	if (single)
		strlist_add(words, "--single-branch");
	if (named && ((shallow && !g->refspec) || single)) {
		strlist_add(words, "--branch");
		strlist_add(words, g->version);
	}
}

static int fetch_refspec(struct git_task *g, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_add(&words, g->program);
	strlist_add(&words, "fetch");
	if (g->depth)
		add_depth(g, &words);
	strlist_add(&words, g->remote);
	strlist_add(&words, g->refspec);
	int status = git_try_words(g, g->dest, &words, err);
	return status > 0 ? git_failed(g, "Failed to fetch the refspec", err) : status;
}

int git_clone(struct git_task *g, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	const char *reference = call_text_or_null(g->call, "reference");
	autofree char *parent = path_dirname(g->dest);

	if (git_resolve(g, g->repo, err) < 0 || path_mkdirs(parent, 0777, err) < 0)
		return -1;
	strlist_add(&words, g->program);
	strlist_add(&words, "clone");
	if (g->bare) {
		strlist_add(&words, "--bare");
	} else {
		strlist_add(&words, "--origin");
		strlist_add(&words, g->remote);
	}
	add_extent(g, &words);
	if (reference) {
		strlist_add(&words, "--reference");
		strlist_add(&words, reference);
	}
	if (g->separate)
		strlist_addf(&words, "--separate-git-dir=%s", g->separate);
	strlist_add(&words, "--");
	strlist_add(&words, g->repo);
	strlist_add(&words, g->dest);
	int status = git_try_words(g, parent, &words, err);
	if (status == 0 && g->bare && strcmp(g->remote, "origin") != 0)
		status = git_try(g, g->dest, err, "remote", "add", g->remote, g->repo, NULL);
	if (status != 0)
		return status < 0 ? -1 : git_failed(g, "git clone", err);
	return g->refspec ? fetch_refspec(g, err) : 0;
}

/* What a shallow fetch asks for: 1, or 0 when it has to bring everything. */
static int add_shallow_refs(struct git_task *g, struct strlist *refs, struct err *err)
{
	if (!g->depth)
		return 0;
	if (g->refspec) {
		strlist_add(refs, g->refspec);
		return 1;
	}
	const char *head = git_head_branch(g, err);
	if (!head)
		return -1;
	if (g->kind == GIT_HEAD)
		strlist_add(refs, head);
	if (g->kind == GIT_BRANCH && strcmp(head, g->version) != 0)
		strlist_addf(refs, "+refs/heads/%s:refs/heads/%s", g->version, g->version);
	if (g->kind == GIT_BRANCH)
		strlist_addf(refs, "+refs/heads/%s:refs/remotes/%s/%s", g->version, g->remote,
			g->version);
	if (g->kind == GIT_TAG)
		strlist_addf(refs, "+refs/tags/%s:refs/tags/%s", g->version, g->version);
	return refs->count > 0;
}

int git_fetch(struct git_task *g, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0}, refs = {0};

	if (git_resolve(g, g->repo, err) < 0)
		return -1;
	int shallow = add_shallow_refs(g, &refs, err);
	if (shallow < 0)
		return -1;
	strlist_add(&words, g->program);
	strlist_add(&words, "fetch");
	if (shallow)
		add_depth(g, &words);
	else if (!g->bare)
		strlist_add(&words, "--tags");
	if (g->force)
		strlist_add(&words, "--force");
	strlist_add(&words, g->remote);
	if (!shallow && g->bare) {
		strlist_add(&words, "+refs/heads/*:refs/heads/*");
		strlist_add(&words, "+refs/tags/*:refs/tags/*");
	}
	if (!shallow && g->refspec)
		strlist_add(&refs, g->refspec);
	for (size_t i = 0; i < refs.count; i++)
		strlist_add(&words, refs.items[i]);
	int status = git_try_words(g, g->dest, &words, err);
	return status > 0 ? git_failed(g, "Failed to download remote objects and refs", err)
			  : status;
}

static int check_out_failed(struct git_task *g, int status, const char *what, struct err *err)
{
	if (status < 0)
		return -1;
	return git_failed(g, arena_printf(g->call->arena, "Failed to checkout %s", what), err);
}

/* Moves a branch that is there to where it is over there. */
static int reset_branch(struct git_task *g, const char *branch, struct err *err)
{
	const char *target = arena_printf(g->call->arena, "%s/%s", g->remote, branch);
	const char *what = arena_printf(g->call->arena, "branch %s", branch);
	int status = git_try(g, g->dest, err, "checkout", "--force", branch, NULL);

	if (status == 0)
		status = git_try(g, g->dest, err, "reset", "--hard", target, "--", NULL);
	return status == 0 ? 0 : check_out_failed(g, status, what, err);
}

/* A branch that is not here yet; a shallow repository has to bring it first. */
static int make_branch(struct git_task *g, struct err *err)
{
	struct arena *a = g->call->arena;
	const char *v = g->version;
	int status = 0;

	if (g->depth)
		status = git_try(g, g->dest, err, "fetch", "--depth", g->depth, g->remote,
			arena_printf(a, "+refs/heads/%s:refs/heads/%s", v, v),
			arena_printf(a, "+refs/heads/%s:refs/remotes/%s/%s", v, g->remote, v),
			NULL);
	if (status == 0 && g->depth)
		return reset_branch(g, v, err);
	if (status == 0)
		status = git_try(g, g->dest, err, "checkout", "--track", "-b", v,
			arena_printf(a, "%s/%s", g->remote, v), NULL);
	return status == 0 ? 0 : check_out_failed(g, status, v, err);
}

int git_switch(struct git_task *g, struct err *err)
{
	if (git_resolve(g, g->repo, err) < 0)
		return -1;
	if (g->kind == GIT_HEAD) {
		const char *branch = git_head_branch(g, err);
		return branch ? reset_branch(g, branch, err) : -1;
	}
	if (g->kind == GIT_BRANCH) {
		struct err none = {0};
		const char *local = arena_printf(g->call->arena, "refs/heads/%s", g->version);
		return git_commit(g, local, &none) ? reset_branch(g, g->version, err)
						   : make_branch(g, err);
	}
	int status = git_try(g, g->dest, err, "checkout", "--force", g->version, NULL);
	return status == 0 ? 0 : check_out_failed(g, status, g->version, err);
}

/* True when a line of `git submodule status` says that one is not as it should be. */
static bool says_difference(const char *status)
{
	for (const char *line = status; *line;) {
		if (*line != ' ' && *line != '\n')
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

static int submodule_status(struct git_task *g, struct err *err)
{
	int status = git_try(g, g->dest, err, "submodule", "status", "--recursive", NULL);

	if (status != 0)
		return status < 0 ? -1
				  : git_failed(g, "Failed to retrieve submodule status", err);
	return says_difference(g->said.out.data);
}

static int update_submodules(struct git_task *g, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	int status = git_try(g, g->dest, err, "submodule", "sync", NULL);

	if (status == 0) {
		strlist_split(&words, "submodule update --init --recursive", " ");
		AUTO(strlist_release) struct strlist all = {0};
		strlist_add(&all, g->program);
		for (size_t i = 0; i < words.count; i++)
			strlist_add(&all, words.items[i]);
		if (g->track_submodules)
			strlist_add(&all, "--remote");
		if (g->force)
			strlist_add(&all, "--force");
		status = git_try_words(g, g->dest, &all, err);
	}
	return status > 0 ? git_failed(g, "Failed to init/update submodules", err) : status;
}

int git_submodules(struct git_task *g, struct err *err)
{
	const char *list = arena_printf(g->call->arena, "%s/.gitmodules", g->dest);

	if (!g->recursive || g->bare || !path_exists(list))
		return 0;
	int differs = submodule_status(g, err);
	if (differs < 0)
		return -1;
	if (differs > 0)
		return update_submodules(g, err) < 0 ? -1 : 1;
	if (!g->track_submodules)
		return 0;
	/* Only an update tells whether their branches have moved. */
	if (update_submodules(g, err) < 0)
		return -1;
	return submodule_status(g, err);
}
