/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to an account besides its line: a home, and a key for SSH. The files are
 * recorded, so that a transaction takes them back, though not the account.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "node/copy.h"
#include "node/user.h"

#define LOGIN_DEFS      "/etc/login.defs"
#define LOGIN_DEFS_MAX  (1u << 20)
#define PUBLIC_KEY_MAX  65536
#define KEY_NAME_PREFIX ".ssh/id_"

/* The mode of new homes, by the system's umask for logins; false when it says nothing. */
static bool home_mode(mode_t *mode)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	unsigned mask;
	bool found = false;

	if (file_read(LOGIN_DEFS, LOGIN_DEFS_MAX, &text, NULL) < 0)
		return false;
	for (const char *line = text.data; *line;) {
		size_t n = strcspn(line, "\n");
		size_t word = strcspn(line, " \t\n");
		if (word == strlen("UMASK") && memcmp(line, "UMASK", word) == 0 &&
			sscanf(line + word, " %o", &mask) == 1) {
			*mode = 0777 & ~(mode_t)mask;
			found = true;
		}
		line += n + (line[n] == '\n');
	}
	return found;
}

int user_make_home(struct user_work *w, const char *home, struct err *err)
{
	struct transaction *t = call_transaction(w->call);
	const char *skeleton = w->skeleton ? w->skeleton : "/etc/skel";
	struct attributes owner = {.has_owner = w->there,
		.has_group = w->there,
		.owner = w->now.uid,
		.group = w->now.gid,
		.umask = 022};
	struct change_attributes mode = {0};
	bool changed;

	if (*home != '/')
		return err_set(err, ERR_INPUT, "the home %s is no absolute path", home);
	int result = path_exists(skeleton)
			     ? copy_tree_content(w->call, skeleton, home, &owner, err)
			     : change_directory(t, home, NULL, 022, err);
	if (result < 0)
		return -1;
	mode.has_mode = home_mode(&mode.mode);
	mode.has_owner = mode.has_group = w->there;
	mode.owner = owner.owner;
	mode.group = owner.group;
	return change_attributes(t, home, &mode, true, false, &changed, err);
}

/* ---- the key ---- */

/* A failure that is told as if a program had ended with it. */
static void complain(struct user_work *w, const char *text)
{
	w->after.rc = 1;
	strbuf_addstr(&w->after.err, text);
}

/* The path of the key; NULL, with the failure told, where there is no home to hold it. */
static const char *key_path(struct user_work *w)
{
	struct arena *a = w->call->arena;
	const char *type = call_text_or_null(w->call, "ssh_key_type");
	const char *file = call_expand(w->call, call_text_or_null(w->call, "ssh_key_file"));

	if (!file)
		file = arena_printf(a, KEY_NAME_PREFIX "%s", type ? type : "rsa");
	if (*file == '/')
		return file;
	if (!w->call->check && !path_exists(w->now.home)) {
		complain(w, arena_printf(a, "User %s home directory does not exist", w->name));
		return NULL;
	}
	return arena_printf(a, "%s/%s", w->now.home, file);
}

static int make_key_directory(struct user_work *w, const char *path, struct err *err)
{
	autofree char *directory = path_dirname(path);
	struct change_attributes ours = {.has_mode = true,
		.mode = 0700,
		.has_owner = true,
		.owner = w->now.uid,
		.has_group = true,
		.group = w->now.gid};

	if (path_exists(directory))
		return 0;
	return change_directory(call_transaction(w->call), directory, &ours, 022, err);
}

/* True when a file of the key is there and is to stay; else a warning tells that it goes. */
static bool keeps_key(struct user_work *w, const char *path, const char *kind)
{
	if (!path_exists(path))
		return false;
	if (w->force)
		strlist_addf(&w->warnings, "Overwriting existing ssh key %s file \"%s\"", kind,
			path);
	else
		strlist_addf(&w->warnings,
			"Found existing ssh key %s file \"%s\", no force, so skipping "
			"ssh-keygen generation",
			kind, path);
	return !w->force;
}

/* What ssh-keygen is told; a passphrase goes to its input, twice. */
static void keygen_words(struct user_work *w, const char *path, struct strlist *argv)
{
	const char *type = call_text_or_null(w->call, "ssh_key_type");
	const char *comment = call_text_or_null(w->call, "ssh_key_comment");
	int64_t bits = item_int(w->call->args, "ssh_key_bits", 0);
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	strlist_add(argv, "ssh-keygen");
	strlist_add(argv, "-t");
	strlist_add(argv, type ? type : "rsa");
	if (bits > 0)
		strlist_addf(argv, "-b%lld", (long long)bits);
	strlist_add(argv, "-C");
	if (comment)
		strlist_add(argv, comment);
	else
		strlist_addf(argv, "ansible-generated on %s", host);
	if (!call_text_or_null(w->call, "ssh_key_passphrase")) {
		strlist_add(argv, "-N");
		strlist_add(argv, "");
	}
	strlist_add(argv, "-f");
	strlist_add(argv, path);
}

/* Removes what is there, recorded, and makes the two files. */
static int make_files(
	struct user_work *w, const char *path, const char *public, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	struct transaction *t = call_transaction(w->call);
	const char *phrase = call_text_or_null(w->call, "ssh_key_passphrase");
	const char *files[] = {path, public};
	const char *input =
		phrase ? arena_printf(w->call->arena, "%s\n%s\n", phrase, phrase) : NULL;

	keygen_words(w, path, &argv);
	for (size_t i = 0; !w->call->check && i < ARRAY_SIZE(files); i++) {
		if (transaction_record_path(t, files[i], err) < 0 ||
			change_remove(t, files[i], err) < 0)
			return -1;
	}
	if (tools_run(&w->after, &argv, input, err) < 0)
		return -1;
	for (size_t i = 0; !w->call->check && w->after.rc == 0 && i < ARRAY_SIZE(files); i++) {
		if (lchown(files[i], w->now.uid, w->now.gid) < 0)
			return err_sys(err, "cannot give %s to %s", files[i], w->name);
	}
	return 0;
}

/* What ssh-keygen says of a key; empty where it is not there. */
static const char *fingerprint(struct user_work *w, const char *path)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release)
	struct tools r = TOOLS_INIT(w->call);

	if (!path_exists(path))
		return "";
	strlist_add(&argv, "ssh-keygen");
	strlist_add(&argv, "-l");
	strlist_add(&argv, "-f");
	strlist_add(&argv, path);
	if (tools_ask(&r, &argv, NULL) < 0)
		return "";
	struct strbuf *said = r.rc == 0 ? &r.out : &r.err;
	strbuf_rtrim(said);
	return arena_strdup(w->call->arena, said->data);
}

/* The public key's text, NULL where there is none. */
static const char *public_text(struct user_work *w, const char *path)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, PUBLIC_KEY_MAX, &text, NULL) < 0)
		return NULL;
	strbuf_rtrim(&text);
	return arena_strdup(w->call->arena, text.data);
}

int user_make_key(struct user_work *w, struct err *err)
{
	if (!item_bool(w->call->args, "generate_ssh_key", false))
		return 0;
	const char *path = key_path(w);
	if (!path)
		return 0;
	const char *public = arena_printf(w->call->arena, "%s.pub", path);
	if (!w->call->check && make_key_directory(w, path, err) < 0)
		return -1;
	bool keep = keeps_key(w, path, "private") || keeps_key(w, public, "public");
	if (!keep && make_files(w, path, public, err) < 0)
		return -1;
	if (w->after.rc != 0)
		return 0;
	w->key.file = path;
	w->key.fingerprint = fingerprint(w, path);
	w->key.public = public_text(w, public);
	return 0;
}
