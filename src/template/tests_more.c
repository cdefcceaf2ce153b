/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests that Ansible adds: results of tasks, versions, files, URLs.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/vault.h"
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"
#include "template/urls.h"

/* Truth of a key of a task's result; -1 with err. A key that is not there is false. */
static int result_key(struct args *a, const char *key, struct err *err)
{
	if (a->self->kind != VALUE_DICT) {
		args_fail(
			a, err, "the result of a task is needed, not '%s'", type_name(a->self));
		return -1;
	}
	const struct value *v = dict_lookup(a->ev, a->self, key, err);
	if (!v)
		return err->code ? -1 : 0;
	return op_truth(a->ev, v, err);
}

static const struct value *result_is(
	struct args *a, const char *key, bool want, struct err *err)
{
	int truth = result_key(a, key, err);

	return truth < 0 ? NULL : value_bool((truth != 0) == want);
}

static const struct value *test_failed(struct args *a, struct err *err)
{
	return result_is(a, "failed", true, err);
}

static const struct value *test_succeeded(struct args *a, struct err *err)
{
	return result_is(a, "failed", false, err);
}

static const struct value *test_unreachable(struct args *a, struct err *err)
{
	return result_is(a, "unreachable", true, err);
}

static const struct value *test_reachable(struct args *a, struct err *err)
{
	return result_is(a, "unreachable", false, err);
}

static const struct value *test_skipped(struct args *a, struct err *err)
{
	return result_is(a, "skipped", true, err);
}

static const struct value *test_timedout(struct args *a, struct err *err)
{
	const struct value *v = a->self->kind == VALUE_DICT
					? dict_lookup(a->ev, a->self, "timedout", err)
					: args_fail(a, err, "the result of a task is needed");

	if (!v)
		return err->code ? NULL : &value_false;
	if (v->kind == VALUE_DICT)
		v = dict_lookup(a->ev, v, "period", err);
	int truth = v ? op_truth(a->ev, v, err) : err->code ? -1 : 0;
	return truth < 0 ? NULL : value_bool(truth);
}

/* A result without "changed" has changed if one of its results has. */
static const struct value *test_changed(struct args *a, struct err *err)
{
	int truth = result_key(a, "changed", err);

	if (truth < 0)
		return NULL;
	if (value_dict_get(a->self, "changed"))
		return value_bool(truth);
	const struct value *results = dict_lookup(a->ev, a->self, "results", err);
	if (!results)
		return err->code ? NULL : &value_false;
	for (size_t i = 0; results->kind == VALUE_LIST && i < results->count; i++) {
		const struct value *item = list_item(a->ev, results, i, err);
		if (!item)
			return NULL;
		const struct value *changed = value_dict_get(item, "changed");
		if (changed && value_truthy(changed))
			return &value_true;
	}
	return &value_false;
}

/* Of a task that does not run in the background, both are true. */
static const struct value *background(struct args *a, const char *key, struct err *err)
{
	int truth = result_key(a, key, err);

	if (truth < 0)
		return NULL;
	return value_bool(truth || !value_dict_get(a->self, key));
}

static const struct value *test_started(struct args *a, struct err *err)
{
	return background(a, "started", err);
}

static const struct value *test_finished(struct args *a, struct err *err)
{
	return background(a, "finished", err);
}

static const char *path_of(struct args *a, struct err *err)
{
	const struct value *path = arg_string(a, 0, "", err);

	return path ? path->text : NULL;
}

/* Tests of files see the path as their object. */
static bool stat_self(struct args *a, bool follow, struct stat *st, struct err *err)
{
	const struct value *path = self_text(a, err);

	if (!path)
		return false;
	return (follow ? stat(path->text, st) : lstat(path->text, st)) == 0;
}

static const struct value *test_file(struct args *a, struct err *err)
{
	struct stat st;
	bool there = stat_self(a, true, &st, err);

	return value_bool(there && S_ISREG(st.st_mode));
}

static const struct value *test_directory(struct args *a, struct err *err)
{
	struct stat st;
	bool there = stat_self(a, true, &st, err);

	return value_bool(there && S_ISDIR(st.st_mode));
}

static const struct value *test_link(struct args *a, struct err *err)
{
	struct stat st;
	bool there = stat_self(a, false, &st, err);

	return value_bool(there && S_ISLNK(st.st_mode));
}

static const struct value *test_exists(struct args *a, struct err *err)
{
	struct stat st;

	return value_bool(stat_self(a, true, &st, err));
}

static const struct value *test_link_exists(struct args *a, struct err *err)
{
	struct stat st;

	return value_bool(stat_self(a, false, &st, err));
}

static const struct value *test_abs(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);

	return path ? value_bool(path->text[0] == '/') : NULL;
}

static const struct value *test_same_file(struct args *a, struct err *err)
{
	const char *other = path_of(a, err);
	struct stat x, y;

	if (!other)
		return NULL;
	if (!stat_self(a, true, &x, err) || stat(other, &y) < 0)
		return args_fail(a, err, "one of the two files is not there");
	return value_bool(x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* A directory on another device than its parent, or the root. */
static const struct value *test_mount(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);
	struct stat st, parent;

	if (!path)
		return NULL;
	autofree char *up = path_join(path->text, "..");
	if (lstat(path->text, &st) < 0 || S_ISLNK(st.st_mode) || stat(up, &parent) < 0)
		return &value_false;
	return value_bool(st.st_dev != parent.st_dev || st.st_ino == parent.st_ino);
}

static bool in_schemes(const struct value *schemes, struct url_part scheme)
{
	for (size_t i = 0; i < schemes->count; i++) {
		const char *text = value_text(schemes->items[i]);
		if (text && strlen(text) == scheme.len &&
			strncasecmp(text, scheme.text, scheme.len) == 0)
			return true;
	}
	return false;
}

static bool is_uri(struct args *a, struct url *url, const struct value *schemes)
{
	if (!value_is_string(a->self))
		return false;
	url_split(a->self->text, a->self->len, url);
	if (!schemes || schemes->kind != VALUE_LIST || schemes->count == 0)
		return true;
	return url->scheme.text && in_schemes(schemes, url->scheme);
}

static const struct value *test_uri(struct args *a, struct err *err)
{
	struct url url;

	(void)err;
	return value_bool(is_uri(a, &url, a->v[0]));
}

static const struct value *test_url(struct args *a, struct err *err)
{
	struct url url;

	(void)err;
	if (!is_uri(a, &url, a->v[0]))
		return &value_false;
	bool file = url.scheme.len == 4 && strncasecmp(url.scheme.text, "file", 4) == 0;
	return value_bool(url.netloc.len > 0 || file);
}

static const struct value *test_urn(struct args *a, struct err *err)
{
	struct url url;

	(void)err;
	return value_bool(is_uri(a, &url, NULL) && url.scheme.len == 3 &&
			  strncasecmp(url.scheme.text, "urn", 3) == 0);
}

static const struct value *test_vault_encrypted(struct args *a, struct err *err)
{
	(void)err;
	if (a->self->kind == VALUE_VAULT)
		return &value_true;
	return value_bool(
		value_is_string(a->self) && vault_is_encrypted(a->self->text, a->self->len));
}

static const struct value *test_vaulted_file(struct args *a, struct err *err)
{
	const struct value *path = self_text(a, err);
	autofd int fd = -1;
	char head[64];

	if (!path)
		return NULL;
	fd = open(path->text, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_full(fd, head, sizeof(head));
	if (n < 0) {
		err_sys(err, "%s: %s", a->callee->name, path->text);
		return NULL;
	}
	return value_bool(vault_is_encrypted(head, (size_t)n));
}

static const struct callable entries[] = {
	{"abs", test_abs, NULL, 0},
	{"change", test_changed, NULL, 0},
	{"changed", test_changed, NULL, 0},
	{"directory", test_directory, NULL, 0},
	{"exists", test_exists, NULL, 0},
	{"failed", test_failed, NULL, 0},
	{"failure", test_failed, NULL, 0},
	{"file", test_file, NULL, 0},
	{"finished", test_finished, NULL, 0},
	{"is_abs", test_abs, NULL, 0},
	{"is_dir", test_directory, NULL, 0},
	{"is_file", test_file, NULL, 0},
	{"is_link", test_link, NULL, 0},
	{"is_mount", test_mount, NULL, 0},
	{"is_same_file", test_same_file, "other !", 0},
	{"link", test_link, NULL, 0},
	{"link_exists", test_link_exists, NULL, 0},
	{"mount", test_mount, NULL, 0},
	{"reachable", test_reachable, NULL, 0},
	{"same_file", test_same_file, "other !", 0},
	{"skip", test_skipped, NULL, 0},
	{"skipped", test_skipped, NULL, 0},
	{"started", test_started, NULL, 0},
	{"succeeded", test_succeeded, NULL, 0},
	{"success", test_succeeded, NULL, 0},
	{"successful", test_succeeded, NULL, 0},
	{"timedout", test_timedout, NULL, 0},
	{"unreachable", test_unreachable, NULL, 0},
	{"uri", test_uri, "schemes", 0},
	{"url", test_url, "schemes", 0},
	{"urn", test_urn, NULL, 0},
	{"vault_encrypted", test_vault_encrypted, NULL, 0},
	{"vaulted_file", test_vaulted_file, NULL, 0},
};

CALLABLES(tests_more, entries);
