/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "crypto/vault.h"

#define SCRIPT_SECONDS 300 /* a script may ask a person */

int vault_secrets_add(struct vault_secrets *s, const char *id, const void *password, size_t len,
	struct err *err)
{
	if (!len)
		return err_set(err, ERR_INPUT, "the vault password is empty");
	if (len > VAULT_MAX_SECRET)
		return err_set(err, ERR_LIMIT, "the vault password is longer than %u bytes",
			VAULT_MAX_SECRET);
	*VEC_PUSH(s) = (struct vault_secret){
		.id = xstrdup(id ? id : VAULT_DEFAULT_ID),
		.password = xstrndup(password, len),
		.len = len,
	};
	return 0;
}

void vault_secrets_release(struct vault_secrets *s)
{
	for (size_t i = 0; i < s->count; i++) {
		mem_wipe(s->items[i].password, s->items[i].len);
		free(s->items[i].password);
		free(s->items[i].id);
	}
	free(s->items);
	*s = (struct vault_secrets){0};
}

/* True for "x-client" and "x-client.py": such a script is told the vault id. */
static bool is_client(const char *path)
{
	const char *name = path_basename(path), *dot = strrchr(name, '.');
	size_t n = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	static const char suffix[] = "-client";

	return n >= strlen(suffix) &&
	       !memcmp(name + n - strlen(suffix), suffix, strlen(suffix));
}

static void script_result_release(struct spawn_result *r)
{
	vault_wipe(&r->out);
	spawn_result_release(r);
}

/* Adds what is left of a text when the characters of a set are cut from both ends. */
static int add_trimmed(struct vault_secrets *s, const char *id, const char *path,
	const struct strbuf *text, const char *set, struct err *err)
{
	const char *start = text->data, *end = start + text->len;

	while (start < end && *start && strchr(set, *start))
		start++;
	while (end > start && end[-1] && strchr(set, end[-1]))
		end--;
	if (vault_secrets_add(s, id, start, (size_t)(end - start), err) < 0)
		return err_wrap(err, "vault password file %s", path);
	return 0;
}

static int add_script(
	struct vault_secrets *s, const char *id, const char *path, struct err *err)
{
	AUTO(script_result_release)
	struct spawn_result result = {.out = STRBUF_INIT, .err = STRBUF_INIT};
	/* Without a slash the name would be looked up in PATH. */
	autofree char *program = strchr(path, '/') ? xstrdup(path) : xasprintf("./%s", path);
	bool client = is_client(path) && id;
	const char *argv[] = {program, client ? "--vault-id" : NULL, client ? id : NULL, NULL};
	struct spawn_options options = {.argv = argv,
		.output_max = VAULT_MAX_SECRET,
		.until = deadline_in(SCRIPT_SECONDS)};

	if (spawn_run(&options, &result, err) < 0)
		return err_wrap(err, "vault password script %s", path);
	if (spawn_exit_code(result.status))
		return err_set(err, ERR_AUTH, "vault password script %s ended with %d", path,
			spawn_exit_code(result.status));
	return add_trimmed(s, id, path, &result.out, "\r\n", err);
}

static int add_file(struct vault_secrets *s, const char *id, const char *path, struct err *err)
{
	AUTO(vault_wipe) struct strbuf text = STRBUF_INIT;

	if (file_read(path, VAULT_MAX_SECRET, &text, err) < 0)
		return -1;
	return add_trimmed(s, id, path, &text, " \t\n\v\f\r", err);
}

int vault_secrets_add_file(
	struct vault_secrets *s, const char *id, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "vault password file %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "vault password file %s is a directory", path);
	bool script = (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) && access(path, X_OK) == 0;
	return (script ? add_script : add_file)(s, id, path, err);
}
