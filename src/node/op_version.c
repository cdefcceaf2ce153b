/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that look at a root: LIST, LINKED, VERSION_USAGE.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/record.h"
#include "node/request.h"
#include "tree/linked.h"
#include "tree/usage.h"
#include "tree/walk.h"

static int list_item(struct request *q, const struct wire_list_item *i, struct err *err)
{
	if (request_room(q, strlen(i->version) + 64, err) < 0)
		return -1;
	wire_put_list_item(&q->reply, i);
	return 0;
}

static int list_record(
	void *arg, const char *version, struct record *rec, bool *changed, struct err *err)
{
	struct request *q = arg;
	struct stat st;
	struct wire_list_item item = {.kind = WIRE_LISTED_VERIFIED,
		.version = version,
		.files = (uint32_t)rec->manifest.files,
		.bytes = rec->manifest.bytes};

	(void)changed;
	memcpy(item.digest, rec->manifest.digest, WIRE_DIGEST_SIZE);
	return beneath_stat(q->root->fd, version, &st) < 0 ? 0 : list_item(q, &item, err);
}

/* Calls for each name of a directory below the root that does not begin with a dot. */
static int each_name(struct request *q, const char *path,
	int (*visit)(struct request *q, const char *path, const char *name, struct err *err),
	struct err *err)
{
	int result = 0;
	int fd = beneath_open(q->root->fd, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		fd_close(&fd);
		return 0;
	}
	for (struct dirent *entry; result == 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			result = visit(q, path, entry->d_name, err);
	}
	closedir(dir);
	return result;
}

static int list_plain(struct request *q, const char *model, const char *name, struct err *err)
{
	autofree char *version = xasprintf("%s/%s", model, name);
	autofree char *flat = root_flat_name(version);
	autofree char *record = xasprintf(ROOT_VERIFIED "/%s", flat);
	struct wire_list_item item = {.kind = WIRE_LISTED_PLAIN, .version = version};
	struct stat st;

	if (root_check_version(version, NULL) < 0 ||
		beneath_stat(q->root->fd, version, &st) < 0 || !S_ISDIR(st.st_mode) ||
		beneath_stat(q->root->fd, record, &st) == 0)
		return 0;
	return list_item(q, &item, err);
}

static int list_model(struct request *q, const char *root, const char *name, struct err *err)
{
	(void)root;
	return each_name(q, name, list_plain, err);
}

static int add_staged(void *arg, const struct walk_item *found, struct err *err)
{
	struct wire_list_item *item = arg;

	(void)err;
	if (S_ISREG(found->st.st_mode)) {
		item->files++;
		item->bytes += (uint64_t)found->st.st_size;
	}
	/* Files keep the times of the version that they are of; the change is the writing. */
	if (found->st.st_ctim.tv_sec > item->written)
		item->written = found->st.st_ctim.tv_sec;
	return WALK_ON;
}

static int list_staging(struct request *q, const char *path, const char *name, struct err *err)
{
	autofree char *version = root_unflatten(name);
	autofree char *staging = path_join(path, name);
	struct wire_list_item item = {.kind = WIRE_LISTED_STAGING, .version = version};

	if (!version)
		return 0;
	/* What cannot be measured is there all the same. */
	autofd int dir = beneath_open(q->root->fd, staging, O_RDONLY | O_DIRECTORY, 0);
	if (dir >= 0)
		tree_walk(dir, add_staged, &item, NULL);
	return list_item(q, &item, err);
}

int op_list(struct request *q, struct err *err)
{
	if (request_only_root(q, "a LIST request", err) < 0)
		return -1;
	if (record_each(q->root, list_record, q, err) < 0 ||
		each_name(q, ".", list_model, err) < 0)
		return -1;
	return each_name(q, ROOT_STAGING, list_staging, err);
}

int op_linked(struct request *q, struct err *err)
{
	AUTO(strlist_release) struct strlist found = {0};

	if (request_only_root(q, "a LINKED request", err) < 0)
		return -1;
	if (tree_linked(q->root->fd, &found, err) < 0)
		return err_wrap(err, "%s", q->root->path);
	for (size_t i = 0; i < found.count; i++) {
		/* What is longer was never a version of ours. */
		if (strlen(found.items[i]) > WIRE_VERSION_MAX)
			continue;
		if (request_room(q, WIRE_VERSION_MAX + 8, err) < 0)
			return -1;
		wire_put_linked(&q->reply, &(struct wire_linked){.version = found.items[i]});
	}
	return 0;
}

int op_version_usage(struct request *q, struct err *err)
{
	struct wire_version_ref v;
	struct tree_usage usage;

	if (wire_get_version_ref(q->frame, &v, err) < 0 ||
		root_check_version(v.version, err) < 0)
		return -1;
	request_about(q, v.version);
	autofd int dir = beneath_open(q->root->fd, v.version, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return root_error(q->root, v.version, err);
	if (tree_usage_measure(dir, &usage, err) < 0)
		return -1;
	wire_put_usage(
		&q->reply, &(struct wire_usage){.bytes = usage.bytes, .frees = usage.frees});
	return 0;
}
