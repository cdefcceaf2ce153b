/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that is a directory of this machine.
 *
 * Directories are opened with openat2(RESOLVE_BENEATH): the kernel itself refuses a link that
 * leaves the store, wherever on the way it stands, while a link between two versions of the
 * store works. On kernels without that call (before 5.6) no link is followed at all.
 *
 * The hash cache is thread-safe; saving it is not, so a mutex orders that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/strmap.h"
#include "registry/store_local.h"

#define CACHE_NAME "hashes"

int local_open_beneath(int dirfd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
	};
	int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	/* A seccomp filter that does not know the call answers EPERM as well. */
	return openat(dirfd, path, flags | O_CLOEXEC | O_NOFOLLOW);
}

/* Says why the directory of a model or version cannot be used, from errno. */
static int open_error(
	struct local_store *s, const char *path, const char *what, struct err *err)
{
	char target[256] = "";
	int code = errno;
	ssize_t n = readlinkat(s->root, path, target, sizeof(target) - 1);

	if (n >= 0 && code != ENOENT)
		return err_set(err, ERR_INPUT,
			"the %s directory %s/%s is a symbolic link to \"%s\", out of the "
			"store; expected the directory itself",
			what, s->head.location, path, target);
	if (code == EXDEV || code == ELOOP)
		return err_set(err, ERR_INPUT,
			"%s/%s lies behind a symbolic link out of the store", s->head.location,
			path);
	if (code == ENOTDIR)
		return err_set(err, ERR_INPUT,
			"%s/%s is not a directory; expected the %s's directory",
			s->head.location, path, what);
	errno = code;
	return err_sys(err, "open %s/%s", s->head.location, path);
}

int local_open_dir(
	struct local_store *s, const char *model, const char *version, struct err *err)
{
	autofree char *path = version ? path_join(model, version) : xstrdup(model);
	int fd = local_open_beneath(s->root, model, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return open_error(s, model, "model", err);
	if (!version)
		return fd;
	fd_close(&fd);
	fd = local_open_beneath(s->root, path, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? open_error(s, path, "version", err) : fd;
}

/* True if an entry is a directory, or a link to something that may be one. */
static bool may_be_dir(int dirfd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR || e->d_type == DT_LNK;
	return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
}

static bool is_model_name(const char *name)
{
	return name[0] != '.' && strcmp(name, STORE_CORAL_DIR) != 0;
}

/* Appends the entries of a directory that pass; closes fd in any case. */
static int list_dir(int fd, const char *label, bool (*pass)(const char *name),
	struct strlist *out, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	DIR *d = fdopendir(fd);

	if (!d) {
		err_sys(err, "list %s", label);
		close(fd);
		return -1;
	}
	for (struct dirent *e; names.count < STORE_NAMES_MAX && (e = readdir(d));)
		if (pass(e->d_name) && may_be_dir(fd, e))
			strlist_add(&names, e->d_name);
	closedir(d);
	if (names.count >= STORE_NAMES_MAX)
		return err_set(err, ERR_LIMIT, "%s holds more than %d directories", label,
			STORE_NAMES_MAX);
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++)
		strlist_add(out, names.items[i]);
	return 0;
}

static int local_list_models(struct store *store, struct strlist *out, struct err *err)
{
	struct local_store *s = local_store(store);
	int fd = openat(s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "list %s", store->location);
	return list_dir(fd, store->location, is_model_name, out, err);
}

static int local_list_versions(
	struct store *store, const char *model, struct strlist *out, struct err *err)
{
	autofree char *label = path_join(store->location, model);
	int fd = local_open_dir(local_store(store), model, NULL, err);

	return fd < 0 ? -1 : list_dir(fd, label, clock_is_date, out, err);
}

static int local_check_version(
	struct store *store, const char *model, const char *version, struct err *err)
{
	autofd int fd = local_open_dir(local_store(store), model, version, err);

	return fd < 0 ? -1 : 0;
}

static int stop_on_cancel(void *cancel, uint64_t bytes, struct err *err)
{
	(void)bytes;
	if (cancel_level(cancel) > 0)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return 0;
}

void local_save_cache(struct local_store *s)
{
	struct err err;

	if (!s->cache)
		return;
	pthread_mutex_lock(&s->save_lock);
	if (hash_cache_save(s->cache, &err) < 0)
		log_info("hashes of the store are not remembered: %s", err.text);
	pthread_mutex_unlock(&s->save_lock);
}

static int local_read_manifest(struct store *store, const char *name, const char *version,
	const struct model *model, const struct cancel *cancel, struct manifest *out,
	struct err *err)
{
	struct local_store *s = local_store(store);
	autofree char *label = xasprintf("%s/%s/%s", store->location, name, version);
	const struct manifest_options options = {
		.filter = model ? store_file_verdict : NULL,
		.filter_arg = (void *)(uintptr_t)model,
		.cache = s->cache,
		.progress = stop_on_cancel,
		.progress_arg = (void *)(uintptr_t)cancel,
	};
	autofd int fd = local_open_dir(s, name, version, err);

	if (fd < 0)
		return -1;
	if (manifest_build(fd, label, &options, out, err) < 0)
		return -1;
	local_save_cache(s);
	return 0;
}

static int local_open_file(struct store *store, const char *model, const char *version,
	const char *path, struct err *err)
{
	autofd int dir = local_open_dir(local_store(store), model, version, err);
	struct stat st;

	if (dir < 0)
		return -1;
	autofd int fd =
		local_open_beneath(dir, path, O_RDONLY | O_NONBLOCK, RESOLVE_NO_SYMLINKS);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open %s/%s/%s/%s", store->location, model, version, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s/%s/%s/%s is not an ordinary file",
			store->location, model, version, path);
	int result = fd;
	fd = -1;
	return result;
}

static void local_free(struct store *store)
{
	struct local_store *s = local_store(store);

	hash_cache_free(s->cache);
	pthread_mutex_destroy(&s->save_lock);
	fd_close(&s->root);
	free(store->location);
	free(s);
}

static const struct store_ops local_ops = {
	.kind = "local",
	.list_models = local_list_models,
	.list_versions = local_list_versions,
	.check_version = local_check_version,
	.read_manifest = local_read_manifest,
	.open_file = local_open_file,
	.version_usage = local_version_usage,
	.linked_versions = local_linked_versions,
	.remove_version = local_remove_version,
	.empty_trash = local_empty_trash,
	.read_note = local_read_note,
	.write_note = local_write_note,
	.free = local_free,
};

/* The first directory of two that can be written: ROOT/.fleet, then the user's own. */
static char *cache_path(const char *root)
{
	autofree char *fleet = path_join(root, STORE_FLEET_DIR);
	autofree char *user = path_user_dir("cache");
	autofree char *own = xasprintf(
		"%s/stores/%016llx", user, (unsigned long long)str_hash(root, strlen(root)));

	if (path_mkdirs(fleet, 0777, NULL) == 0 && access(fleet, W_OK | X_OK) == 0)
		return path_join(fleet, CACHE_NAME);
	if (path_mkdirs(own, 0700, NULL) == 0)
		return path_join(own, CACHE_NAME);
	return NULL;
}

/* A cache that cannot be read costs time only. */
static struct hash_cache *open_cache(const char *root)
{
	autofree char *real = realpath(root, NULL);
	autofree char *path = cache_path(real ? real : root);
	struct err err = {.text = "no directory for it can be written"};
	struct hash_cache *cache = path ? hash_cache_open(path, &err) : NULL;

	if (!cache)
		log_info("the store's files are hashed in every run: %s", err.text);
	return cache;
}

struct store *store_open_local(const char *root, struct err *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		err_sys(err, "open the store %s", root);
		return NULL;
	}
	struct local_store *s = xcalloc(1, sizeof(*s));
	s->head.ops = &local_ops;
	s->head.location = xstrdup(root);
	s->root = fd;
	s->cache = open_cache(root);
	pthread_mutex_init(&s->save_lock, NULL);
	return &s->head;
}
