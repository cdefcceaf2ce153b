/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "daemons/cached/aside.h"
#include "source/format.h"

#define SAID_MAX 200 /* bytes of what a command said that an error shows */

struct source_request load_request(const struct cached_model *m)
{
	bool registry = strcmp(m->source, "registry") == 0;

	return (struct source_request){.name = m->name,
		.alias = m->alias,
		.stage = registry ? NULL : m->stage,
		.path = m->artifact,
		.sha256_tag = m->sha256_tag};
}

const char *load_source_name(const struct cached_model *m)
{
	static const struct {
		const char *kind, *name;
	} names[] = {
		{"mlflow", "MLflow"}, {"huggingface", "the Hub"}, {"registry", "the registry"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].kind, m->source) == 0)
			return names[i].name;
	return m->uri ? m->uri : m->source;
}

/* ---- which file ---- */

/*
 * What models' files end in; the rest of a version tells about it. Among them are those that
 * MLflow's flavours write: scikit-learn (.skops, .pkl), XGBoost, LightGBM, CatBoost,
 * statsmodels, pmdarima, Prophet.
 */
static const char *const extensions[] = {".bin", ".cb", ".ckpt", ".engine", ".gguf", ".h5",
	".joblib", ".keras", ".lgb", ".model", ".onnx", ".pb", ".pickle", ".pkl", ".pmd", ".pr",
	".pt", ".pth", ".safetensors", ".skops", ".statsmodels", ".tflite", ".ubj", ".xgb",
	".zip"};

static bool is_model(const char *path)
{
	const char *dot = strrchr(path_basename(path), '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(extensions); i++)
		if (strcasecmp(dot, extensions[i]) == 0)
			return true;
	return false;
}

static int take_only(struct source_files *files, struct source_file *file, const char *version,
	struct err *err)
{
	struct source_file *found = NULL;

	for (size_t i = 0; i < files->count; i++) {
		struct source_file *f = &files->items[i];
		if (!is_model(f->path))
			continue;
		if (found)
			return err_set(err, ERR_INPUT,
				"version %s has several models, %s and %s: say with "
				"\"artifact\" which one",
				version, found->path, f->path);
		found = f;
	}
	if (!found)
		return err_set(err, ERR_NOTFOUND,
			"version %s has no file that looks like a model among its %zu: say "
			"with \"artifact\" which one",
			version, files->count);
	*file = *found;
	*found = (struct source_file){0};
	return 0;
}

static int choose(const struct load *l, const struct source_request *q,
	struct source_file *file, struct err *err)
{
	AUTO(source_files_release) struct source_files files = {0};

	if (q->path)
		return source_choose(l->source, q, l->version, file, err);
	if (source_list(l->source, q, l->version, &files, err) < 0)
		return -1;
	return take_only(&files, file, l->version->version, err);
}

/* ---- whether it is good ---- */

/* The last line that a command printed, cut. */
static void add_last_line(const struct strbuf *said, struct strbuf *out)
{
	size_t end = said->len;

	while (end && said->data[end - 1] == '\n')
		end--;
	size_t start = end;
	while (start && said->data[start - 1] != '\n')
		start--;
	if (end > start)
		strbuf_addf(out, ": %.*s",
			(int)(end - start < SAID_MAX ? end - start : SAID_MAX),
			said->data + start);
}

/* Runs the user's command on a file. */
static int run_command(const struct load *l, const char *path, struct err *err)
{
	const struct cached_model *m = l->model;
	autofree char *name = xasprintf("MODEL_NAME=%s", m->name);
	autofree char *version = xasprintf("MODEL_VERSION=%s", l->version->version);
	autofree char *file = xasprintf("MODEL_FILE=%s", path);
	const char *const argv[] = {"/bin/sh", "-c", m->validate_command, "sh", path, NULL};
	const char *const env[] = {name, version, file, NULL};
	const struct spawn_options o = {.argv = argv,
		.env = env,
		.until = deadline_in(m->validate_timeout),
		.cancel = l->cancel};
	AUTO(spawn_result_release)
	struct spawn_result r = {.out = STRBUF_INIT, .err = STRBUF_INIT};

	if (spawn_run(&o, &r, err) < 0)
		return err_wrap(err, "validate_command");
	if (spawn_exit_code(r.status) == 0)
		return 0;
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	add_last_line(r.err.len ? &r.err : &r.out, &said);
	return err_set(err, ERR_INTEGRITY, "validate_command ended with %d%s",
		spawn_exit_code(r.status), said.data);
}

struct check {
	const struct load *load;
	const char *path, *name;
	struct err *err;
};

static int check(void *arg)
{
	const struct check *c = arg;

	if (format_check(c->path, c->name, c->err) < 0)
		return -1;
	return c->load->model->validate_command ? run_command(c->load, c->path, c->err) : 0;
}

static int validate(struct load *l, const char *path, const char *name, struct err *err)
{
	struct check c = {.load = l, .path = path, .name = name, .err = err};
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "%s", path);
	int rc = st.st_size == 0 ? err_set(err, ERR_INTEGRITY, "it is empty")
				 : aside_run(l->aside, check, &c);
	if (rc == 0)
		return 0;
	l->invalid = err->code == ERR_INTEGRITY || err->code == ERR_TIMEOUT ||
		     err->code == ERR_LIMIT;
	return err_wrap(err, "%s version %s: %s", l->model->name, l->version->version, name);
}

/* ---- into memory ---- */

static void tell(const struct load *l, const char *from)
{
	AUTO(strbuf_release) struct strbuf tag = STRBUF_INIT;

	cached_config_tag(l->config, l->model->name, &tag);
	log_info("Loading model version %s from %s%s", l->version->version, from, tag.data);
}

struct copy {
	const struct load *load;
	int from;
	uint64_t size;
	struct blob *blob; /* out */
	struct err *err;
};

static int copy(void *arg)
{
	struct copy *c = arg;
	const struct load *l = c->load;
	AUTO(blob_writer_release) struct blob_writer w = {.fd = -1};
	autofree char *name = xasprintf("%s/%s", l->model->name, l->version->version);

	if (blob_begin(&w, name, c->size, c->err) < 0 ||
		blob_copy(&w, c->from, c->size, l->cancel, c->err) < 0)
		return -1;
	c->blob = blob_seal(&w, c->err);
	return c->blob ? 0 : -1;
}

static struct blob *fill(const struct load *l, int fd, uint64_t size, struct err *err)
{
	struct copy c = {.load = l, .from = fd, .size = size, .err = err};

	if (l->reserve && l->reserve(l->data, size, err) < 0)
		return NULL;
	aside_run(l->aside, copy, &c);
	return c.blob;
}

/* What becomes of a version that the disk did not give: true where its source may. */
static bool give_up_disk(struct load *l, const struct disk_version *v, bool changed,
	bool opened, const struct err *why)
{
	if (changed || why->code == ERR_INTEGRITY || why->code == ERR_NOTFOUND) {
		log_warning("%s version %s on the disk is not what it was, and is not used",
			v->name, v->version);
		disk_discard(l->disk, v->sha256);
		return true;
	}
	if (opened && why->sys != EIO)
		return false;
	log_warning("%s version %s on the disk: %s", v->name, v->version, why->text);
	return true;
}

/* From the disk store; NULL without err where it has nothing that is whole. */
static struct blob *from_disk(struct load *l, struct err *err)
{
	AUTO(disk_version_release) struct disk_version v = {0};
	struct err why = {0};

	if (!disk_find(l->disk, l->model->name, l->version->version, l->version->run_id, &v))
		return NULL;
	tell(l, "the disk");
	autofd int fd = disk_read(l->disk, &v, &why);
	struct blob *blob = fd < 0 ? NULL : fill(l, fd, v.size, &why);
	if (blob && strcmp(blob->sha256, v.sha256) == 0)
		return blob;
	if (!give_up_disk(l, &v, blob != NULL, fd >= 0, &why))
		err_set(err, why.code, "%s", why.text);
	blob_unref(blob);
	return NULL;
}

/* ---- from the source ---- */

struct fetch {
	const struct load *load;
	const struct source_request *request;
	const struct source_file *file;
	struct source_fetch fetch;
	struct err *err;
};

static int run_fetch(void *arg)
{
	struct fetch *f = arg;

	return source_fetch(
		f->load->source, f->request, f->load->version, f->file, &f->fetch, f->err);
}

static int fetch(const struct load *l, const struct source_request *q,
	const struct source_file *file, const char *to, struct err *err)
{
	struct fetch f = {.load = l,
		.request = q,
		.file = file,
		.fetch = {.to = to,
			.size_max = (uint64_t)l->config->model_bytes,
			.room = disk_room(l->disk)},
		.err = err};

	/* Where there is no memory for it, it is not fetched either. */
	if (file->size != SOURCE_SIZE_UNKNOWN && l->reserve &&
		l->reserve(l->data, file->size, err) < 0)
		return -1;
	return aside_run(l->aside, run_fetch, &f);
}

/* Puts a good file on the disk. One that the disk does not take is served nevertheless. */
static void keep(const struct load *l, const char *staged, const struct blob *blob)
{
	struct err why = {0};
	AUTO(disk_version_release)
	struct disk_version v = {.name = xstrdup(l->model->name),
		.version = xstrdup(l->version->version),
		.run_id = xstrdup(l->version->run_id),
		.stage = xstrdup(l->stage),
		.size = blob->size,
		.current = l->current};

	memcpy(v.sha256, blob->sha256, sizeof(v.sha256));
	if (disk_take(l->disk, staged, &v, &why) < 0) {
		log_warning("%s version %s is not kept on the disk: %s", v.name, v.version,
			why.text);
		unlink(staged);
	}
}

static struct blob *from_staging(struct load *l, const char *staged, struct err *err)
{
	autofd int fd = open(staged, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, "open %s", staged);
		return NULL;
	}
	struct blob *blob = fill(l, fd, (uint64_t)st.st_size, err);
	if (blob)
		keep(l, staged, blob);
	return blob;
}

static struct blob *from_source(struct load *l, struct err *err)
{
	const struct source_request q = load_request(l->model);
	AUTO(source_file_release) struct source_file file = {0};
	autofree char *staged =
		disk_staging(l->disk, l->model->name, l->version->version, l->version->run_id);

	l->downloaded = true;
	tell(l, load_source_name(l->model));
	if (choose(l, &q, &file, err) < 0)
		return NULL;
	if (fetch(l, &q, &file, staged, err) < 0) {
		l->invalid = err->code == ERR_INTEGRITY;
		unlink(staged); /* what can go on lies beside it */
		return NULL;
	}
	struct blob *blob = NULL;
	if (validate(l, staged, path_basename(file.path), err) == 0)
		blob = from_staging(l, staged, err);
	if (!blob)
		unlink(staged);
	return blob;
}

struct blob *load_bring(struct load *l, struct err *err)
{
	struct err why = {0};
	struct blob *blob = from_disk(l, &why);

	if (blob)
		return blob;
	if (why.code != ERR_NONE) {
		err_set(err, why.code, "%s", why.text);
		return NULL;
	}
	if (l->source)
		return from_source(l, err);
	err_set(err, ERR_NOTFOUND, "%s version %s is not on the disk", l->model->name,
		l->version->version);
	return NULL;
}
