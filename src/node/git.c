/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module git: a working tree or a bare repository at a version. This part reads the
 * arguments, decides what is to be done, and tells the result.
 */
#include "node/git.h"

#include <string.h>

#include "base/path.h"
#include "node/resolve.h"

const struct node_arg git_args[] = {
	{"repo", ARG_TEXT | ARG_REQUIRED},
	{"dest", ARG_TEXT},
	{"version", ARG_TEXT},
	{"remote", ARG_TEXT},
	{"refspec", ARG_TEXT},
	{"reference", ARG_TEXT},
	{"depth", ARG_INT},
	{"force", ARG_BOOL},
	{"clone", ARG_BOOL},
	{"update", ARG_BOOL},
	{"bare", ARG_BOOL},
	{"recursive", ARG_BOOL},
	{"single_branch", ARG_BOOL},
	{"track_submodules", ARG_BOOL},
	{"accept_hostkey", ARG_BOOL},
	{"accept_newhostkey", ARG_BOOL},
	{"key_file", ARG_TEXT},
	{"ssh_opts", ARG_TEXT},
	{"executable", ARG_TEXT},
	{"archive", ARG_TEXT},
	{"archive_prefix", ARG_TEXT},
	{"gpg_whitelist", ARG_LIST},
	{"separate_git_dir", ARG_TEXT},
	{"umask", ARG_TEXT},
	{"verify_commit", ARG_BOOL},
	{"environment", ARG_DICT},
	{NULL, 0},
};

/* git's own languages stay out, it never asks, and ssh gets the task's options. */
static int make_environment(struct git_task *g, struct err *err)
{
	struct node_call *c = g->call;
	const char **env = arena_array(c->arena, 5, sizeof(*env));
	const char *options = call_text_or_null(c, "ssh_opts");
	const char *key = call_expand(c, call_text_or_null(c, "key_file"));
	const char *accept = "";

	if (item_bool(c->args, "accept_hostkey", false))
		accept = " -o StrictHostKeyChecking=no";
	else if (item_bool(c->args, "accept_newhostkey", false))
		accept = " -o StrictHostKeyChecking=accept-new";
	if (options && strstr(options, "StrictHostKeyChecking="))
		accept = "";
	env[0] = "LC_ALL=C.UTF-8";
	env[1] = "LANGUAGE=";
	env[2] = "GIT_TERMINAL_PROMPT=0";
	env[3] = arena_printf(c->arena, "GIT_SSH_COMMAND=ssh %s%s -o BatchMode=yes%s%s%s",
		options ? options : "", accept, key ? " -i '" : "", key ? key : "",
		key ? "' -o IdentitiesOnly=yes" : "");
	g->env = call_environment(c, env, err);
	return g->env ? 0 : -1;
}

static const char *text_or(struct node_call *c, const char *key, const char *otherwise)
{
	const char *text = call_text_or_null(c, key);

	return text ? text : otherwise;
}

/* What git would take for an option is no name. */
static int check_words(const struct git_task *g, struct err *err)
{
	const char *words[] = {g->repo, g->version, g->remote, g->refspec ? g->refspec : ""};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (*words[i] == '-')
			return err_set(err, ERR_INPUT,
				"\"%s\" begins with a dash: it is no repository, version, "
				"remote or refspec",
				words[i]);
	return 0;
}

static int read_task(struct git_task *g, struct node_call *c, struct err *err)
{
	int64_t depth = item_int(c->args, "depth", 0);
	const char *repo = call_expand(c, call_text(c, "repo", err));

	*g = (struct git_task){.call = c,
		.program = call_expand(c, text_or(c, "executable", "git")),
		.repo = repo,
		.version = text_or(c, "version", "HEAD"),
		.remote = text_or(c, "remote", "origin"),
		.refspec = call_text_or_null(c, "refspec"),
		.depth = depth > 0 ? arena_printf(c->arena, "%lld", (long long)depth) : NULL,
		.bare = item_bool(c->args, "bare", false),
		.force = item_bool(c->args, "force", false),
		.recursive = item_bool(c->args, "recursive", true),
		.track_submodules = item_bool(c->args, "track_submodules", false)};
	if (!repo || call_path_or_null(c, "dest", &g->dest, err) < 0 ||
		call_path_or_null(c, "separate_git_dir", &g->separate, err) < 0 ||
		call_path_or_null(c, "archive", &g->archive, err) < 0)
		return -1;
	if (g->separate)
		g->separate = resolve_path(c->arena, g->separate);
	if (*repo == '/')
		g->repo = arena_printf(c->arena, "file://%s", repo);
	return make_environment(g, err) < 0 ? -1 : check_words(g, err);
}

static void tell_diff(struct git_task *g)
{
	struct arena *a = g->call->arena;
	struct err none = {0};
	const char *text = NULL;

	if (!g->before) {
		text = arena_printf(a, ">> Newly checked out %s", g->after);
	} else if (str_cmp0(g->before, g->after) != 0) {
		if (git_try(g, g->dest, &none, "diff", g->before, g->after, NULL) != 0)
			text = arena_printf(a, ">> Failed to get proper diff between %s and %s",
				g->before, g->after);
		else if (g->said.out.len > 0)
			text = arena_strndup(a, g->said.out.data, g->said.out.len);
		else
			text = arena_printf(a, ">> No visual differences between %s and %s",
				g->before, g->after);
	}
	if (!text || !g->call->diff)
		return;
	item_open_dict(g->call->out, "diff");
	item_put_string(g->call->out, "prepared", text);
	item_close(g->call->out);
}

static void tell(struct git_task *g, bool changed)
{
	struct item_writer *out = g->call->out;

	item_put_bool(out, "changed", changed);
	item_put_string(out, "before", g->before);
	item_put_string(out, "after", g->after);
	if (changed)
		tell_diff(g);
}

/* Nothing is there, and nothing is to be made: what would be. */
static int tell_remote(struct git_task *g, struct err *err)
{
	if (git_resolve(g, g->repo, err) < 0)
		return -1;
	g->after = g->wanted;
	tell(g, true);
	return 0;
}

/* Files that are followed and differ: 1, else 0. */
static int has_changes(struct git_task *g, struct err *err)
{
	if (g->bare)
		return 0;
	int status = git_try(g, g->dest, err, "status", "--porcelain", "-uno", NULL);
	if (status != 0)
		return status < 0 ? -1 : git_failed(g, "git status", err);
	return g->said.out.len > 0;
}

/* Local changes are an error, or go. */
static int drop_changes(struct git_task *g, struct err *err)
{
	if (!g->force)
		return err_set(err, ERR_EXISTS,
			"Local modifications exist in the destination: %s (force=no).",
			g->dest);
	if (g->call->check)
		return 0;
	item_put_stringf(g->call->out, "msg",
		"Local modifications exist in the destination: %s", g->dest);
	int status = git_try(g, g->dest, err, "reset", "--hard", "HEAD", NULL);
	return status > 0 ? git_failed(g, "git reset", err) : status;
}

/* Whether the remote has another URL than it should; it gets the right one. */
static int compare_url(struct git_task *g, bool *differs, struct err *err)
{
	int status = git_try(g, g->dest, err, "ls-remote", "--get-url", g->remote, NULL);

	if (status < 0)
		return -1;
	const char *url = git_line(g);
	*differs = strcmp(url, g->repo) != 0;
	if (!*differs || g->call->check)
		return 0;
	status = git_try(g, g->dest, err, "remote", "set-url", g->remote, g->repo, NULL);
	return status > 0 ? git_failed(g, "Failed to set a new url", err) : status;
}

/* Brings a repository that is there to the version; *differs says if its URL or files did. */
static int update(struct git_task *g, bool *differs, struct err *err)
{
	bool url = false;
	int changes = has_changes(g, err);

	if (changes < 0 || (changes > 0 && drop_changes(g, err) < 0) ||
		compare_url(g, &url, err) < 0)
		return -1;
	*differs = changes > 0 || url;
	item_put_bool(g->call->out, "remote_url_changed", url);
	return g->call->check ? 0 : git_fetch(g, err);
}

/* What is common to a clone and an update. */
static int finish(struct git_task *g, bool differs, struct err *err)
{
	if (!g->bare && git_switch(g, err) < 0)
		return -1;
	if (git_verify(g, err) < 0)
		return -1;
	int submodules = git_submodules(g, err);
	if (submodules < 0)
		return -1;
	if (submodules)
		item_put_bool(g->call->out, "submodules_changed", true);
	g->after = git_commit(g, "HEAD", err);
	int archived = git_archive(g, err);
	if (archived < 0)
		return -1;
	tell(g, differs || submodules || archived || str_cmp0(g->before, g->after) != 0);
	return 0;
}

/* The repository is left at what it is; only an archive may be made of it. */
static int only_archive(struct git_task *g, bool moved, struct err *err)
{
	g->after = g->before;
	int archived = git_archive(g, err);
	if (archived < 0)
		return -1;
	tell(g, archived || moved);
	return 0;
}

static int work_there(struct git_task *g, struct err *err)
{
	bool differs = false;
	int moved = git_separate(g, err);

	if (moved < 0)
		return -1;
	g->before = git_commit(g, "HEAD", err);
	if (!item_bool(g->call->args, "update", true))
		return only_archive(g, moved, err);
	if (update(g, &differs, err) < 0)
		return -1;
	if (!g->call->check)
		return finish(g, differs || moved, err);
	if (git_resolve(g, g->repo, err) < 0)
		return -1;
	g->after = g->wanted;
	tell(g, differs || moved || str_cmp0(g->before, g->after) != 0);
	return 0;
}

/* True if the destination is a repository already. */
static bool is_there(const struct git_task *g)
{
	autofree char *inside = path_join(g->dest, g->bare ? "config" : ".git");

	return path_exists(inside);
}

static int work(struct git_task *g, struct err *err)
{
	struct node_call *c = g->call;
	bool clone = item_bool(c->args, "clone", true);

	if (!g->dest && clone)
		return err_set(err, ERR_INPUT,
			"the destination directory must be specified unless clone=no");
	bool there = g->dest && is_there(g);
	if (!there && (c->check || !clone))
		return tell_remote(g, err);
	if (!c->check && transaction_record_note(call_transaction(c),
				 arena_printf(c->arena, "git worked in %s", g->dest), err) < 0)
		return -1;
	if (there)
		return work_there(g, err);
	return git_clone(g, err) < 0 ? -1 : finish(g, false, err);
}

int node_git(struct node_call *c, struct err *err)
{
	struct git_task g = {0};
	mode_t former = c->node->login_umask;

	int result = git_umask(c, err) < 0 || read_task(&g, c, err) < 0 ? -1 : work(&g, err);
	c->node->login_umask = former;
	call_program_release(&g.said);
	return result;
}
