/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get_url: a file from the web, brought to the node.
 *
 * The bytes come through the node's network to this machine, where the digest is checked, and
 * go back as any content does. What the node has already is told by its checksum, or by the
 * server's answer to If-Modified-Since.
 */
#include <ctype.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "http/download.h"
#include "play/modules/checksum_file.h"
#include "play/modules/content.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/web.h"
#include "play/runner.h"

#define ATTEMPTS 3u

static const char *const user_aliases[] = {"username", NULL};
static const char *const password_aliases[] = {"password", NULL};
static const char *const force_aliases[] = {"thirsty", NULL};

static const struct argument arguments[] = {
	WEB_ARGUMENTS(user_aliases, password_aliases),
	{.name = "dest", .type = ARGUMENT_PATH, .required = true},
	{.name = "checksum", .fallback = ""},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false", .aliases = force_aliases},
	{.name = "backup", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "10"},
	{.name = "tmp_dest", .type = ARGUMENT_PATH},
	CONTENT_ATTRIBUTES,
	{0},
};

/* What is asked for, and what lies on the node. */
struct fetch {
	struct web web;
	struct checksum checksum; /* `name` NULL: none was given */
	bool exists, is_directory;
	const char *has; /* the checksum of what is there; NULL: unknown */
	double mtime;
	char directory[64]; /* of ours, for the download; "" before it is made */
	char *path;
};

static void fetch_end(struct fetch *f)
{
	if (f->path)
		unlink(f->path);
	if (*f->directory)
		path_remove_tree(f->directory, NULL);
	free(f->path);
	web_end(&f->web);
}

static void prepare_result(struct module_call *c)
{
	static const char *const unknown[] = {"checksum_dest", "checksum_src"};

	call_set_bool(c, "changed", false);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		call_set(c, unknown[i], &value_null);
	call_set_text(c, "dest", argument_text(c, "dest"));
	call_set_text(c, "url", argument_text(c, "url"));
	call_set_int(c, "elapsed", 0);
}

/* The file of checksums that the argument names by a URL. */
static int ask_checksum(struct fetch *f, const char *url, struct err *err)
{
	struct module_call *c = f->web.call;
	const char *asked = f->web.request.url;
	AUTO(http_response_release) struct http_response r = {0};

	f->web.request.url = url;
	f->web.request.body_max = CHECKSUM_FILE_MAX;
	int rc = web_ask(&f->web, &r, err);
	f->web.request.url = asked;
	f->web.request.body_max = 0;
	if (rc < 0)
		return -1;
	if (rc > 0)
		return err_set(err, f->web.failure.code, "%s", f->web.failure.text);
	if (r.status != 200)
		return err_set(err, ERR_PROTOCOL, "checksum: %s", web_words(c, &r));
	return checksum_find(
		&f->checksum, c->arena, r.body.data, r.body.len, web_file_name(c, asked), err);
}

static int read_checksum(struct fetch *f, struct err *err)
{
	struct module_call *c = f->web.call;
	const char *url = NULL;

	if (!*argument_text(c, "checksum"))
		return 0;
	if (checksum_read(&f->checksum, c->arena, argument_text(c, "checksum"), &url, err) < 0)
		return -1;
	return url ? ask_checksum(f, url, err) : 0;
}

/* What lies at dest. */
static int look(struct fetch *f, struct err *err)
{
	static const char *const names[] = {NULL};
	struct module_call *c = f->web.call;
	struct value *args = forward_arguments(c, names);
	const char *algorithm = f->checksum.name ? f->checksum.name : "sha1";

	value_dict_set(
		c->arena, args, "path", value_new_string(c->arena, argument_text(c, "dest")));
	value_dict_set(c->arena, args, "follow", &value_true);
	value_dict_set(c->arena, args, "checksum", value_new_string(c->arena, algorithm));
	const struct value *answer = runner_ask_node(c, "stat", args, err);
	if (!answer)
		return -1;
	const struct value *stat = value_dict_get(answer, "stat");
	const struct value *exists = value_dict_get(stat, "exists");
	const struct value *isdir = value_dict_get(stat, "isdir");
	const struct value *mtime = value_dict_get(stat, "mtime");
	f->exists = exists && value_truthy(exists);
	f->is_directory = isdir && value_truthy(isdir);
	f->has = value_text(value_dict_get(stat, "checksum"));
	f->mtime = mtime && mtime->kind == VALUE_FLOAT ? mtime->real : 0;
	if (f->has && strcmp(algorithm, "sha1") == 0)
		call_set_text(c, "checksum_dest", f->has);
	return 0;
}

static void forget(struct module_call *c, const char *key)
{
	value_dict_remove(c->arena, c->result, value_new_string(c->arena, key));
}

/* The file is as it should be; only its attributes are looked at. */
static int only_attributes(struct module_call *c, struct err *err)
{
	static const char *const names[] = {CONTENT_ATTRIBUTE_NAMES, NULL};
	struct value *args = forward_arguments(c, names);

	value_dict_set(
		c->arena, args, "path", value_new_string(c->arena, argument_text(c, "dest")));
	value_dict_set(c->arena, args, "state", value_new_string(c->arena, "file"));
	value_dict_set(c->arena, args, "follow", &value_true);
	if (runner_node(c, "file", args, err) < 0)
		return -1;
	forget(c, "diff");
	forget(c, "path");
	const struct value *changed = value_dict_get(c->result, "changed");
	call_set_text(c, "msg",
		changed && value_truthy(changed)
			? "file already exists but file attributes changed"
			: "file already exists");
	return 0;
}

/* Asks for content only if it is newer than what is there. */
static void add_condition(struct fetch *f)
{
	char date[64];
	time_t when = (time_t)f->mtime;
	struct tm tm;

	if (argument_bool(f->web.call, "force"))
		web_add_header(&f->web, "Cache-Control", "no-cache");
	if (!f->exists || f->is_directory || f->checksum.name ||
		argument_bool(f->web.call, "force") || !gmtime_r(&when, &tm))
		return;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	web_add_header(&f->web, "If-Modified-Since", date);
}

static int make_directory(struct fetch *f, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *pattern =
		xasprintf("%s/modelfleet-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");

	if (strlen(pattern) >= sizeof(f->directory))
		return err_set(err, ERR_LIMIT, "TMPDIR is too long");
	if (!mkdtemp(pattern))
		return err_sys(err, "%s", pattern);
	memcpy(f->directory, pattern, strlen(pattern) + 1);
	f->path = path_join(f->directory, "content");
	return 0;
}

/* What is told of an answer that brought no content. */
static int tell_status(struct fetch *f, const struct http_response *r, struct err *err)
{
	struct module_call *c = f->web.call;
	const char *words = web_words(c, r);

	call_set_int(c, "elapsed", web_elapsed(&f->web));
	call_set_int(c, "status_code", r->status);
	if (r->status == 304) {
		call_set_text(c, "msg", words);
		return 0;
	}
	web_set_text(c, "response", words, strlen(words));
	forget(c, "checksum_dest");
	forget(c, "checksum_src");
	return err_set(err, ERR_PROTOCOL, "Request failed");
}

/* The name that the server gives the file, without any directory. */
static const char *given_name(struct module_call *c, const struct http_response *r)
{
	const char *header = http_header_get(r, "Content-Disposition");
	const char *name = header ? strcasestr(header, "filename=") : NULL;

	if (!name || strncasecmp(header, "attachment", strlen("attachment")) != 0)
		return NULL;
	name += strlen("filename=");
	name += *name == '"';
	char *copy = arena_strndup(c->arena, name, strcspn(name, "\";"));
	const char *base = path_basename(copy);
	return path_is_component(base) ? base : NULL;
}

static int put(struct fetch *f, const struct http_response *r, struct err *err)
{
	struct module_call *c = f->web.call;
	const char *name = given_name(c, r);
	struct content content = {.dest = argument_text(c, "dest"),
		.name = name ? name : web_file_name(c, r->url),
		.path = f->path,
		.replace = true};

	if (content_put(c, &content, err) < 0)
		return -1;
	const struct value *checksum = value_dict_get(c->result, "checksum");
	if (checksum)
		call_set(c, "checksum_src", checksum);
	/* What a file of the web was before is nobody's question; Ansible shows none either. */
	forget(c, "diff");
	forget(c, "checksum");
	forget(c, "path");
	call_set_text(c, "msg", web_words(c, r));
	call_set_int(c, "status_code", r->status);
	call_set_int(c, "elapsed", web_elapsed(&f->web));
	return 0;
}

static int download(struct fetch *f, struct err *err)
{
	AUTO(http_download_release)
	struct http_download d = {.request = f->web.request,
		.path = f->path,
		.mode = 0600,
		.digest_name = f->checksum.name,
		.digest_hex = f->checksum.hex,
		.attempts = ATTEMPTS};

	d.request.headers = (const char *const *)f->web.headers.items;
	d.request.unredirected = (const char *const *)f->web.unredirected.items;
	if (http_download(f->web.client, &d, err) == 0)
		return put(f, &d.response, err);
	if (err->code == ERR_CANCELLED || tunnel_is_broken(&f->web.tunnel) ||
		err->code == ERR_INTEGRITY || d.response.status == 0 ||
		d.response.status == 200 || d.response.status == 206)
		return -1;
	return tell_status(f, &d.response, err);
}

/* In check mode the server is asked, and nothing fetched. */
static int only_ask(struct fetch *f, struct err *err)
{
	AUTO(http_response_release) struct http_response r = {0};

	f->web.request.method = "HEAD";
	int rc = web_ask(&f->web, &r, err);
	if (rc < 0)
		return -1;
	if (rc > 0)
		return err_set(err, f->web.failure.code, "%s", f->web.failure.text);
	if (r.status != 200)
		return tell_status(f, &r, err);
	call_set_bool(f->web.call, "changed", true);
	call_set_text(f->web.call, "msg", web_words(f->web.call, &r));
	call_set_int(f->web.call, "elapsed", web_elapsed(&f->web));
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(fetch_end) struct fetch f = {0};

	prepare_result(c);
	if (web_begin(&f.web, c, err) < 0 || read_checksum(&f, err) < 0 || look(&f, err) < 0)
		return -1;
	if (f.exists && !f.is_directory && f.checksum.name && f.has &&
		strcasecmp(f.has, f.checksum.hex) == 0 && !argument_bool(c, "force"))
		return only_attributes(c, err);
	add_condition(&f);
	if (c->check)
		return only_ask(&f, err);
	if (make_directory(&f, err) < 0)
		return -1;
	return download(&f, err);
}

const struct module module_get_url = {
	.name = "get_url",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
