/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of one file or directory, as `git log -- PATH` tells it: commits by their date,
 * newest first; of a merge that took the path over from one side, only that side is followed.
 * Each commit costs the trees on the way to the path, and no diff; a diff is made only where
 * the path appears, to see whether it had another name before.
 */
#include "base/vec.h"
#include "history/commit_internal.h"

/* A commit that is still to be looked at, and what the path is called there. */
struct step {
	git_commit *commit;
	char *path;
	git_oid id; /* what the path is there, if that is `known` already */
	bool known;
};

struct walk {
	struct gitrepo *g;
	struct {
		struct step *items;
		size_t count, cap;
	} open;
	struct git_changes *out;
	size_t max, looked_at;
	struct err *err;
};

static void walk_release(struct walk *w)
{
	for (size_t i = 0; i < w->open.count; i++) {
		git_commit_free(w->open.items[i].commit);
		free(w->open.items[i].path);
	}
	free(w->open.items);
}

static void step_release(struct step *s)
{
	git_commit_free(s->commit);
	free(s->path);
}

void git_changes_release(struct git_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		git_commit_info_release(&c->items[i].commit);
		free(c->items[i].path);
		free(c->items[i].before);
	}
	free(c->items);
	*c = (struct git_changes){0};
}

/* Adds a commit, once; `id` is what the path is there, NULL when that is not known yet. The
 * list is short: as long as there are branches side by side. */
static void add_step(struct walk *w, git_commit *commit, const char *path, const git_oid *id)
{
	for (size_t i = 0; i < w->open.count; i++) {
		const struct step *s = &w->open.items[i];
		if (git_oid_equal(git_commit_id(s->commit), git_commit_id(commit)) &&
			strcmp(s->path, path) == 0) {
			git_commit_free(commit);
			return;
		}
	}
	struct step *s = VEC_PUSH(&w->open);
	*s = (struct step){.commit = commit, .path = xstrdup(path), .known = id != NULL};
	if (id)
		s->id = *id;
}

/* Takes the newest commit out. */
static struct step take_step(struct walk *w)
{
	size_t newest = 0;

	for (size_t i = 1; i < w->open.count; i++)
		if (git_commit_time(w->open.items[i].commit) >
			git_commit_time(w->open.items[newest].commit))
			newest = i;
	struct step s = w->open.items[newest];
	memmove(w->open.items + newest, w->open.items + newest + 1,
		(w->open.count - newest - 1) * sizeof(s));
	w->open.count--;
	return s;
}

/* What the path is in a commit: the id of its content, zero where it is not there. */
static int look_up(struct walk *w, const git_commit *commit, const char *path, git_oid *id)
{
	AUTO(git_tree_cleanup) git_tree *tree = NULL;
	AUTO(git_entry_cleanup) git_tree_entry *entry = NULL;

	*id = (git_oid){0};
	int code = git_commit_tree(&tree, commit);
	if (code == 0)
		code = git_tree_entry_bypath(&entry, tree, path);
	if (code == 0)
		git_oid_cpy(id, git_tree_entry_id(entry));
	return code == 0 || code == GIT_ENOTFOUND
		       ? 0
		       : gitrepo_error(code, w->err, "history of %s", path);
}

/* The name that a path had in the parent, where the commit renamed it; NULL for a new file. */
static char *former_name(struct walk *w, git_commit *parent, const struct step *s)
{
	AUTO(git_tree_cleanup) git_tree *before = NULL;
	AUTO(git_tree_cleanup) git_tree *after = NULL;
	git_diff_find_options find = {.version = GIT_DIFF_FIND_OPTIONS_VERSION};
	git_diff *diff = NULL;
	char *name = NULL;

	find.flags = GIT_DIFF_FIND_RENAMES;
	if (git_commit_tree(&before, parent) == 0 && git_commit_tree(&after, s->commit) == 0 &&
		git_diff_tree_to_tree(&diff, w->g->repo, before, after, NULL) == 0)
		git_diff_find_similar(diff, &find);
	for (size_t i = 0; diff && i < git_diff_num_deltas(diff) && !name; i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);
		if (d->status == GIT_DELTA_RENAMED && strcmp(d->new_file.path, s->path) == 0)
			name = xstrdup(d->old_file.path);
	}
	git_diff_free(diff);
	return name;
}

static void add_change(struct walk *w, const struct step *s, const char *before)
{
	struct git_change change = {
		.path = xstrdup(s->path),
		.before = xstrdup(before),
	};

	git_commit_describe(s->commit, &change.commit);
	*VEC_PUSH(w->out) = change;
}

/* Goes on with all parents of a commit, the path under its former name in the first. */
static int follow_all(struct walk *w, const struct step *s, const char *name)
{
	for (unsigned i = 0; i < git_commit_parentcount(s->commit); i++) {
		git_commit *parent = NULL;
		int code = git_commit_parent(&parent, s->commit, i);
		if (code < 0)
			return gitrepo_error(code, w->err, "history of %s", s->path);
		add_step(w, parent, i == 0 && name ? name : s->path, NULL);
	}
	return 0;
}

/*
 * Goes on with the first parent in which the path is the same: 1; 0 when it is in none.
 * first_id is what it is in the first parent.
 */
static int follow_same(
	struct walk *w, const struct step *s, const git_oid *id, git_oid *first_id)
{
	for (unsigned i = 0; i < git_commit_parentcount(s->commit); i++) {
		git_commit *parent = NULL;
		git_oid there;
		int code = git_commit_parent(&parent, s->commit, i);
		if (code < 0)
			return gitrepo_error(code, w->err, "history of %s", s->path);
		if (look_up(w, parent, s->path, &there) < 0) {
			git_commit_free(parent);
			return -1;
		}
		if (i == 0)
			*first_id = there;
		if (git_oid_equal(&there, id)) {
			add_step(w, parent, s->path, &there);
			return 1;
		}
		git_commit_free(parent);
	}
	return 0;
}

static int visit(struct walk *w, const struct step *s)
{
	git_oid id = s->id, first = {0};
	git_commit *parent = NULL;

	if (!s->known && look_up(w, s->commit, s->path, &id) < 0)
		return -1;
	int same = follow_same(w, s, &id, &first);
	if (same)
		return same < 0 ? -1 : 0;
	bool was_there = !git_oid_is_zero(&first);
	autofree char *name = NULL;
	if (!was_there && git_commit_parent(&parent, s->commit, 0) == 0)
		name = former_name(w, parent, s);
	git_commit_free(parent);
	if (was_there || !git_oid_is_zero(&id))
		add_change(w, s, was_there ? s->path : name);
	return follow_all(w, s, name);
}

int git_file_changes(struct gitrepo *g, const char *path, size_t max, struct git_changes *out,
	struct err *err)
{
	AUTO(walk_release) struct walk w = {.g = g, .out = out, .max = max, .err = err};
	git_oid head;
	git_commit *commit = NULL;

	if (git_reference_name_to_id(&head, g->repo, "HEAD") < 0)
		return 0; /* no commit, no history */
	int code = git_commit_lookup(&commit, g->repo, &head);
	if (code < 0)
		return gitrepo_error(code, err, "history of %s", path);
	add_step(&w, commit, path, NULL);
	size_t first = out->count;
	while (w.open.count && out->count - first < max) {
		if (++w.looked_at > GIT_LOG_COMMITS_MAX)
			return err_set(err, ERR_LIMIT,
				"history of %s: looked at %d commits, and no further", path,
				GIT_LOG_COMMITS_MAX);
		AUTO(step_release) struct step s = take_step(&w);
		if (visit(&w, &s) < 0)
			return -1;
	}
	return 0;
}

/* ---- files of one commit ---- */

/* A directory at a revision; NULL where it is not there. -1 with err. */
static int directory_at(
	struct gitrepo *g, const char *rev, const char *dir, git_tree **out, struct err *err)
{
	struct err failed = {0};

	*out = gitrepo_tree(g, rev, dir, &failed);
	if (*out || failed.code == ERR_NOTFOUND)
		return 0;
	return err_set(err, failed.code, "%s", failed.text);
}

int git_changed_files(struct gitrepo *g, const char *commit, const char *dir,
	struct strlist *out, struct err *err)
{
	AUTO(git_tree_cleanup) git_tree *before = NULL;
	AUTO(git_tree_cleanup) git_tree *after = NULL;
	autofree char *parent = xasprintf("%s^1", commit);
	git_diff *diff = NULL;

	if (directory_at(g, parent, dir, &before, err) < 0 ||
		directory_at(g, commit, dir, &after, err) < 0)
		return -1;
	int code = git_diff_tree_to_tree(&diff, g->repo, before, after, NULL);
	if (code < 0)
		return gitrepo_error(code, err, "%s in commit %s", dir, commit);
	for (size_t i = 0; i < git_diff_num_deltas(diff); i++)
		strlist_add(out, git_diff_get_delta(diff, i)->new_file.path);
	git_diff_free(diff);
	return 0;
}
