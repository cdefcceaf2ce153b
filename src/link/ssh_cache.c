/* SPDX-License-Identifier: Apache-2.0 */
#include "link/ssh_cache.h"

#include <glob.h>
#include <pwd.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/strmap.h"

#define CONFIG_MAX_BYTES (1u << 20)
#define INCLUDE_DEPTH    16
#define SYSTEM_CONFIG    "/etc/ssh/ssh_config"

void ssh_arguments(
	const struct ssh_settings *s, const struct link_options *o, struct strlist *argv)
{
	if (o->ssh_config_file) {
		strlist_add(argv, "-F");
		strlist_add(argv, o->ssh_config_file);
	}
	for (size_t i = 0; i < s->words.count; i++)
		strlist_add(argv, s->words.items[i]);
	for (const char *const *key = o->key_files; key && *key; key++) {
		strlist_add(argv, "-i");
		strlist_add(argv, *key);
	}
	if (o->port) {
		strlist_add(argv, "-p");
		strlist_addf(argv, "%u", o->port);
	}
	if (o->user) {
		strlist_add(argv, "-l");
		strlist_add(argv, o->user);
	}
}

/* A digest of configuration files in the making. */
struct config_scan {
	struct strbuf seen; /* names and contents */
	const char *home;
	bool depends; /* on more than the files */
};

static void scan_file(struct config_scan *c, const char *path, bool system, int depth);

/* Follows one pattern of an Include line. */
static void scan_include(struct config_scan *c, const char *pattern, bool system, int depth)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	glob_t found;

	if (strchr(pattern, '%') || strstr(pattern, "${")) {
		c->depends = true;
		return;
	}
	if (str_starts(pattern, "~/"))
		strbuf_addf(&path, "%s%s", c->home, pattern + 1);
	else if (*pattern == '/')
		strbuf_addstr(&path, pattern);
	else if (system)
		strbuf_addf(&path, "/etc/ssh/%s", pattern);
	else
		strbuf_addf(&path, "%s/.ssh/%s", c->home, pattern);
	if (glob(path.data, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			scan_file(c, found.gl_pathv[i], system, depth + 1);
		globfree(&found);
	}
}

/* Looks for what makes the answer depend on other things, and for Include. */
static void scan_line(struct config_scan *c, char *line, bool system, int depth)
{
	AUTO(strlist_release) struct strlist words = {0};

	for (char *p = line; *p && *p != '#'; p++) {
		if (*p != '=' && *p != '\t' && *p != ' ')
			continue;
		*p = ' '; /* "Keyword=value" is "Keyword value" */
		break;
	}
	if (shell_split(&words, line, NULL) < 0 || words.count < 2)
		return;
	if (strcasecmp(words.items[0], "include") == 0) {
		for (size_t i = 1; i < words.count; i++)
			scan_include(c, words.items[i], system, depth);
	} else if (strcasecmp(words.items[0], "match") == 0) {
		for (size_t i = 1; i < words.count; i++)
			if (strcasestr(words.items[i], "exec") ||
				strcasestr(words.items[i], "localnetwork"))
				c->depends = true;
	} else if (strcasecmp(words.items[0], "canonicalizehostname") == 0) {
		c->depends |= strcasecmp(words.items[1], "no") != 0;
	}
}

static void scan_file(struct config_scan *c, const char *path, bool system, int depth)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	char *state = NULL;

	strbuf_addf(&c->seen, "\n%s\n", path);
	if (depth > INCLUDE_DEPTH || c->seen.len > CONFIG_MAX_BYTES) {
		c->depends = true;
		return;
	}
	if (file_read(path, CONFIG_MAX_BYTES, &text, NULL) < 0)
		return;
	strbuf_add(&c->seen, text.data, text.len);
	for (char *line = strtok_r(text.data, "\n", &state); line;
		line = strtok_r(NULL, "\n", &state))
		scan_line(c, line + strspn(line, " \t"), system, depth);
}

bool ssh_config_digest(const char *home, const char *user_file, char out[17])
{
	struct config_scan c = {.seen = STRBUF_INIT, .home = home};
	autofree char *own = xasprintf("%s/.ssh/config", home);

	scan_file(&c, user_file ? user_file : own, false, 0);
	if (!user_file)
		scan_file(&c, SYSTEM_CONFIG, true, 0);
	snprintf(out, 17, "%016llx", (unsigned long long)str_hash(c.seen.data, c.seen.len));
	strbuf_release(&c.seen);
	return !c.depends;
}

/* The file that remembers an answer, and the text that tells whether it is this one. */
static char *cache_file(const struct link_options *o, const struct strlist *argv,
	const char *home, struct strbuf *key)
{
	char digest[17];

	autofree char *base = o->cache_dir ? xstrdup(o->cache_dir) : path_user_dir("cache");
	for (size_t i = 0; i < argv->count; i++) {
		if (str_starts(argv->items[i], "-F") && !o->ssh_config_file)
			return NULL;
		strbuf_addjson(key, argv->items[i], strlen(argv->items[i]));
	}
	if (!base || !*base || !ssh_config_digest(home, o->ssh_config_file, digest))
		return NULL;
	char *file = xasprintf(
		"%s/ssh/%016llx", base, (unsigned long long)str_hash(key->data, key->len));
	strbuf_addf(key, " %s\n", digest);
	return file;
}

static bool cache_read(const char *file, const struct strbuf *key, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, SSH_SETTINGS_MAX_BYTES + key->len, &text, NULL) < 0 ||
		text.len <= key->len || memcmp(text.data, key->data, key->len) != 0)
		return false;
	strbuf_add(out, text.data + key->len, text.len - key->len);
	return true;
}

static void cache_write(const char *file, const struct strbuf *key, const struct strbuf *answer)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *dir = path_dirname(file);
	struct err err = {0};

	strbuf_add(&text, key->data, key->len);
	strbuf_add(&text, answer->data, answer->len);
	if (path_mkdirs(dir, 0700, &err) < 0 ||
		file_replace(file, text.data, text.len, 0600, &err) < 0)
		log_debug("cannot remember the ssh configuration: %s", err.text);
}

static int ask_ssh(const struct strlist *argv, deadline until, const struct cancel *cancel,
	struct strbuf *out, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result r = {0};
	struct spawn_options o = {
		.argv = (const char *const *)argv->items,
		.output_max = SSH_SETTINGS_MAX_BYTES,
		.until = until,
		.cancel = cancel,
	};
	struct err why = {0};

	if (spawn_run(&o, &r, &why) < 0) {
		if (why.code == ERR_NOTFOUND)
			return 0;
		return err_set(err, why.code, "%s", why.text);
	}
	if (r.status != 0) {
		strbuf_rtrim(&r.err);
		return err_set(
			err, ERR_INPUT, "the ssh configuration is wrong: %s", r.err.data);
	}
	strbuf_add(out, r.out.data, r.out.len);
	return 1;
}

int ssh_configuration(const struct ssh_settings *s, const struct link_options *o,
	const char *home, deadline until, const struct cancel *cancel, struct strbuf *out,
	struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;

	strlist_add(&argv, o->ssh_program ? o->ssh_program : "ssh");
	strlist_add(&argv, "-G");
	ssh_arguments(s, o, &argv);
	strlist_add(&argv, "--");
	strlist_add(&argv, s->host);
	autofree char *file = cache_file(o, &argv, home, &key);
	if (file && cache_read(file, &key, out))
		return 1;
	int asked = ask_ssh(&argv, until, cancel, out, err);
	if (asked == 1 && file)
		cache_write(file, &key, out);
	return asked;
}
