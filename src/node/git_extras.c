/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git: signatures, archives, and repositories that lie apart from their files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/git.h"
#include "node/resolve.h"
#include "node/scratch.h"

#define GIT_FILE_MAX 8192 /* bytes of a .git that names a directory */

int git_umask(struct node_call *c, struct err *err)
{
	const char *text = call_text_or_null(c, "umask");
	char *end;

	if (!text)
		return 0;
	unsigned long mask = strtoul(text, &end, 8);
	if (!*text || *end || mask > 0777)
		return err_set(err, ERR_INPUT, "umask must be an octal integer");
	c->node->login_umask = (mode_t)mask;
	return 0;
}

/* ---- a repository apart ---- */

/* Where the repository of the destination lies; NULL with err. */
static const char *repository(struct git_task *g, struct err *err)
{
	static const char says[] = "gitdir: ";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct arena *a = g->call->arena;
	const char *inside = arena_printf(a, "%s/.git", g->dest);
	struct stat st;

	if (lstat(inside, &st) < 0) {
		err_sys(err, "%s", inside);
		return NULL;
	}
	if (!S_ISREG(st.st_mode))
		return resolve_path(a, inside);
	if (file_read(inside, GIT_FILE_MAX, &text, err) < 0)
		return NULL;
	strbuf_truncate(&text, strcspn(text.data, "\r\n"));
	if (!str_starts(text.data, says)) {
		err_set(err, ERR_INPUT,
			"Current repo does not have a valid reference to a separate Git dir or "
			"it refers to the invalid path");
		return NULL;
	}
	autofree char *path = path_join(g->dest, text.data + strlen(says));
	return resolve_path(a, path);
}

int git_separate(struct git_task *g, struct err *err)
{
	const char *from = g->separate ? repository(g, err) : NULL;
	autofree char *inside = xasprintf("%s/.git", g->dest);

	if (!g->separate)
		return 0;
	if (!from)
		return -1;
	if (strcmp(from, g->separate) == 0)
		return 0;
	if (g->call->check)
		return 1;
	if (path_exists(g->separate))
		return err_set(err, ERR_EXISTS, "Separate-git-dir path %s already exists.",
			g->separate);
	if (rename(from, g->separate) < 0)
		return err_sys(err, "Unable to move git dir. %s", from);
	autofree char *text = xasprintf("gitdir: %s", g->separate);
	if (file_replace(inside, text, strlen(text), 0644, err) < 0) {
		/* A repository that nobody finds is worse than one in its former place. */
		if (rename(g->separate, from) < 0)
			return err_wrap(err, "the repository is in %s now", g->separate);
		return -1;
	}
	item_put_string(g->call->out, "git_dir_before", from);
	item_put_string(g->call->out, "git_dir_now", g->separate);
	return 1;
}

/* ---- signatures ---- */

/* The fingerprint of the key that signed, of the primary one if it was a subkey; or NULL. */
static const char *fingerprint(struct git_task *g)
{
	AUTO(strlist_release) struct strlist lines = {0};

	strlist_split(&lines, g->said.err.data, "\n");
	for (size_t i = 0; i < lines.count; i++) {
		AUTO(strlist_release) struct strlist words = {0};
		strlist_split(&words, lines.items[i], " ");
		if (words.count < 3 || strcmp(words.items[1], "VALIDSIG") != 0)
			continue;
		return arena_strdup(g->call->arena, words.items[words.count >= 12 ? 11 : 2]);
	}
	return NULL;
}

static int check_key(struct git_task *g, const char *const *allowed, struct err *err)
{
	const char *key = fingerprint(g);

	for (; key && *allowed; allowed++)
		if (strcmp(*allowed, key) == 0)
			return 0;
	return err_set(err, ERR_AUTH,
		"The gpg_whitelist does not include the public key \"%s\" for this commit",
		key ? key : "None");
}

int git_verify(struct git_task *g, struct err *err)
{
	const char *const *allowed = call_list(g->call, "gpg_whitelist", err);
	const char *tag = arena_printf(g->call->arena, "refs/tags/%s", g->version);

	if (!allowed)
		return -1;
	if (!item_bool(g->call->args, "verify_commit", false))
		return 0;
	int status = git_try(g, g->dest, err, "cat-file", "-t", tag, NULL);
	if (status < 0)
		return -1;
	bool is_tag = status == 0 && strcmp(git_line(g), "tag") == 0;
	status = git_try(g, g->dest, err, is_tag ? "verify-tag" : "verify-commit", "--raw",
		g->version, NULL);
	if (status < 0)
		return -1;
	if (status > 0)
		return err_set(err, ERR_AUTH,
			"Failed to verify GPG signature of commit/tag \"%s\"", g->version);
	return *allowed ? check_key(g, allowed, err) : 0;
}

/* ---- archives ---- */

/* The format that an archive's name asks for; NULL with err. */
static const char *format_of(const char *archive, struct err *err)
{
	static const struct {
		const char *end, *format;
	} formats[] = {{".zip", "zip"}, {".gz", "tar.gz"}, {".tar", "tar"}, {".tgz", "tgz"}};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (str_ends(archive, formats[i].end))
			return formats[i].format;
	err_set(err, ERR_INPUT, "Unable to get file extension from archive file name : %s",
		archive);
	return NULL;
}

static int make_archive(
	struct git_task *g, const char *format, const char *path, struct err *err)
{
	const char *prefix = call_text_or_null(g->call, "archive_prefix");
	const char *option =
		prefix ? arena_printf(g->call->arena, "--prefix=%s", prefix) : "--prefix=";
	int status = git_try(g, g->dest, err, "archive", "--format", format, "--output", path,
		option, g->version, NULL);

	return status > 0 ? git_failed(g, "Failed to perform archive operation", err) : status;
}

/* True if two files have the same content. */
static bool are_same(const char *a, const char *b)
{
	autofree char *one = xmalloc(65536), *other = xmalloc(65536);
	autofd int x = open(a, O_RDONLY | O_CLOEXEC), y = open(b, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (x < 0 || y < 0)
		return false;
	while ((n = fd_read_full(x, one, 65536)) > 0)
		if (fd_read_full(y, other, 65536) != n || memcmp(one, other, (size_t)n) != 0)
			return false;
	return n == 0 && fd_read_full(y, other, 1) == 0;
}

int git_archive(struct git_task *g, struct err *err)
{
	static const struct change_content nothing = {.data = ""};
	AUTO(scratch_release) struct scratch scratch = {0};
	const char *format = g->archive ? format_of(g->archive, err) : NULL;

	if (!g->archive)
		return 0;
	if (!format)
		return -1;
	if (g->call->check)
		return 1;
	const char *made = scratch_put(&scratch, g->call->arena, "archive", &nothing, err);
	if (!made || make_archive(g, format, made, err) < 0)
		return -1;
	if (are_same(made, g->archive))
		return 0;
	struct change_write w = {.call = g->call,
		.path = g->archive,
		.content = {.path = made},
		.umask = g->call->node->login_umask};
	return change_write(call_transaction(g->call), &w, err) < 0 ? -1 : 1;
}
