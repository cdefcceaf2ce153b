/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorized_key: the public keys that may log in as a user, as sshd(8) has them under
 * "AUTHORIZED_KEYS FILE FORMAT".
 *
 * A key is known by its base64 text. A line that is none (a comment, or something that we do
 * not understand) stays as it is, and counts as known by its own text.
 */
#include "base/path.h"
#include "base/vec.h"
#include "play/diff.h"
#include "play/modules/edit.h"
#include "play/modules/modules.h"
#include "play/runner.h"

#define WORDS " \t\r\n"

static const char *const states[] = {"absent", "present", NULL};

static const struct argument arguments[] = {
	{.name = "user", .required = true},
	{.name = "key", .required = true},
	{.name = "path", .type = ARGUMENT_PATH},
	{.name = "manage_dir", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "key_options"},
	{.name = "exclusive", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "comment"},
	{.name = "validate_certs", .type = ARGUMENT_BOOL, .fallback = "true"},
	{.name = "follow", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

static const char *const key_types[] = {"sk-ecdsa-sha2-nistp256@openssh.com",
	"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521",
	"ecdsa-sha2-nistp521-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com",
	"sk-ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519",
	"ssh-ed25519-cert-v01@openssh.com", "ssh-dss", "ssh-rsa", "ssh-xmss@openssh.com",
	"ssh-xmss-cert-v01@openssh.com", "rsa-sha2-256", "rsa-sha2-512",
	"ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com",
	"rsa-sha2-512-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com"};

/* A line. Texts are an arena's. */
struct key {
	const char *id;         /* the key's text, or the line itself when it is none */
	const char *type;       /* NULL: no key */
	struct strlist options; /* NAME or NAME=VALUE, in their order */
	const char *comment;
	size_t rank; /* where it stands in the file */
};

struct keys {
	struct key *items;
	size_t count, cap;
};

static void keys_release(struct keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		strlist_release(&k->items[i].options);
	free(k->items);
}

static bool is_key_type(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_types); i++)
		if (strcmp(key_types[i], word) == 0)
			return true;
	return false;
}

/* The words of a list from one on, with single blanks. */
static const char *join(struct arena *a, const struct strlist *words, size_t from, size_t to)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = from; i < to && i < words->count; i++)
		strbuf_addf(&text, "%s%s", i > from ? " " : "", words->items[i]);
	return arena_strdup(a, text.data);
}

/* Splits options at commas that stand in no quotes. */
static void parse_options(struct strlist *options, const char *text)
{
	AUTO(strbuf_release) struct strbuf one = STRBUF_INIT;
	char quote = 0;

	for (;; text++) {
		if (*text && (quote || *text != ',')) {
			if (*text == quote)
				quote = 0;
			else if (!quote && (*text == '"' || *text == '\''))
				quote = *text;
			strbuf_addch(&one, *text);
			continue;
		}
		if (one.len > 0)
			strlist_add(options, one.data);
		strbuf_clear(&one);
		if (!*text)
			return;
	}
}

/* Reads a line; false when it holds no key. */
static bool parse_key(struct arena *a, const char *line, struct key *k)
{
	AUTO(strlist_release) struct strlist words = {0};
	size_t type = 0;

	*k = (struct key){0};
	strlist_split(&words, line, WORDS);
	while (type < words.count && !is_key_type(words.items[type]))
		type++;
	if (type + 1 >= words.count || strcmp(words.items[0], "#") == 0)
		return false;
	k->type = arena_strdup(a, words.items[type]);
	k->id = arena_strdup(a, words.items[type + 1]);
	k->comment = join(a, &words, type + 2, words.count);
	if (type > 0)
		parse_options(&k->options, join(a, &words, 0, type));
	return true;
}

static struct key *find_key(const struct keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].id, id) == 0)
			return &keys->items[i];
	return NULL;
}

static void remove_key(struct keys *keys, struct key *k)
{
	size_t i = (size_t)(k - keys->items);

	strlist_release(&k->options);
	memmove(k, k + 1, (keys->count - i - 1) * sizeof(*k));
	keys->count--;
}

/* Adds a key; one with its id gives way. */
static void put_key(struct keys *keys, const struct key *k)
{
	struct key *old = find_key(keys, k->id);

	if (old) {
		strlist_release(&old->options);
		*old = *k;
	} else {
		*VEC_PUSH(keys) = *k;
	}
}

static void parse_file(struct arena *a, const struct strbuf *text, struct keys *keys)
{
	size_t rank = 0, n;

	for (const char *p = text->data; *p; p += n, rank++) {
		n = strcspn(p, "\n");
		n += p[n] == '\n';
		const char *line = arena_strndup(a, p, n);
		struct key k;
		if (!parse_key(a, line, &k))
			k = (struct key){.id = line};
		k.rank = rank;
		put_key(keys, &k);
	}
}

/* The same options, in whichever order. */
static bool same_options(const struct strlist *a, const struct strlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!strlist_has(b, a->items[i]) || !strlist_has(a, b->items[i]))
			return false;
	return true;
}

static bool is_same(const struct key *a, const struct key *b)
{
	return str_cmp0(a->type, b->type) == 0 && str_cmp0(a->comment, b->comment) == 0 &&
	       same_options(&a->options, &b->options);
}

static int by_rank(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void write_keys(struct keys *keys, struct strbuf *out)
{
	if (keys->count > 0)
		qsort(keys->items, keys->count, sizeof(*keys->items), by_rank);
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *k = &keys->items[i];
		if (!k->type) {
			strbuf_addf(out, "%s%s", k->id, str_ends(k->id, "\n") ? "" : "\n");
			continue;
		}
		for (size_t o = 0; o < k->options.count; o++)
			strbuf_addf(out, "%s%s", o ? "," : "", k->options.items[o]);
		strbuf_addf(out, "%s%s %s %s\n", k->options.count ? " " : "", k->type, k->id,
			k->comment);
	}
}

/* The keys that the task names, one a line, with its options and its comment. */
static int read_wanted(struct module_call *c, struct keys *wanted, struct err *err)
{
	AUTO(strlist_release) struct strlist lines = {0};
	const char *options = argument_text(c, "key_options");
	const char *comment = argument_text(c, "comment");

	strlist_split(&lines, argument_text(c, "key"), "\r\n");
	for (size_t i = 0; i < lines.count; i++) {
		struct key k;
		if (lines.items[i][0] == '#')
			continue;
		if (!parse_key(c->arena, lines.items[i], &k))
			return err_set(
				err, ERR_INPUT, "invalid key specified: %s", lines.items[i]);
		if (options) {
			strlist_release(&k.options);
			parse_options(&k.options, options);
		}
		if (comment)
			k.comment = comment;
		k.rank = wanted->count;
		*VEC_PUSH(wanted) = k;
	}
	return 0;
}

/* Brings one key in; true when that changes something. */
static bool add_key(struct keys *keys, struct key *k, size_t behind)
{
	struct key *old = find_key(keys, k->id);

	if (old && is_same(old, k))
		return false;
	if (old)
		remove_key(keys, old);
	struct key added = *k;
	added.rank += behind;
	k->options = (struct strlist){0}; /* they are the new one's now */
	*VEC_PUSH(keys) = added;
	return true;
}

static bool remove_others(struct keys *keys, const struct keys *wanted)
{
	bool changed = false;

	for (size_t i = keys->count; i-- > 0;) {
		if (find_key(wanted, keys->items[i].id))
			continue;
		remove_key(keys, &keys->items[i]);
		changed = true;
	}
	return changed;
}

/* The directory above the file, the user's own. */
static int make_directory(struct edit *e, struct err *err)
{
	struct arena *a = e->call->arena;
	struct value *args = value_new_dict(a);
	autofree char *dir = path_dirname(e->path);

	if (e->call->check || !argument_bool(e->call, "manage_dir"))
		return 0;
	value_dict_set(a, args, "path", value_new_string(a, dir));
	value_dict_set(a, args, "state", value_new_string(a, "directory"));
	value_dict_set(a, args, "mode", value_new_string(a, "0700"));
	value_dict_set(a, args, "owner", value_dict_get(e->written, "owner"));
	value_dict_set(a, args, "group", value_dict_get(e->written, "group"));
	return runner_ask_node(e->call, "file", args, err) ? 0 : -1;
}

/* What is written is the user's, and nobody else's to read. */
static int set_owner(struct edit *e, struct err *err)
{
	static const char *const ids[][2] = {{"user_uid", "owner"}, {"user_gid", "group"}};
	struct arena *a = e->call->arena;

	e->written = value_new_dict(a);
	value_dict_set(a, e->written, "mode", value_new_string(a, "0600"));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct value *v = value_dict_get(e->answer, ids[i][0]);
		if (!v || v->kind != VALUE_INT)
			return err_set(
				err, ERR_PROTOCOL, "the node did not tell %s", ids[i][0]);
		value_dict_set(a, e->written, ids[i][1],
			value_new_stringf(a, "%lld", (long long)v->integer));
	}
	return 0;
}

static int change(struct edit *e, struct err *err)
{
	AUTO(keys_release) struct keys keys = {0};
	AUTO(keys_release) struct keys wanted = {0};
	struct module_call *c = e->call;
	bool present = strcmp(argument_text(c, "state"), "present") == 0;

	e->msg = "";
	if (read_wanted(c, &wanted, err) < 0)
		return -1;
	parse_file(c->arena, &e->before, &keys);
	size_t behind = keys.count;
	for (size_t i = 0; i < wanted.count; i++) {
		struct key *old = find_key(&keys, wanted.items[i].id);
		if (present) {
			e->changed |= add_key(&keys, &wanted.items[i], behind);
		} else if (old) {
			remove_key(&keys, old);
			e->changed = true;
		}
	}
	if (present && argument_bool(c, "exclusive"))
		e->changed |= remove_others(&keys, &wanted);
	if (!e->changed)
		return 1;
	write_keys(&keys, &e->after);
	return c->check || (set_owner(e, err) == 0 && make_directory(e, err) == 0) ? 1 : -1;
}

static void tell(const struct edit *e)
{
	struct module_call *c = e->call;
	const char *keyfile = value_text(value_dict_get(e->answer, "named"));

	for (const struct argument *a = arguments; a->name; a++) {
		const struct value *v = argument_value(c, a->name);
		call_set(c, a->name, v ? v : &value_null);
	}
	call_set_text(c, "keyfile", keyfile ? keyfile : e->path);
	call_set_bool(c, "changed", e->changed);
	if (argument_text(c, "path"))
		edit_tell_file(e);
	if (e->changed && c->diff)
		call_set(c, "diff", edit_diff(e, keyfile ? keyfile : e->path));
}

static int run(struct module_call *c, struct err *err)
{
	const char *user = argument_text(c, "user"), *path = argument_text(c, "path");
	AUTO(edit_release)
	struct edit e = {.call = c,
		.path = path ? path : arena_printf(c->arena, "~%s/.ssh/authorized_keys", user),
		.create = true,
		.keep_link = !argument_bool(c, "follow"),
		.before = STRBUF_INIT,
		.after = STRBUF_INIT};

	if (str_starts(argument_text(c, "key"), "http"))
		return err_set(err, ERR_UNSUPPORTED,
			"key: URLs are not fetched; write \"{{ lookup('url', '%s', "
			"split_lines=false) "
			"}}\"",
			argument_text(c, "key"));
	if (!c->check || !path) {
		e.asked = value_new_dict(c->arena);
		value_dict_set(c->arena, e.asked, "user", value_new_string(c->arena, user));
	}
	int result = edit_run(&e, change, err);
	if (result > 0)
		tell(&e);
	return result < 0 ? -1 : 0;
}

static const char *const names[] = {"ansible.posix.authorized_key", NULL};

const struct module module_authorized_key = {
	.name = "authorized_key",
	.aliases = names,
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
