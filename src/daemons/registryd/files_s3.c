/* SPDX-License-Identifier: Apache-2.0 */
/* Versions' files in S3: the store, and what is given out of it. */
#include "daemons/registryd/files_s3.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "daemons/registryd/files_s3_private.h"

#define CA_VARIABLE   "AWS_CA_BUNDLE"
#define MANIFESTS_MAX (16u << 20) /* bytes of manifests that are kept in memory */

/* ---- the store's address ---- */

bool files_s3_is(const char *store)
{
	return str_starts(store, FILES_S3_SCHEME);
}

/* Cuts an address into bucket and prefix, in new memory. */
static void cut(const char *store, char **bucket, char **prefix)
{
	const char *at = store + strlen(FILES_S3_SCHEME);
	size_t n = strcspn(at, "/");
	const char *rest = at + n + (at[n] == '/');
	size_t left = strlen(rest);

	while (left && rest[left - 1] == '/')
		left--;
	*bucket = xstrndup(at, n);
	*prefix = xstrndup(rest, left);
}

int files_s3_check(const char *store, struct err *err)
{
	autofree char *bucket = NULL;
	autofree char *prefix = NULL;

	cut(store, &bucket, &prefix);
	if (!s3_bucket_is_valid(bucket))
		return err_set(err, ERR_INPUT, "\"%.80s\" is no name of a bucket", bucket);
	if (*prefix && !path_is_contained(prefix))
		return err_set(err, ERR_INPUT,
			"\"%.80s\" is no prefix: expected names with a slash between them",
			prefix);
	return 0;
}

/* ---- opening ---- */

/* The first of these variables that says something. */
static const char *variable(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);
		if (value && *value)
			return value;
	}
	return NULL;
}

static struct s3 *open_s3(const struct files_s3_options *o, struct err *err)
{
	static const char *const endpoints[] = {
		"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL", NULL};
	static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
	static const char *const keys[] = {"AWS_ACCESS_KEY_ID", NULL};
	static const char *const secrets[] = {"AWS_SECRET_ACCESS_KEY", NULL};
	static const char *const tokens[] = {"AWS_SESSION_TOKEN", NULL};
	static const char *const authorities[] = {CA_VARIABLE, NULL};
	autofree char *bucket = NULL;
	autofree char *prefix = NULL;

	cut(o->store, &bucket, &prefix);
	const struct s3_options options = {
		.endpoint = o->endpoint ? o->endpoint : variable(endpoints),
		.region = o->region ? o->region : variable(regions),
		.bucket = bucket,
		.prefix = prefix,
		.path_style = o->path_style,
		.access_key = variable(keys),
		.secret_key = variable(secrets),
		.session_token = variable(tokens),
		.ca_path = variable(authorities),
		.ca_setting = CA_VARIABLE,
		.part_size = o->part_size,
		.cancel = o->cancel};
	if (options.access_key && options.secret_key)
		return s3_open(&options, err);
	err_set(err, ERR_INPUT,
		"%s: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be in the environment",
		o->store);
	return NULL;
}

struct files_s3 *files_s3_open(const struct files_s3_options *o, struct err *err)
{
	if (files_s3_check(o->store, err) < 0)
		return NULL;
	struct s3 *s3 = open_s3(o, err);
	if (!s3)
		return NULL;
	struct files_s3 *f = xcalloc(1, sizeof(*f));
	*f = (struct files_s3){.s3 = s3,
		.store = xstrdup(o->store),
		.redirect = o->redirect,
		.part_size = o->part_size ? o->part_size : S3_PART_SIZE,
		.size_max = o->size_max ? o->size_max : FILES_SIZE_MAX,
		.count_max = o->count_max ? o->count_max : FILES_COUNT_MAX,
		.manifests = manifest_cache_new(MANIFESTS_MAX, FILES_S3_SECONDS),
		.cancel = o->cancel};
	for (size_t n = strlen(f->store); f->store[n - 1] == '/'; n--)
		f->store[n - 1] = '\0';
	return f;
}

void files_s3_close(struct files_s3 *f)
{
	if (!f)
		return;
	s3_close(f->s3);
	manifest_cache_free(f->manifests);
	free(f->store);
	free(f);
}

int files_s3_try(struct files_s3 *f, struct err *err)
{
	AUTO(s3_list_release) struct s3_list list = {0};

	/* No model has such a name: the list is empty. */
	return s3_list(f->s3, ".drops/.", &list, err);
}

void files_s3_give_up(struct files_s3 *f, const char *key, time_t before)
{
	struct err why = {0};
	size_t count;

	if (s3_give_up(f->s3, key, before, &count, &why) < 0)
		log_warning("%s: uploads in parts that nobody ends may take room: %s", f->store,
			why.text);
	else if (count)
		log_info("%s: %zu uploads in parts were given up", f->store, count);
}

void files_s3_tidy(struct files_s3 *f)
{
	files_s3_give_up(f, "", time(NULL) - FILES_S3_STALE);
}

/* ---- keys, texts and temporary files ---- */

char *files_s3_key(const char *model, int64_t version, const char *path)
{
	return xasprintf("%s/%" PRId64 "/%s", model, version, path);
}

char *files_s3_origin(const char *model, int64_t version)
{
	return xasprintf(".origins/%s@%" PRId64, model, version);
}

int files_s3_temporary(struct err *err)
{
	const char *dir = getenv("TMPDIR");
	autofree char *path =
		xasprintf("%s/model-registryd.XXXXXX", dir && *dir ? dir : "/var/tmp");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "make %s", path);
	unlink(path);
	return fd;
}

int files_s3_put_text(
	struct files_s3 *f, const char *key, const char *text, size_t n, struct err *err)
{
	autofd int fd = files_s3_temporary(err);
	struct s3_new object = {.key = key, .body = {.fd = fd, .size = n}};

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, n) < 0)
		return err_sys(err, "write a temporary file");
	if (digest_data(DIGEST_SHA256, text, n, object.sha256, err) < 0)
		return -1;
	return s3_put(f->s3, &object, err);
}

/* ---- what there is ---- */

static bool read_meta(const struct s3_object *object, const char *name, uint8_t *out, size_t n)
{
	const char *value = http_header_get(&object->response, name);

	return value && parse_hex(value, out, n);
}

int files_s3_head(
	struct files_s3 *f, const char *key, uint64_t *size, struct digests *d, struct err *err)
{
	AUTO(s3_object_release) struct s3_object object = {0};

	if (s3_head(f->s3, key, &object, err) < 0)
		return -1;
	*size = object.size;
	if (read_meta(&object, META_SHA256, d->sha256, sizeof(d->sha256)) &&
		read_meta(&object, META_HASH, d->hash, sizeof(d->hash)))
		return 0;
	return err_set(err, ERR_INTEGRITY,
		"%s/%s was not uploaded by this service: its digests are missing; drop what "
		"was uploaded, and upload it here",
		f->store, key);
}

/* Makes the content of an object available, if it is needed. */
static int give(struct files_s3 *f, const char *key, bool content, struct files_state *file,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	const struct s3_signed what = {.key = key, .seconds = FILES_S3_SECONDS};

	if (!content)
		return 0;
	if (f->redirect) {
		if (s3_presign(f->s3, &what, &url, err) < 0)
			return -1;
		file->url = strbuf_detach(&url, NULL);
		return 0;
	}
	autofd int fd = files_s3_temporary(err);
	if (fd < 0 || s3_fetch(f->s3, key, fd, err) < 0)
		return -1;
	file->fd = fd;
	fd = -1;
	return 0;
}

static int look(void *state, const struct files_name *name, bool content,
	struct files_state *file, struct err *err)
{
	struct files_s3 *f = state;
	struct err why = {0};
	struct digests d;

	*file = (struct files_state){.fd = -1};
	if (files_check_name(name, err) < 0)
		return -1;
	autofree char *key = files_s3_key(name->model, name->version, name->path);
	if (files_s3_head(f, key, &file->size, &d, &why) < 0)
		return why.code == ERR_NOTFOUND
			       ? err_set(err, ERR_NOTFOUND, "%s has not been uploaded",
					 name->path)
			       : err_set(err, why.code, "%s", why.text);
	file->whole = true;
	memcpy(file->sha256, d.sha256, sizeof(file->sha256));
	return give(f, key, content, file, err);
}

static int open_file(void *state, const struct files_version *v, const struct version_file *row,
	bool content, struct files_state *file, struct err *err)
{
	autofree char *key = files_s3_key(v->model, v->version, row->path);

	*file = (struct files_state){.whole = true, .size = row->size, .fd = -1};
	memcpy(file->sha256, row->sha256, sizeof(file->sha256));
	return give(state, key, content, file, err);
}

/* ---- versions ---- */

static int parse_manifest(struct files_s3 *f, const char *key, const struct strbuf *text,
	struct version_manifest *out, struct err *err)
{
	autofree char *name = xasprintf("%s/%s", f->store, key);

	return version_manifest_parse(out, name, text->data, text->len, err);
}

int files_s3_manifest(struct files_s3 *f, const char *model, int64_t version,
	struct version_manifest *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *key = files_s3_key(model, version, VERSION_MANIFEST);

	*out = (struct version_manifest){0};
	if (s3_get(f->s3, key, VERSION_MANIFEST_MAX, &text, err) < 0)
		return -1;
	return parse_manifest(f, key, &text, out, err);
}

static int other_date(const struct files_version *v, const char *date, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "the files of %s %" PRId64 " are of %s, not of %s",
		v->model, v->version, date, v->date);
}

/* Reads it from the store, and keeps it for those who ask next. */
static int ask_manifest(struct files_s3 *f, const struct files_version *v, const char *key,
	struct version_manifest *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	manifest_cache_drop(f->manifests, key);
	*out = (struct version_manifest){0};
	if (s3_get(f->s3, key, VERSION_MANIFEST_MAX, &text, err) < 0 ||
		parse_manifest(f, key, &text, out, err) < 0)
		return -1;
	if (strcmp(out->version, v->date) != 0)
		return other_date(v, out->version, err);
	manifest_cache_put(f->manifests, key, text.data, text.len);
	return 0;
}

static int manifest(void *state, const struct files_version *v, struct version_manifest *out,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct files_s3 *f = state;
	autofree char *key = files_s3_key(v->model, v->version, VERSION_MANIFEST);

	*out = (struct version_manifest){0};
	if (!manifest_cache_get(f->manifests, key, &text))
		return ask_manifest(f, v, key, out, err);
	if (parse_manifest(f, key, &text, out, err) < 0)
		return -1;
	if (strcmp(out->version, v->date) == 0)
		return 0;
	version_manifest_release(out);
	return ask_manifest(f, v, key, out, err);
}

/* (Of the store itself: a new entry is to name what is there now.) */
static int check(void *state, const struct files_version *v, struct err *err)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	autofree char *key = files_s3_key(v->model, v->version, VERSION_MANIFEST);
	struct err why = {0};

	if (ask_manifest(state, v, key, &m, &why) == 0)
		return 0;
	if (why.code == ERR_NOTFOUND && !m.version)
		return err_set(err, ERR_NOTFOUND,
			"the store has no files of %s %" PRId64
			": upload and commit them first",
			v->model, v->version);
	return err_set(err, why.code, "%s", why.text);
}

static char *place(void *state, const struct files_version *v)
{
	const struct files_s3 *f = state;

	return xasprintf("%s/%s/%" PRId64, f->store, v->model, v->version);
}

const struct files_backend files_s3 = {
	.begin = files_s3_begin,
	.piece = files_s3_piece,
	.finish = files_s3_finish,
	.end = files_s3_end,
	.fetch = files_s3_fetch,
	.claim = files_s3_claim,
	.seal = files_s3_seal,
	.discard = files_s3_discard,
	.look = look,
	.open = open_file,
	.manifest = manifest,
	.check = check,
	.place = place,
};
