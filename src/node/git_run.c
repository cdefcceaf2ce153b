/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git: running the program, and what its answers mean.
 */
#include <stdarg.h>
#include <string.h>

#include "node/git.h"

#define OUTPUT_MAX (1u << 20) /* bytes of one command */

int git_try_words(
	struct git_task *g, const char *cwd, const struct strlist *words, struct err *err)
{
	call_program_release(&g->said);
	g->said = (struct call_program){.argv = (const char *const *)words->items,
		.cwd = cwd,
		.env = g->env,
		.output_max = OUTPUT_MAX};
	int result = call_run(g->call, &g->said, err);
	g->said.argv = NULL;
	if (result == 0)
		return g->said.status;
	if (err->code == ERR_NOTFOUND)
		return err_set(err, ERR_NOTFOUND,
			"Failed to find required executable \"%s\": is git installed on the "
			"node?",
			g->program);
	return -1;
}

int git_try(struct git_task *g, const char *cwd, struct err *err, ...)
{
	AUTO(strlist_release) struct strlist words = {0};
	va_list more;

	strlist_add(&words, g->program);
	va_start(more, err);
	for (const char *word; (word = va_arg(more, const char *));)
		strlist_add(&words, word);
	va_end(more);
	return git_try_words(g, cwd, &words, err);
}

int git_failed(struct git_task *g, const char *what, struct err *err)
{
	const char *said = call_program_says(g->call->arena, &g->said);

	return err_set(err, ERR_SYSTEM, "%s: %s", what, said ? said : "git gave no reason");
}

const char *git_line(struct git_task *g)
{
	const char *text = g->said.out.data;

	return arena_strndup(g->call->arena, text, strcspn(text, "\n"));
}

const char *git_commit(struct git_task *g, const char *name, struct err *err)
{
	int status = git_try(g, g->dest, err, "rev-parse", "--verify", "-q", name, NULL);

	return status == 0 ? git_line(g) : NULL;
}

/* The commit of a reference in the lines "COMMIT\tNAME" that ls-remote printed. */
static const char *find_ref(struct git_task *g, const char *format)
{
	const char *name = arena_printf(g->call->arena, "\t%s%s\n", format,
		strcmp(format, "HEAD") == 0 ? "" : g->version);
	const char *at = strstr(g->said.out.data, name);
	const char *start = at;

	while (start && start > g->said.out.data && start[-1] != '\n')
		start--;
	return at ? arena_strndup(g->call->arena, start, (size_t)(at - start)) : NULL;
}

/* A branch wins over a tag of its name; of a tag with a message, its commit is meant. */
static void read_refs(struct git_task *g)
{
	const char *branch = find_ref(g, "refs/heads/"), *tag = find_ref(g, "refs/tags/");
	const char *version = g->version;

	g->kind = branch ? GIT_BRANCH : tag ? GIT_TAG : GIT_COMMIT;
	g->wanted = branch ? branch : tag ? tag : version;
	if (g->kind != GIT_TAG)
		return;
	g->version = arena_printf(g->call->arena, "%s^{}", version);
	const char *peeled = find_ref(g, "refs/tags/");
	g->version = version;
	if (peeled)
		g->wanted = peeled;
}

int git_resolve(struct git_task *g, const char *remote, struct err *err)
{
	struct arena *a = g->call->arena;
	bool head = strcmp(g->version, "HEAD") == 0;
	int status;

	if (g->resolved)
		return 0;
	if (head)
		status = git_try(g, NULL, err, "ls-remote", remote, "HEAD", NULL);
	else
		status = git_try(g, NULL, err, "ls-remote", remote,
			arena_printf(a, "refs/heads/%s", g->version),
			arena_printf(a, "refs/tags/%s", g->version),
			arena_printf(a, "refs/tags/%s^{}", g->version), NULL);
	if (status < 0)
		return -1;
	if (status != 0)
		return git_failed(g, arena_printf(a, "cannot read %s", remote), err);
	g->resolved = true;
	if (!head) {
		read_refs(g);
		return 0;
	}
	g->kind = GIT_HEAD;
	g->wanted = find_ref(g, "HEAD");
	return g->wanted ? 0
			 : err_set(err, ERR_NOTFOUND,
				   "Could not determine remote revision for HEAD");
}

const char *git_head_branch(struct git_task *g, struct err *err)
{
	struct arena *a = g->call->arena;
	const char *remote = arena_printf(a, "refs/remotes/%s/HEAD", g->remote);
	int status = git_try(g, g->dest, err, "symbolic-ref", "-q", "--short", "HEAD", NULL);

	if (status == 0)
		return git_line(g);
	if (status > 0)
		status = git_try(g, g->dest, err, "symbolic-ref", "-q", remote, NULL);
	if (status == 0)
		return git_line(g) + strlen("refs/remotes/") + strlen(g->remote) + 1;
	if (status > 0)
		git_failed(g, "cannot tell which branch HEAD means", err);
	return NULL;
}
