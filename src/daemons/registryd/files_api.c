/* SPDX-License-Identifier: Apache-2.0 */
/* Versions' files: what is there, sealing, dropping. Uploads are in files_put.c. */
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "base/fd.h"
#include "daemons/registryd/api.h"
#include "daemons/registryd/files_api_private.h"
#include "daemons/registryd/problem.h"
#include "value/json.h"

#define TAG_SIZE 67 /* a SHA-256 in hex, quotes, and a NUL */

/* ---- what the handlers share ---- */

static const struct {
	enum err_code code;
	unsigned status;
} statuses[] = {
	{ERR_NOTFOUND, 404},
	{ERR_EXISTS, 409},
	{ERR_INPUT, 422},
	{ERR_INTEGRITY, 422},
	{ERR_LIMIT, 413},
	{ERR_NOSPACE, 507},
	{ERR_UNSUPPORTED, 501},
};

/* What is to be there is not, for now. */
static void unavailable(const struct err *why, struct http_answer *answer)
{
	http_answer_problem(answer, 503, "%s", why->text);
	strlist_add(&answer->headers, "Retry-After: 2");
}

void files_answer_error(const struct err *why, struct http_answer *answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == why->code) {
			http_answer_problem(answer, statuses[i].status, "%s", why->text);
			return;
		}
	unavailable(why, answer);
}

bool files_find(struct registryd *r, const struct http_call *call, struct files_call *c,
	struct http_answer *answer)
{
	struct err why = {0};

	*c = (struct files_call){.model = call->segments[0]};
	if (!api_read_version(call->segments[1], &c->version, answer))
		return false;
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(r->store, &why);
	if (!list) {
		files_answer_error(&why, answer);
		return false;
	}
	const struct entry *e = entry_list_find(list, c->model, c->version);
	c->registered = e != NULL;
	if (e && e->date)
		snprintf(c->date, sizeof(c->date), "%s", e->date);
	return true;
}

void files_add_digest(const uint8_t sha256[32], struct http_answer *answer)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	base64_encode(BASE64_STANDARD, sha256, 32, &text);
	strlist_addf(&answer->headers, "Repr-Digest: sha-256=:%s:", text.data);
}

void files_add_file(
	const char *path, uint64_t size, const uint8_t sha256[32], struct strbuf *out)
{
	strbuf_addstr(out, "{\"path\":");
	strbuf_addjson(out, path, strlen(path));
	strbuf_addf(out, ",\"size\":%" PRIu64 ",\"sha256\":\"", size);
	strbuf_addhex(out, sha256, 32);
	strbuf_addstr(out, "\"}");
}

void files_audit(struct registryd *r, const struct http_call *call, unsigned status)
{
	struct caller *caller = call->context;
	struct err why = {0};

	if (!caller)
		return;
	caller->audited = true;
	audit_add(r->audit, &(struct audit_line){.caller = caller,
				    .method = call->method,
				    .path = call->path,
				    .status = status});
	(void)audit_flush(r->audit, &why); /* which has told of a failure */
}

/* ---- what there is ---- */

static void no_files(const struct files_call *c, struct http_answer *answer)
{
	http_answer_problem(answer, 404,
		"%s %" PRId64
		" has no files here: they are uploaded, and sealed by POST .../files/commit",
		c->model, c->version);
}

static int read_manifest(struct registryd *r, const struct files_call *c,
	struct version_manifest *m, struct err *err)
{
	const struct files_version version = {c->model, c->version, c->date};
	const struct files_keeper *k = &r->files.keeper;

	return k->backend->manifest(k->state, &version, m, err);
}

static void list_files(void *data, const struct http_call *call, struct http_answer *answer)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	struct registryd *r = data;
	struct files_call c;
	struct err why = {0};

	if (!files_find(r, call, &c, answer))
		return;
	if (!*c.date) {
		no_files(&c, answer);
		return;
	}
	if (read_manifest(r, &c, &m, &why) < 0) {
		files_answer_error(&why, answer);
		return;
	}
	strbuf_addf(&answer->body,
		"{\"model_name\":\"%s\",\"version\":%" PRId64 ",\"date\":\"%s\",\"files\":[",
		c.model, c.version, c.date);
	const char *between = "";
	for (size_t i = 0; i < m.count; i++) {
		if (m.items[i].link)
			continue;
		strbuf_addstr(&answer->body, between);
		files_add_file(
			m.items[i].path, m.items[i].size, m.items[i].sha256, &answer->body);
		between = ",";
	}
	strbuf_addstr(&answer->body, "]}\n");
}

static void make_tag(const uint8_t sha256[32], char tag[TAG_SIZE])
{
	tag[0] = '"';
	hex_encode(sha256, 32, tag + 1);
	tag[65] = '"';
	tag[66] = '\0';
}

/* False where the answer is made of headers alone. */
static bool wants_content(const struct http_call *call, const uint8_t sha256[32])
{
	char tag[TAG_SIZE];

	make_tag(sha256, tag);
	return strcmp(call->method, "HEAD") != 0 &&
	       !http_call_has_tag(call, "If-None-Match", tag, true);
}

/* The content is elsewhere: for whoever has this URL, and for a while. */
static void give_url(const char *url, const char *tag, struct http_answer *answer)
{
	answer->status = 307;
	strlist_addf(&answer->headers, "Location: %s", url);
	strlist_addf(&answer->headers, "ETag: %s", tag);
	strlist_add(&answer->headers, "Cache-Control: no-store");
}

static void give_file(
	const struct http_call *call, struct files_state *file, struct http_answer *answer)
{
	autofree char *url = STEAL(file->url);
	char tag[TAG_SIZE];

	make_tag(file->sha256, tag);
	files_add_digest(file->sha256, answer);
	if (url) {
		give_url(url, tag, answer);
		return;
	}
	if (file->fd < 0) /* of which nothing is read */
		file->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	http_answer_file(call, answer,
		&(struct http_file){.fd = file->fd,
			.type = "application/octet-stream",
			.etag = tag,
			.size = file->size});
}

/* A file of a version of the store. */
static void give_sealed(struct registryd *r, const struct http_call *call,
	const struct files_call *c, struct http_answer *answer)
{
	AUTO(version_manifest_release) struct version_manifest m = {0};
	const struct files_version version = {c->model, c->version, c->date};
	const struct files_keeper *k = &r->files.keeper;
	const char *path = call->segments[2];
	struct files_state file;
	struct err why = {0};

	if (read_manifest(r, c, &m, &why) < 0) {
		files_answer_error(&why, answer);
		return;
	}
	const struct version_file *row = version_manifest_find(&m, path);
	if (!row || row->link)
		http_answer_problem(answer, 404, "%s %" PRId64 " has no file %s", c->model,
			c->version, path);
	else if (k->backend->open(k->state, &version, row, wants_content(call, row->sha256),
			 &file, &why) < 0)
		unavailable(&why, answer);
	else
		give_file(call, &file, answer);
}

/* One that is not sealed: whole, or how much of it is there. */
static void give_uploaded(struct registryd *r, const struct http_call *call,
	const struct files_call *c, struct http_answer *answer)
{
	const struct files_name name = {c->model, c->version, call->segments[2]};
	const struct files_keeper *k = &r->files.keeper;
	bool content = strcmp(call->method, "HEAD") != 0;
	struct files_state state;
	struct err why = {0};

	if (k->backend->look(k->state, &name, content, &state, &why) < 0) {
		files_answer_error(&why, answer);
	} else if (state.whole) {
		give_file(call, &state, answer);
	} else {
		http_answer_problem(answer, 404, "%" PRIu64 " bytes of %s are there",
			state.size, name.path);
		strlist_addf(&answer->headers, "Upload-Offset: %" PRIu64, state.size);
	}
}

static void get_file(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct files_call c;

	if (!files_find(data, call, &c, answer))
		return;
	if (*c.date)
		give_sealed(data, call, &c, answer);
	else
		give_uploaded(data, call, &c, answer);
}

/* ---- sealing ---- */

static void read_member(
	const struct value *body, const char *name, const char **out, struct problem *p)
{
	const struct value *v = value_dict_get(body, name);

	if (!v || v->kind == VALUE_NULL)
		return;
	if (value_is_string(v) && strlen(v->text) == v->len)
		*out = v->text;
	else
		problem_add(p, name, "expected a text");
}

bool files_read_body(struct arena *a, const struct http_call *call, struct files_body *s,
	struct http_answer *answer)
{
	struct problem p = {0};
	const char *date = NULL;
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	*s = (struct files_body){0};
	strftime(s->date, sizeof(s->date), "%Y-%m-%d", &local);
	const struct value *body =
		call->body_len ? api_read_body(a, call, answer) : value_new_dict(a);
	if (!body)
		return false;
	read_member(body, "date", &date, &p);
	read_member(body, "note", &s->note, &p);
	read_member(body, "name", &s->name, &p);
	read_member(body, "revision", &s->revision, &p);
	if (date && !clock_is_date(date))
		problem_add(&p, "date", "found \"%.20s\", expected YYYY-MM-DD", date);
	else if (date)
		snprintf(s->date, sizeof(s->date), "%s", date);
	return !problem_answer(&p, answer);
}

/* The entry, where there is one, learns where its files are; then the uploads may go. */
static int settle(
	struct registryd *r, const struct files_call *c, const char *date, struct err *err)
{
	struct entry_change change = {.kind = ENTRY_SET_DATE,
		.model_name = c->model,
		.version = c->version,
		.date = date};

	if (c->registered) {
		int result = writer_apply(r->writer, &change, err);
		entry_change_release(&change);
		if (result < 0)
			return -1;
	}
	return r->files.keeper.backend->discard(
		r->files.keeper.state, c->model, c->version, err);
}

static void seal_files(void *data, const struct http_call *call, struct http_answer *answer)
{
	AUTO(arena_release) struct arena a = {0};
	const struct caller *caller = call->context;
	struct registryd *r = data;
	struct publish_result result;
	struct files_body body;
	struct files_call c;
	struct err why = {0};

	if (!files_read_body(&a, call, &body, answer) || !files_find(r, call, &c, answer))
		return;
	const struct files_seal seal = {.model = c.model,
		.version = c.version,
		.date = body.date,
		.by = caller ? caller->name : "local",
		.note = body.note};
	if (*c.date) {
		http_answer_problem(answer, 409, "%s %" PRId64 " is sealed already, as %s",
			c.model, c.version, c.date);
	} else if (r->files.keeper.backend->seal(r->files.keeper.state, &seal, &result, &why) <
			   0 ||
		   settle(r, &c, body.date, &why) < 0) {
		files_answer_error(&why, answer);
	} else {
		strbuf_addf(&answer->body,
			"{\"model_name\":\"%s\",\"version\":%" PRId64
			",\"date\":\"%s\",\"outcome\":\"%s\",\"files\":%" PRIu64
			",\"bytes\":%" PRIu64 "}\n",
			c.model, c.version, body.date,
			result.outcome == PUBLISH_MADE ? "made" : "there", result.files,
			result.bytes);
	}
}

static void commit_files(void *data, const struct http_call *call, struct http_answer *answer)
{
	seal_files(data, call, answer);
	files_audit(data, call, answer->status);
}

static void discard_files(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct registryd *r = data;
	const struct files_keeper *k = &r->files.keeper;
	struct files_call c;
	struct err why = {0};

	if (!files_find(r, call, &c, answer))
		return;
	if (k->backend->discard(k->state, c.model, c.version, &why) < 0)
		files_answer_error(&why, answer);
	else
		answer->status = 204;
}

static void drop_files(void *data, const struct http_call *call, struct http_answer *answer)
{
	discard_files(data, call, answer);
	files_audit(data, call, answer->status);
}

/* ---- the table ---- */

#define VERSION_SEGMENTS .names = {"model_name", "version"}
#define FILE_SEGMENTS    .names = {"model_name", "version", "path"}

static const struct api_about about_list = {.id = "listFiles",
	.what = "The files of a version that is sealed",
	.role = ROLE_READ,
	VERSION_SEGMENTS,
	.replies = {{200, "FileList", NULL}},
	.problems = {404, 422, 503}};

static const struct api_about about_get = {.id = "getFile",
	.what = "A file of a version; Range is obeyed, its ETag is its SHA-256",
	.role = ROLE_READ,
	FILE_SEGMENTS,
	.replies = {{200, "Content", "application/octet-stream"},
		{206, "Content", "application/octet-stream"}, {304, NULL, NULL},
		{307, NULL, NULL}},
	.problems = {404, 416, 422, 503}};

static const struct api_about about_put = {.id = "putFile",
	.what = "Uploads a file of a version that is not sealed, whole or, with Content-Range, "
		"a part that follows what is there",
	.role = ROLE_WRITE,
	FILE_SEGMENTS,
	.body = "Content",
	.body_type = "application/octet-stream",
	.replies = {{201, "File", NULL}, {202, NULL, NULL}},
	.problems = {400, 404, 409, 413, 422, 501, 503, 507}};

static const struct api_about about_commit = {.id = "commitFiles",
	.what = "Makes what was uploaded a version of the store, which does not change any "
		"more",
	.role = ROLE_WRITE,
	.change = true,
	VERSION_SEGMENTS,
	.body = "Seal",
	.replies = {{200, "Sealed", NULL}},
	.problems = {400, 404, 409, 413, 415, 422, 503, 507}};

static const struct api_about about_drop = {.id = "dropFiles",
	.what = "Drops what was uploaded for a version and is not sealed",
	.role = ROLE_WRITE,
	.change = true,
	VERSION_SEGMENTS,
	.replies = {{204, NULL, NULL}},
	.problems = {422, 503}};

static const struct api_about about_import = {.id = "importModel",
	.what = "Brings a model of the catalogue, at the revision that the catalogue has or at "
		"another, and registers it as a version whose files are in the store",
	.role = ROLE_WRITE,
	.change = true,
	.names = {"id"},
	.body = "Import",
	.replies = {{201, "Entry", NULL}},
	.problems = {400, 404, 409, 413, 415, 422, 502, 503}};

#define VERSION "/api/v1/registry/models/{}/{}"

const struct http_route files_routes[] = {
	HTTP_ROUTE("GET", VERSION "/files", list_files, .slow = true, .about = &about_list),
	HTTP_ROUTE("DELETE", VERSION "/files", drop_files, .slow = true, .about = &about_drop),
	HTTP_ROUTE("POST", VERSION "/files/commit", commit_files, .slow = true,
		.about = &about_commit),
	HTTP_ROUTE("GET", VERSION "/files/{+}", get_file, .slow = true, .about = &about_get),
	HTTP_ROUTE("POST", "/models/{}/versions", import_version, .slow = true,
		.about = &about_import),
	HTTP_ROUTE("PUT", VERSION "/files/{+}", files_put, .slow = true,
		.upload = &files_upload, .about = &about_put),
	{0},
};
