/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of versions, as a store has them: MODEL/YYYY-MM-DD/. An alias is a link beside
 * the versions (MODEL/champion); without one the newest version is meant.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "source/kind.h"
#include "tree/walk.h"

#define PIECE (1u << 20)

struct directory {
	char *root;
	const struct cancel *cancel;
};

static void close_directory(void *state)
{
	struct directory *d = state;

	free(d->root);
	free(d);
}

static void *open_directory(const struct source_options *options, struct err *err)
{
	if (!options->uri || !path_is_dir(options->uri)) {
		err_set(err, ERR_NOTFOUND, "%s is no directory of versions",
			options->uri ? options->uri : "nothing");
		return NULL;
	}
	struct directory *d = xcalloc(1, sizeof(*d));
	*d = (struct directory){.root = xstrdup(options->uri), .cancel = options->cancel};
	return d;
}

/* The newest version of a model's directory; NULL. */
static char *newest(const char *model)
{
	DIR *d = opendir(model);
	char *best = NULL;

	for (struct dirent *e; d && (e = readdir(d));) {
		if (!clock_is_date(e->d_name) || (best && strcmp(e->d_name, best) <= 0))
			continue;
		free(best);
		best = xstrdup(e->d_name);
	}
	if (d)
		closedir(d);
	return best;
}

/* The version that a link beside the versions names; NULL. */
static char *linked(const char *model, const char *alias)
{
	char target[256];

	if (!path_is_component(alias))
		return NULL;
	autofree char *path = path_join(model, alias);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return clock_is_date(target) ? xstrdup(target) : NULL;
}

/* The version that a request means; NULL with err. */
static char *choose_version(const char *model, const struct source_request *q, struct err *err)
{
	autofree char *path = q->version ? path_join(model, q->version) : NULL;

	if (q->version) {
		if (clock_is_date(q->version) && path_is_dir(path))
			return xstrdup(q->version);
		err_set(err, ERR_NOTFOUND, "%s has no version %s", model, q->version);
		return NULL;
	}
	char *version = q->alias ? linked(model, q->alias) : newest(model);
	if (!version && q->alias)
		err_set(err, ERR_NOTFOUND, "%s/%s is no link to a version beside it", model,
			q->alias);
	else if (!version)
		err_set(err, ERR_NOTFOUND, "%s has no version", model);
	return version;
}

static int find_directory(
	void *state, const struct source_request *q, struct source_version *v, struct err *err)
{
	const struct directory *d = state;

	if (!path_is_component(q->name))
		return err_set(err, ERR_INPUT, "\"%s\" is no name of a model", q->name);
	autofree char *model = path_join(d->root, q->name);
	if (!path_is_dir(model))
		return err_set(err, ERR_NOTFOUND, "%s is not there", model);
	char *version = choose_version(model, q, err);
	if (!version)
		return -1;
	*v = (struct source_version){.version = version, .run_id = xstrdup("")};
	return 0;
}

static char *version_path(const struct directory *d, const struct source_request *q,
	const struct source_version *v)
{
	autofree char *model = path_join(d->root, q->name);

	return path_join(model, v->version);
}

static int take_item(void *arg, const struct walk_item *item, struct err *err)
{
	struct source_files *files = arg;

	if (!S_ISREG(item->st.st_mode))
		return WALK_ON;
	return source_files_add(files, item->path, (uint64_t)item->st.st_size, err);
}

static int list_directory(void *state, const struct source_request *q,
	const struct source_version *v, struct source_files *files, struct err *err)
{
	autofree char *path = version_path(state, q, v);
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open %s", path);
	return tree_walk(fd, take_item, files, err);
}

/* Copies what there is. */
static int copy(const struct directory *d, int from, int to, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	fetch->size = 0;
	for (;;) {
		ssize_t n = fd_copy_piece(from, to, PIECE);
		if (n < 0)
			return err_sys(err, "copy to %s", fetch->to);
		if (n == 0)
			break;
		fetch->size += (uint64_t)n;
		if (fetch->size_max && fetch->size > fetch->size_max)
			return err_set(err, ERR_LIMIT, "it has more than %llu bytes",
				(unsigned long long)fetch->size_max);
		if (cancel_level(d->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (fetch->progress)
			fetch->progress(fetch->progress_data, fetch->size, file->size);
	}
	if (fetch->size != file->size)
		return err_set(err, ERR_INTEGRITY, "it changed while it was copied");
	return fsync(to) < 0 ? err_sys(err, "write %s", fetch->to) : 0;
}

static int fetch_directory(void *state, const struct source_request *q,
	const struct source_version *v, const struct source_file *file,
	struct source_fetch *fetch, struct err *err)
{
	autofree char *version = version_path(state, q, v);
	autofree char *path = path_join(version, file->path);
	autofd int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autofd int to = open(fetch->to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	fetch->resumed_from = 0;
	if (from < 0)
		return err_sys(err, "open %s", path);
	if (to < 0)
		return err_sys(err, "open %s", fetch->to);
	return copy(state, from, to, file, fetch, err);
}

const struct source_kind source_directory = {
	.name = "directory",
	.open = open_directory,
	.close = close_directory,
	.find = find_directory,
	.list = list_directory,
	.fetch = fetch_directory,
};
