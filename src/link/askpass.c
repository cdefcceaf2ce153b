/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both pipes are opened for reading and writing here: then opening does not wait for the
 * script, and a secret may be written before it is asked for; it waits in the pipe. The
 * script asks with the question as its argument and thereby chooses the pipe. A question
 * for which there is no secret gets an empty line.
 */
#include "link/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "link/key_file.h"

#define ANSWERS    32   /* what is not asked for stays in the pipe */
#define ANSWER_MAX 1024 /* so that all answers fit into a pipe */

static const char script[] = "#!/bin/sh\n"
			     "case $1 in *assphrase*) f=passphrase ;; *) f=password ;; esac\n"
			     "IFS= read -r line <\"${0%/*}/$f\" && printf '%s\\n' \"$line\"\n";

/* A directory that nobody else can enter. */
static int make_dir(struct askpass *a, const struct link_options *o, struct err *err)
{
	autofree char *base =
		o->cache_dir && *o->cache_dir ? xstrdup(o->cache_dir) : path_user_dir("cache");

	if (path_mkdirs(base, 0700, err) < 0)
		return -1;
	a->dir = xasprintf("%s/askpass-XXXXXX", base);
	if (mkdtemp(a->dir))
		return 0;
	err_sys(err, "cannot make a directory in %s", base);
	free(a->dir);
	a->dir = NULL;
	return -1;
}

/* Makes one pipe and puts an answer into it, as often as a link may start ssh. */
static int make_pipe(const struct askpass *a, const char *name, const struct strbuf *answer,
	int *fd, struct err *err)
{
	autofree char *path = path_join(a->dir, name);

	if (answer->len > ANSWER_MAX)
		return err_set(
			err, ERR_LIMIT, "the %s is longer than %d bytes", name, ANSWER_MAX);
	if (mkfifo(path, 0600) < 0)
		return err_sys(err, "cannot make %s", path);
	*fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return err_sys(err, "cannot open %s", path);
	for (int i = 0; i < ANSWERS; i++)
		if (fd_write_all(*fd, answer->data, answer->len) < 0 ||
			fd_write_all(*fd, "\n", 1) < 0)
			return err_sys(err, "cannot write to %s", path);
	return 0;
}

/* The passphrase of the first key that needs one and has one. */
static int ask_passphrase(const struct link_options *o, const struct ssh_settings *s,
	struct strbuf *out, struct err *err)
{
	for (size_t i = 0; i < s->identity_files.count; i++) {
		const char *file = s->identity_files.items[i];
		if (key_file_look(file) != KEY_FILE_ENCRYPTED)
			continue;
		int given = o->secret(o->secret_data, LINK_SECRET_PASSPHRASE, file, out, err);
		if (given != 0)
			return given;
	}
	return 0;
}

/* Writes the script and the environment that names it. */
static int make_script(struct askpass *a, struct err *err)
{
	autofree char *path = path_join(a->dir, "askpass");

	if (file_replace(path, script, sizeof(script) - 1, 0700, err) < 0)
		return -1;
	strlist_addf(&a->env, "SSH_ASKPASS=%s", path);
	strlist_add(&a->env, "SSH_ASKPASS_REQUIRE=force");
	return 0;
}

int askpass_open(struct askpass *a, const struct link_options *o, const struct ssh_settings *s,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf password = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf passphrase = STRBUF_INIT;
	autofree char *subject = xasprintf("%s@%s", s->user, s->host);

	*a = (struct askpass){.password_fd = -1, .passphrase_fd = -1};
	if (!o->secret)
		return 0;
	int has_password =
		o->secret(o->secret_data, LINK_SECRET_PASSWORD, subject, &password, err);
	int has_passphrase = has_password < 0 ? -1 : ask_passphrase(o, s, &passphrase, err);
	int failed = has_passphrase < 0 ? -1 : 0;
	if (!failed && (has_password || has_passphrase))
		failed = make_dir(a, o, err) < 0 || make_script(a, err) < 0 ||
					 make_pipe(a, "password", &password, &a->password_fd,
						 err) < 0 ||
					 make_pipe(a, "passphrase", &passphrase,
						 &a->passphrase_fd, err) < 0
				 ? -1
				 : 0;
	mem_wipe(password.data, password.len);
	mem_wipe(passphrase.data, passphrase.len);
	return failed;
}

void askpass_close(struct askpass *a)
{
	fd_close(&a->password_fd);
	fd_close(&a->passphrase_fd);
	if (a->dir)
		path_remove_tree(a->dir, NULL);
	free(a->dir);
	a->dir = NULL;
	strlist_release(&a->env);
}
