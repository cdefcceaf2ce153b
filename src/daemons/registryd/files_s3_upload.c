/* SPDX-License-Identifier: Apache-2.0 */
/* A file on its way into S3; see files_s3.h. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "daemons/registryd/files_private.h"
#include "daemons/registryd/files_s3_private.h"

struct upload_s3 {
	struct files_s3 *files;
	char *model, *path;
	int64_t version;
	int fd; /* of the temporary file */
	uint64_t size;
};

/* ---- taking it ---- */

static struct upload_s3 *upload_new(struct files_s3 *f, const struct files_name *name, int fd)
{
	struct upload_s3 *u = xcalloc(1, sizeof(*u));

	*u = (struct upload_s3){.files = f,
		.model = xstrdup(name->model),
		.path = xstrdup(name->path),
		.version = name->version,
		.fd = fd};
	return u;
}

void files_s3_end(void *upload)
{
	struct upload_s3 *u = upload;

	if (!u)
		return;
	fd_close(&u->fd);
	free(u->model);
	free(u->path);
	free(u);
}

static void upload_free(struct upload_s3 **u)
{
	files_s3_end(*u);
}

void *files_s3_begin(void *state, const struct files_name *name,
	const struct files_range *range, uint64_t *offset, struct err *err)
{
	*offset = 0;
	if (files_check_name(name, err) < 0)
		return NULL;
	if (range->partial) {
		err_set(err, ERR_UNSUPPORTED,
			"this registry keeps its files in S3 and takes each of them whole: "
			"send %s in one request, without Content-Range",
			name->path);
		return NULL;
	}
	int fd = files_s3_temporary(err);
	return fd < 0 ? NULL : upload_new(state, name, fd);
}

int files_s3_piece(void *upload, const void *bytes, size_t n, struct err *err)
{
	struct upload_s3 *u = upload;
	uint64_t limit =
		u->files->size_max < S3_OBJECT_MAX ? u->files->size_max : S3_OBJECT_MAX;

	if (n > limit - u->size)
		return err_set(err, ERR_LIMIT, "%s: more than %" PRIu64 " bytes%s", u->path,
			limit,
			limit == S3_OBJECT_MAX
				? ", which is what S3 takes: split it, or keep the files in a "
				  "store on disk"
				: "");
	if (fd_write_all(u->fd, bytes, n) < 0)
		return err_sys(err, "write a temporary file");
	u->size += n;
	return 0;
}

/* ---- giving it to S3 ---- */

static int digest(const struct upload_s3 *u, struct digests *d, struct err *err)
{
	struct tree_hash *hash = tree_hash_new();
	int result = lseek(u->fd, 0, SEEK_SET) < 0 ? err_sys(err, "read a temporary file") : 0;

	if (result == 0)
		result = digest_fd(DIGEST_SHA256, u->fd, d->sha256, err);
	if (result == 0)
		result = tree_hash_fd(u->fd, u->size, hash, NULL, NULL, err);
	if (result == 0)
		tree_hash_get(hash, d->hash);
	tree_hash_free(hash);
	return result;
}

enum lateness {
	IN_TIME, /* the version is not sealed, or has this very file */
	LATE,    /* it is sealed, and has no file of that path */
	LATE_OTHER
};

/* Whether a version was sealed without a file, or -1 with err. */
static int is_late(struct upload_s3 *u, const struct digests *d, struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	struct err why = {0};

	if (files_s3_manifest(u->files, u->model, u->version, &m, &why) < 0)
		return why.code == ERR_NOTFOUND ? IN_TIME
						: err_set(err, why.code, "%s", why.text);
	const struct version_file *row = version_manifest_find(&m, u->path);
	if (!row)
		return LATE;
	return memcmp(row->sha256, d->sha256, sizeof(d->sha256)) == 0 ? IN_TIME : LATE_OTHER;
}

static int refuse_sealed(const struct upload_s3 *u, struct err *err)
{
	return err_set(err, ERR_EXISTS,
		"%s %" PRId64 " is sealed, and does not change any more", u->model, u->version);
}

/* 0 if the object that is there is the one that was to be put. */
static int compare(
	struct upload_s3 *u, const char *key, const struct digests *d, struct err *err)
{
	struct digests there;
	uint64_t size;

	if (files_s3_head(u->files, key, &size, &there, err) < 0)
		return -1;
	if (memcmp(there.sha256, d->sha256, sizeof(there.sha256)) == 0)
		return 0;
	return err_set(err, ERR_EXISTS,
		"%s: other content was uploaded; drop what was uploaded for the version, and "
		"upload it anew",
		u->path);
}

static int put(struct upload_s3 *u, const struct digests *d, struct err *err)
{
	autofree char *key = files_s3_key(u->model, u->version, u->path);
	char sha256[65], hash[2 * TREE_HASH_SIZE + 1];
	struct err why = {0};

	hex_encode(d->sha256, sizeof(d->sha256), sha256);
	hex_encode(d->hash, sizeof(d->hash), hash);
	autofree char *first = xasprintf(META_SHA256 ": %s", sha256);
	autofree char *second = xasprintf(META_HASH ": %s", hash);
	struct s3_new object = {
		.key = key, .body = {.fd = u->fd, .size = u->size}, .meta = {first, second}};
	memcpy(object.sha256, d->sha256, sizeof(object.sha256));
	if (u->size > u->files->part_size)
		files_s3_tidy(u->files);
	if (s3_put(u->files->s3, &object, &why) < 0)
		return why.code == ERR_EXISTS ? compare(u, key, d, err)
					      : err_set(err, why.code, "%s", why.text);
	/* Who sealed the version meanwhile has not seen it. */
	int late = is_late(u, d, err);
	if (late == LATE && s3_delete(u->files->s3, key, err) < 0)
		return -1;
	return late > 0 ? refuse_sealed(u, err) : late;
}

static int check_digest(const struct upload_s3 *u, const uint8_t *wanted,
	const struct digests *d, struct err *err)
{
	char found[65], expected[65];

	if (!wanted || memcmp(wanted, d->sha256, sizeof(d->sha256)) == 0)
		return 0;
	hex_encode(d->sha256, sizeof(d->sha256), found);
	hex_encode(wanted, sizeof(d->sha256), expected);
	return err_set(err, ERR_INTEGRITY, "%s: SHA-256 is %s, expected %s; send it anew",
		u->path, found, expected);
}

int files_s3_finish(
	void *upload, const uint8_t *sha256, struct files_state *file, struct err *err)
{
	struct upload_s3 *u = upload;
	struct digests d;

	*file = (struct files_state){.size = u->size, .fd = -1};
	if (digest(u, &d, err) < 0 || check_digest(u, sha256, &d, err) < 0)
		return -1;
	int late = is_late(u, &d, err);
	if (late > 0)
		return refuse_sealed(u, err);
	if (late < 0 || put(u, &d, err) < 0)
		return -1;
	memcpy(file->sha256, d.sha256, sizeof(file->sha256));
	file->whole = true;
	return 0;
}

/* ---- from elsewhere ---- */

static bool is_there(struct files_s3 *f, const struct files_name *name, const uint8_t *sha256,
	struct files_state *file)
{
	return sha256 && files_s3.look(f, name, false, file, NULL) == 0 &&
	       memcmp(file->sha256, sha256, sizeof(file->sha256)) == 0;
}

/* Brings it into a directory of its own, which is left with nothing but the open file. */
static int fetch_into(
	const char *dir, struct upload_s3 *u, files_fetch fetch, void *data, struct err *err)
{
	autofree char *to = path_join(dir, "file");
	struct stat st;

	if (fetch(data, to, err) < 0)
		return -1;
	u->fd = open(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (u->fd < 0 || fstat(u->fd, &st) < 0)
		return err_sys(err, "open %s", to);
	u->size = (uint64_t)st.st_size;
	return 0;
}

int files_s3_fetch(void *state, const struct files_name *name, const uint8_t *sha256,
	files_fetch fetch, void *data, struct files_state *file, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (files_check_name(name, err) < 0)
		return -1;
	if (is_there(state, name, sha256, file))
		return 0;
	AUTO(upload_free) struct upload_s3 *u = upload_new(state, name, -1);
	autofree char *dir =
		xasprintf("%s/model-registryd.XXXXXX", tmp && *tmp ? tmp : "/var/tmp");
	if (!mkdtemp(dir))
		return err_sys(err, "make %s", dir);
	int result = fetch_into(dir, u, fetch, data, err);
	path_remove_tree(dir, NULL);
	return result < 0 ? -1 : files_s3_finish(u, sha256, file, err);
}

int files_s3_claim(
	void *state, const char *model, int64_t version, const char *origin, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(s3_list_release) struct s3_list list = {0};
	struct files_s3 *f = state;
	struct err why = {0};

	if (files_check_target(model, version, err) < 0)
		return -1;
	autofree char *mark = files_s3_origin(model, version);
	autofree char *all = files_s3_key(model, version, "");
	if (s3_get(f->s3, mark, FILES_PATH_MAX, &text, &why) < 0 && why.code != ERR_NOTFOUND)
		return err_set(err, why.code, "%s", why.text);
	if (text.len && strcmp(text.data, origin) == 0)
		return 0;
	if (s3_list(f->s3, all, &list, err) < 0)
		return -1;
	if (!text.len && !list.count)
		return files_s3_put_text(f, mark, origin, strlen(origin), err);
	return err_set(err, ERR_EXISTS,
		"other files were uploaded for %s %" PRId64 ": commit them, or drop them",
		model, version);
}
