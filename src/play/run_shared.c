/* SPDX-License-Identifier: Apache-2.0 */
#include "play/run_state.h"

#include <fcntl.h>

#include <unistd.h>

#include "base/fd.h"
#include "inventory/datafile.h"
#include "template/template.h"
#include "tree/compress.h"
#include "tree/hashcache.h"

#define COMPRESS_MAX ((off_t)16 << 20) /* larger files are sent as they are */

struct run_shared *run_shared_new(struct err *err)
{
	struct run_shared *s = xcalloc(1, sizeof(*s));

	if (cancel_init(&s->hard, err) < 0) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void free_file(void *data)
{
	struct shared_file *f = data;

	strbuf_release(&f->compressed);
	free(f);
}

void run_shared_free(struct run_shared *s)
{
	if (!s)
		return;
	cancel_release(&s->hard);
	pthread_mutex_destroy(&s->lock);
	strmap_release(&s->templates, NULL);
	strmap_release(&s->vars, NULL);
	strmap_release(&s->files, free_file);
	run_shared_forget_includes(s);
	free(s->parcels.items);
	arena_release(&s->arena);
	free(s);
}

/* Reads and compiles a template file; the lock is held. */
static const struct template *compile(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	AUTO(vault_wipe) struct strbuf source = STRBUF_INIT;
	struct place at = {.file = arena_strdup(&s->arena, path), .line = 1, .column = 1};

	if (datafile_read(path, secrets, &source, err) < 0)
		return NULL;
	const struct template *t = template_compile(
		&s->arena, source.data, source.len, &at, &template_syntax_file, err);
	if (t)
		strmap_set(&s->templates, path, (void *)(uintptr_t)t);
	return t;
}

const struct template *run_shared_template(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	const struct template *t = strmap_get(&s->templates, path);
	if (!t)
		t = compile(s, path, secrets, err);
	pthread_mutex_unlock(&s->lock);
	return t;
}

/* Reads a file of variables; the lock is held. */
static const struct value *read_vars(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (datafile_read(path, secrets, &text, err) < 0)
		return NULL;
	const struct value *v = datafile_parse(
		&s->arena, text.data, text.len, arena_strdup(&s->arena, path), NULL, err);
	if (v && v->kind == VALUE_NULL)
		v = value_new_dict(&s->arena);
	if (v && v->kind != VALUE_DICT) {
		err_set(err, ERR_INPUT, "%s: found %s, expected a mapping of variables", path,
			value_kind_name(v));
		return NULL;
	}
	if (v)
		strmap_set(&s->vars, path, (void *)(uintptr_t)v);
	return v;
}

const struct value *run_shared_vars(
	struct run_shared *s, const char *path, const struct secrets *secrets, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	const struct value *v = strmap_get(&s->vars, path);
	if (!v)
		v = read_vars(s, path, secrets, err);
	pthread_mutex_unlock(&s->lock);
	return v;
}

/* Compresses a file into memory, if that pays. */
static int compress_file(int fd, struct shared_file *f, struct err *err)
{
	struct tree_sink sink = strbuf_sink(&f->compressed);
	char buffer[65536];
	ssize_t n;

	int pays = f->st.st_size <= COMPRESS_MAX
			   ? compress_pays_fd(fd, (uint64_t)f->st.st_size, err)
			   : 0;
	if (pays <= 0)
		return pays;
	struct compressor *z = compressor_new(COMPRESS_LEVEL, &sink);
	int result = 0;
	for (off_t at = 0; result == 0 && (n = pread(fd, buffer, sizeof(buffer), at)) > 0;
		at += n)
		result = compressor_feed(z, buffer, (size_t)n, err);
	if (result == 0)
		result = n < 0 ? err_sys(err, "cannot read") : compressor_end(z, err);
	compressor_free(z);
	return result;
}

/* Hashes and compresses a file. */
static int look_at(const char *path, struct shared_file *f, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &f->st) < 0)
		return err_sys(err, "%s", path);
	if (!S_ISREG(f->st.st_mode))
		return err_set(err, ERR_INPUT, "%s is not a file", path);
	struct tree_hash *h = tree_hash_new();
	int result = tree_hash_fd(fd, (uint64_t)f->st.st_size, h, NULL, NULL, err);
	tree_hash_get(h, f->hash);
	tree_hash_free(h);
	if (result < 0 || compress_file(fd, f, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

/* Looks at a file unless it is known; the lock is held. */
static const struct shared_file *known_file(
	struct run_shared *s, const char *path, struct err *err)
{
	struct shared_file *f = strmap_get(&s->files, path);
	struct stat st;

	if (f && stat(path, &st) == 0 && stat_same(&f->st, &st))
		return f;
	f = xcalloc(1, sizeof(*f));
	strbuf_init(&f->compressed);
	if (look_at(path, f, err) < 0) {
		free_file(f);
		return NULL;
	}
	/* Others may be sending the former content: it stays until the run's end. */
	struct shared_file *former = strmap_set(&s->files, path, f);
	if (former)
		strmap_set(&s->files, arena_printf(&s->arena, "%s %zu", path, s->files.count),
			former);
	return f;
}

const struct shared_file *run_shared_file(
	struct run_shared *s, const char *path, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	const struct shared_file *f = known_file(s, path, err);
	pthread_mutex_unlock(&s->lock);
	return f;
}
