/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_hosts: the keys of SSH servers in a file, as sshd(8) has it under "SSH_KNOWN_HOSTS FILE
 * FORMAT". Ansible asks ssh-keygen who is meant by a line; here names are compared by
 * ourselves, hashed ones too, so that a node needs no program for it.
 */
#include <ctype.h>

#include "base/base64.h"
#include "crypto/hmac.h"
#include "play/diff.h"
#include "play/modules/edit.h"
#include "play/modules/modules.h"
#include "play/modules/text_lines.h"
#include "play/runner.h"

#define SALT_SIZE 20 /* of SHA-1 */

static const char *const name_aliases[] = {"host", NULL};
static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "name", .required = true, .aliases = name_aliases},
	{.name = "key"},
	{.name = "path", .type = ARGUMENT_PATH, .fallback = "~/.ssh/known_hosts"},
	{.name = "hash_host", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "state", .fallback = "present", .choices = states},
	{0},
};

/* The fields of a line; an all-zero struct is a line without a key. */
struct host_key {
	const char *marker; /* "@revoked", "@cert-authority", or NULL */
	const char *hosts, *type, *key;
};

/* What the task wants, and what was found for it. */
struct known {
	struct edit *edit;
	const char *host;       /* in lower case */
	const char *line;       /* to be added, or NULL */
	struct host_key wanted; /* its fields */
	bool present;

	bool found;     /* the host has a line */
	bool differs;   /* and the key is another, or of another type */
	ptrdiff_t same; /* the line with a key of this type; -1: none */
};

static struct host_key parse_line(struct arena *a, const char *text, size_t len)
{
	AUTO(strlist_release) struct strlist words = {0};
	autofree char *line = xstrndup(text, len);
	struct host_key k = {0};

	strlist_split(&words, line, " \t\r\n");
	size_t first = words.count > 0 && words.items[0][0] == '@';
	if (words.count < first + 3 || words.items[0][0] == '#')
		return k;
	k.marker = first ? arena_strdup(a, words.items[0]) : NULL;
	k.hosts = arena_strdup(a, words.items[first]);
	k.type = arena_strdup(a, words.items[first + 1]);
	k.key = arena_strdup(a, words.items[first + 2]);
	return k;
}

static bool is_hashed(const char *hosts)
{
	return str_starts(hosts, "|1|");
}

/* "|1|SALT|HASH": the HMAC of the name under the salt. */
static bool hash_matches(const char *hosts, const char *host)
{
	AUTO(strbuf_release) struct strbuf salt = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf hash = STRBUF_INIT;
	unsigned char is[DIGEST_MAX];
	const char *text = hosts + strlen("|1|"), *bar = strchr(text, '|');

	if (!bar || !base64_decode(BASE64_STANDARD, text, (size_t)(bar - text), &salt) ||
		!base64_decode(BASE64_STANDARD, bar + 1, strlen(bar + 1), &hash) ||
		hash.len != digest_size(DIGEST_SHA1))
		return false;
	return hmac_data(DIGEST_SHA1, salt.data, salt.len, host, strlen(host), is, NULL) == 0 &&
	       memcmp(is, hash.data, hash.len) == 0;
}

/* One name or pattern with * and ?, without regard to case. A star that does not fit takes one
 * character more: the last one is enough to go back to. */
static bool pattern_matches(const char *p, const char *name)
{
	const char *star = NULL, *resume = NULL;

	while (*name) {
		if (*p == '*') {
			star = ++p;
			resume = name;
		} else if (*p == '?' || (*p && tolower((unsigned char)*p) == *name)) {
			p++;
			name++;
		} else if (star) {
			p = star;
			name = ++resume;
		} else {
			return false;
		}
	}
	return p[strspn(p, "*")] == 0;
}

/* Whether a line is about a host: its names with commas, of which "!" takes one out again. */
static bool is_about(const struct host_key *k, const char *host)
{
	AUTO(strlist_release) struct strlist names = {0};
	bool found = false;

	if (!k->hosts)
		return false;
	if (is_hashed(k->hosts))
		return hash_matches(k->hosts, host);
	strlist_split(&names, k->hosts, ",");
	for (size_t i = 0; i < names.count; i++) {
		bool negated = names.items[i][0] == '!';
		if (!pattern_matches(names.items[i] + negated, host))
			continue;
		if (negated)
			return false;
		found = true;
	}
	return found;
}

/* True when two lines say the same, comments aside; two hashes of one name are the same. */
static bool is_same(const struct host_key *a, const struct host_key *b)
{
	bool hosts =
		strcmp(a->hosts, b->hosts) == 0 || (is_hashed(a->hosts) && is_hashed(b->hosts));

	return hosts && strcmp(a->type, b->type) == 0 && strcmp(a->key, b->key) == 0 &&
	       str_cmp0(a->marker, b->marker) == 0;
}

/* Looks for the host: a line that is as wanted, else one with a key of that type. */
static void find(struct known *k, const struct text_lines *lines)
{
	k->found = k->differs = false;
	k->same = -1;
	for (size_t i = 0; i < lines->count; i++) {
		const struct text_line *line = &lines->items[i];
		struct host_key is = parse_line(k->edit->call->arena, line->text, line->len);
		if (!is_about(&is, k->host))
			continue;
		k->found = true;
		if (!k->line)
			return;
		k->differs = !is_same(&k->wanted, &is);
		if (!k->differs || strcmp(k->wanted.type, is.type) == 0) {
			k->same = (ptrdiff_t)i;
			return;
		}
	}
}

/* Takes all lines of a host out, but for those with markers, as ssh-keygen -R does. */
static void remove_host(const struct known *k, struct text_lines *lines)
{
	for (size_t i = lines->count; i-- > 0;) {
		struct host_key is = parse_line(
			k->edit->call->arena, lines->items[i].text, lines->items[i].len);
		if (!is.marker && is_about(&is, k->host))
			text_lines_remove(lines, i, i + 1);
	}
}

static void add_line(const struct known *k, struct text_lines *lines)
{
	struct arena *a = k->edit->call->arena;

	if (lines->count > 0) {
		struct text_line *last = &lines->items[lines->count - 1];
		*last = text_line_ended(a, last->text, last->len);
	}
	text_lines_insert(lines, lines->count, text_line_ended(a, k->line, strlen(k->line)));
}

/* The line that the task's key stands for, with the name hashed where that is asked for. */
static int read_key(struct known *k, struct err *err)
{
	struct module_call *c = k->edit->call;
	unsigned char salt[SALT_SIZE], hash[DIGEST_MAX];
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	k->line = argument_text(c, "key");
	if (!k->line || !*k->line) {
		k->line = NULL;
		return 0;
	}
	k->wanted = parse_line(c->arena, k->line, strlen(k->line));
	if (k->wanted.hosts && argument_bool(c, "hash_host")) {
		if (crypto_random(salt, sizeof(salt), err) < 0 ||
			hmac_data(DIGEST_SHA1, salt, sizeof(salt), k->host, strlen(k->host),
				hash, err) < 0)
			return -1;
		strbuf_addstr(&text, "|1|");
		base64_encode(BASE64_STANDARD, salt, sizeof(salt), &text);
		strbuf_addch(&text, '|');
		base64_encode(BASE64_STANDARD, hash, digest_size(DIGEST_SHA1), &text);
		k->wanted.hosts = arena_strdup(c->arena, text.data);
		k->line = arena_printf(c->arena, "%s%s%s %s %s",
			k->wanted.marker ? k->wanted.marker : "", k->wanted.marker ? " " : "",
			k->wanted.hosts, k->wanted.type, k->wanted.key);
	}
	if (strchr(k->host, ','))
		return err_set(err, ERR_INPUT,
			"Comma separated list of names is not supported. Please pass a single "
			"name to lookup in the known_hosts file.");
	if (!is_about(&k->wanted, k->host))
		return err_set(err, ERR_INPUT,
			"Host parameter does not match hashed host field in supplied key");
	return 0;
}

static int known_read(struct known *k, struct edit *e, struct err *err)
{
	struct module_call *c = e->call;
	char *host = arena_strdup(c->arena, argument_text(c, "name"));
	const char *key = argument_text(c, "key");

	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*k = (struct known){.edit = e,
		.host = host,
		.present = strcmp(argument_text(c, "state"), "present") == 0};
	if (k->present && (!key || !*key))
		return err_set(err, ERR_INPUT, "No key specified when adding a host");
	return read_key(k, err);
}

static int change(struct edit *e, struct err *err)
{
	AUTO(text_lines_release) struct text_lines lines = {0};
	struct known k;

	e->msg = "";
	if (known_read(&k, e, err) < 0)
		return -1;
	text_lines_split(&lines, e->before.data, e->before.len, false);
	find(&k, &lines);
	bool keep = !k.present && (k.line ? k.same < 0 : !k.found);
	e->changed = !keep && (k.differs || k.found != k.present || !k.present);
	if (!e->changed)
		return 1;
	if (!k.line)
		remove_host(&k, &lines);
	else if (k.same >= 0)
		text_lines_remove(&lines, (size_t)k.same, (size_t)k.same + 1);
	if (k.present)
		add_line(&k, &lines);
	text_lines_join(&lines, &e->after);
	return 1;
}

static void tell_diff(const struct edit *e, const char *path)
{
	struct diff_side before = {.header = e->exists ? path : "/dev/null",
		.data = e->before.data,
		.len = e->before.len};
	const struct strbuf *is = e->changed ? &e->after : &e->before;
	struct diff_side after = {.header = path, .data = is->data, .len = is->len};

	before.larger = before.len > DIFF_CONTENT_MAX;
	after.larger = after.len > DIFF_CONTENT_MAX;
	call_set(e->call, "diff", diff_of_contents(e->call->arena, &before, &after));
}

static void tell(const struct edit *e)
{
	static const char *const told[] = {"name", "key", "hash_host", "state"};
	const char *path = value_text(value_dict_get(e->answer, "named"));
	struct module_call *c = e->call;
	bool absent = strcmp(argument_text(c, "state"), "absent") == 0;

	call_set_bool(c, "changed", e->changed);
	tell_diff(e, path ? path : e->path);
	/* In check mode Ansible tells no more, unless it has looked for a key in vain. */
	if (c->check && !(absent && !e->changed && argument_text(c, "key")))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		const struct value *v = argument_value(c, told[i]);
		call_set(c, told[i], v ? v : &value_null);
	}
	call_set_text(c, "path", path ? path : e->path);
	edit_tell_file(e);
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(edit_release)
	struct edit e = {.call = c,
		.path = argument_text(c, "path"),
		.before = STRBUF_INIT,
		.after = STRBUF_INIT};
	int result = edit_run(&e, change, err);

	if (result > 0)
		tell(&e);
	return result < 0 ? -1 : 0;
}

const struct module module_known_hosts = {
	.name = "known_hosts",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
