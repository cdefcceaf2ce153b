/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a registry's version: sent and sealed, or brought. */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "cli/registry.h"
#include "crypto/digest.h"
#include "tree/walk.h"

/* ---- what is to be sent ---- */

struct item {
	char *path; /* in the version */
	char *from; /* here */
	uint64_t size;
};

struct items {
	struct item *items;
	size_t count, cap;
	uint64_t bytes;
	const char *dir; /* that is walked */
};

static void items_release(struct items *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].path);
		free(l->items[i].from);
	}
	free(l->items);
}

static int add_item(struct items *l, const char *path, const char *from, const struct stat *st,
	struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_INPUT,
			"%s is no file: a version of the registry holds files and "
			"directories",
			from);
	if (l->count == SOURCE_FILES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u files; send an archive",
			SOURCE_FILES_MAX);
	*VEC_PUSH(l) = (struct item){
		.path = xstrdup(path), .from = xstrdup(from), .size = (uint64_t)st->st_size};
	l->bytes += (uint64_t)st->st_size;
	return 0;
}

/* A link counts as the file that it leads to. */
static int add_found(void *arg, const struct walk_item *item, struct err *err)
{
	struct items *l = arg;
	autofree char *from = path_join(l->dir, item->path);
	struct stat st = item->st;

	if (S_ISDIR(st.st_mode))
		return WALK_ON;
	if (S_ISLNK(st.st_mode) && stat(from, &st) < 0)
		return err_sys(err, "open %s", from);
	return add_item(l, item->path, from, &st, err);
}

static int add_path(struct items *l, const char *path, struct err *err)
{
	struct stat st;

	if (!path_is_dir(path)) {
		if (stat(path, &st) < 0)
			return err_sys(err, "open %s", path);
		return add_item(l, path_basename(path), path, &st, err);
	}
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "open %s", path);
	l->dir = path;
	return tree_walk(fd, add_found, l, err);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *left = a, *right = b;

	return strcmp(left->path, right->path);
}

static int check_items(struct items *l, struct err *err)
{
	if (l->count == 0)
		return err_set(err, ERR_INPUT, "--files: there is no file");
	qsort(l->items, l->count, sizeof(*l->items), compare_items);
	for (size_t i = 1; i < l->count; i++)
		if (strcmp(l->items[i - 1].path, l->items[i].path) == 0)
			return err_set(err, ERR_INPUT, "%s and %s have the same name",
				l->items[i - 1].from, l->items[i].from);
	return 0;
}

/* ---- sending ---- */

/* How far a step is whose files follow each other. */
struct course {
	struct progress *progress;
	uint64_t before; /* bytes of the files that are done */
};

static void tell_sent(void *data, uint64_t done)
{
	struct course *course = data;

	progress_set(course->progress, course->before + done);
}

static int send_item(struct registry_command *c, int64_t version, const struct item *item,
	struct course *course, uint64_t *sent, struct err *err)
{
	autofd int fd = open(item->from, O_RDONLY | O_CLOEXEC);
	struct registry_upload upload = {.path = item->path,
		.fd = fd,
		.size = item->size,
		.progress = tell_sent,
		.progress_data = course};

	if (fd < 0)
		return err_sys(err, "open %s", item->from);
	if (digest_fd(DIGEST_SHA256, fd, upload.sha256, err) < 0)
		return err_wrap(err, "%s", item->from);
	int result = registry_client_upload(
		c->client, registry_word_model(c), version, &upload, err);
	course->before += item->size;
	*sent += upload.sent;
	return result;
}

static int send_items(struct registry_command *c, int64_t version, const struct items *l,
	uint64_t *sent, struct err *err)
{
	struct course course = {.progress = &c->progress};
	int result = 0;

	progress_begin(&c->progress, "sending", l->bytes);
	for (size_t i = 0; i < l->count && result == 0; i++)
		result = send_item(c, version, &l->items[i], &course, sent, err);
	progress_erase(&c->progress);
	return result;
}

static const struct value *seal(struct registry_command *c, int64_t version, struct err *err)
{
	struct value *request = value_new_dict(&c->arena);

	if (c->o.date)
		value_dict_set(
			&c->arena, request, "date", value_new_string(&c->arena, c->o.date));
	if (c->o.note)
		value_dict_set(
			&c->arena, request, "note", value_new_string(&c->arena, c->o.note));
	return registry_client_seal(
		c->client, &c->arena, registry_word_model(c), version, request, err);
}

static void print_sent(const struct registry_command *c, int64_t version, const struct items *l,
	uint64_t sent, const char *date)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (c->o.json)
		return;
	strbuf_addsize(&out, l->bytes);
	strbuf_addstr(&out, ", ");
	strbuf_addsize(&out, sent);
	printf("%s %" PRId64 ": %zu file%s, %s sent; version %s of the store\n",
		registry_word_model(c), version, l->count, l->count == 1 ? "" : "s", out.data,
		date);
}

int registry_push_files(struct registry_command *c, int64_t version,
	const struct strlist *paths, const char **date, struct err *err)
{
	AUTO(items_release) struct items list = {0};
	uint64_t sent = 0;

	for (size_t i = 0; i < paths->count; i++)
		if (add_path(&list, paths->items[i], err) < 0)
			return -1;
	if (check_items(&list, err) < 0 || send_items(c, version, &list, &sent, err) < 0)
		return -1;
	const struct value *sealed = seal(c, version, err);
	if (!sealed)
		return -1;
	*date = registry_text(sealed, "date");
	if (!clock_is_date(*date))
		return err_set(err, ERR_PROTOCOL,
			"the service does not say which version of the store it made");
	print_sent(c, version, &list, sent, *date);
	return 0;
}

/* ---- bringing ---- */

/* True if a file lies there as it is to be. */
static bool is_there(const char *path, const struct source_file *file)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t found[32], wanted[32];
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == file->size &&
	       parse_hex(file->sha256, wanted, sizeof(wanted)) &&
	       digest_fd(DIGEST_SHA256, fd, found, NULL) == 0 &&
	       memcmp(found, wanted, sizeof(found)) == 0;
}

static void tell_fetched(void *data, uint64_t done, uint64_t total)
{
	(void)total;
	tell_sent(data, done);
}

/* Brings a file; *got grows by what came. */
static int fetch(struct registry_command *c, int64_t version, const struct source_file *file,
	struct course *course, uint64_t *got, struct err *err)
{
	autofree char *to = path_join(c->o.to, file->path);
	autofree char *dir = path_dirname(to);
	struct source_fetch f = {.to = to, .progress = tell_fetched, .progress_data = course};

	if (is_there(to, file))
		return 0;
	if (path_mkdirs(dir, 0777, err) < 0 ||
		registry_client_download(
			c->client, registry_word_model(c), version, file, &f, err) < 0)
		return err_wrap(err, "%s", file->path);
	*got += f.size - f.resumed_from;
	course->before += file->size;
	return 0;
}

static int fetch_all(struct registry_command *c, int64_t version,
	const struct source_files *files, uint64_t *got, struct err *err)
{
	struct course course = {.progress = &c->progress};
	uint64_t total = 0;
	int result = 0;

	for (size_t i = 0; i < files->count; i++)
		total += files->items[i].size;
	progress_begin(&c->progress, "receiving", total);
	for (size_t i = 0; i < files->count && result == 0; i++)
		result = fetch(c, version, &files->items[i], &course, got, err);
	progress_erase(&c->progress);
	return result;
}

/* The version of the command line, else the one in production. */
static int which_version(struct registry_command *c, int64_t *version, struct err *err)
{
	if (c->words->count > 2)
		return registry_word_version(c, version, err);
	const struct value *entry =
		registry_client_production(c->client, &c->arena, registry_word_model(c), err);
	if (!entry)
		return -1;
	*version = registry_entry_version(entry);
	return 0;
}

int registry_pull(struct registry_command *c, struct err *err)
{
	AUTO(source_files_release) struct source_files files = {0};
	AUTO(strbuf_release) struct strbuf size = STRBUF_INIT;
	uint64_t got = 0;
	int64_t version;

	if (which_version(c, &version, err) < 0)
		return -1;
	const struct value *said = registry_client_files(
		c->client, &c->arena, registry_word_model(c), version, err);
	if (!said || registry_client_take_files(said, &files, err) < 0 ||
		fetch_all(c, version, &files, &got, err) < 0)
		return -1;
	strbuf_addsize(&size, got);
	if (c->o.json)
		registry_print_json(said);
	else
		printf("%s %" PRId64 ": %zu file%s in %s, %s received\n",
			registry_word_model(c), version, files.count,
			files.count == 1 ? "" : "s", c->o.to, size.data);
	return 0;
}
