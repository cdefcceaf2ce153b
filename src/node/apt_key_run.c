/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fd.h"
#include "node/apt_key.h"

#define KEY_MAX (8u << 20) /* bytes of a key that is given */

static const char *const environment[] = {
	"LC_ALL=C.UTF-8", "LANG=C.UTF-8", "LC_MESSAGES=C.UTF-8", "LANGUAGE=", NULL};

int apt_key_fail(struct apt_key_work *w, const char *msg)
{
	struct item_writer *out = w->call->out;

	item_put_bool(out, "failed", true);
	item_put_bool(out, "changed", w->listed_again);
	item_put_string(out, "msg", msg);
	return 1;
}

/* Tells a failure with what a program said. */
static int fail_with(
	struct apt_key_work *w, const struct call_program *p, const char *msg, bool rc)
{
	struct item_writer *out = w->call->out;

	if (rc)
		item_put_int(out, "rc", p->status);
	item_put_stringn(out, "stdout", p->out.data, p->out.len);
	item_put_stringn(out, "stderr", p->err.data, p->err.len);
	return apt_key_fail(w, msg);
}

/* Runs a program; its words are those of a list. */
static int run(struct apt_key_work *w, const struct strlist *words, struct call_program *p,
	struct err *err)
{
	const char **argv = arena_array(w->call->arena, words->count + 1, sizeof(*argv));

	for (size_t i = 0; i < words->count; i++)
		argv[i] = words->items[i];
	p->argv = argv;
	p->env = call_environment(w->call, environment, err);
	return p->env ? call_run(w->call, p, err) : -1;
}

static void add_words(struct strlist *words, const char *const *more)
{
	for (; *more; more++)
		strlist_add(words, *more);
}

static void begin_apt_key(const struct apt_key_work *w, struct strlist *words)
{
	strlist_add(words, "apt-key");
	if (w->keyring) {
		strlist_add(words, "--keyring");
		strlist_add(words, w->keyring);
	}
}

/* The key as the input of a program; `content` keeps it. */
static int feed(
	struct apt_key_work *w, struct call_program *p, struct strbuf *content, struct err *err)
{
	p->input = w->data.data;
	p->input_len = w->data.len;
	if (!w->data.path)
		return 0;
	if (file_read(w->data.path, KEY_MAX, content, err) < 0)
		return -1;
	p->input = content->data;
	p->input_len = content->len;
	return 0;
}

/* ---- ids ---- */

/* The id in "pub   rsa4096/ID ...", as apt-key lists keys; NULL when the line is another. */
static const char *id_of_list(struct arena *a, const char *line)
{
	const char *word = line + strcspn(line, " \t");

	word += strspn(word, " \t");
	size_t n = strcspn(word, " \t");
	const char *slash = memchr(word, '/', n);
	if (!slash || memchr(slash + 1, '/', n - (size_t)(slash + 1 - word)))
		return NULL;
	return arena_strndup(a, slash + 1, n - (size_t)(slash + 1 - word));
}

/* The id in "pub:-:4096:1:ID:...", as gpg lists keys with colons; NULL when there is none. */
static const char *id_of_colons(struct arena *a, const char *line)
{
	for (int field = 0; field < 4; field++) {
		line = strchr(line, ':');
		if (!line)
			return NULL;
		line++;
	}
	return arena_strndup(a, line, strcspn(line, ":"));
}

/* The ids of keys and subkeys in what a program printed; those that are expired do not count.
 */
static void collect_ids(struct arena *a, const char *text, struct strlist *keys)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *line = arena_strndup(a, text, strcspn(text, "\n"));
		if ((!str_starts(line, "pub") && !str_starts(line, "sub")) ||
			strstr(line, "expired"))
			continue;
		const char *id = id_of_list(a, line);
		if (!id)
			id = id_of_colons(a, line);
		if (id)
			strlist_add(keys, id);
	}
}

int apt_key_read(struct apt_key_work *w, struct strlist *keys, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	AUTO(call_program_release) struct call_program p = {0};
	const char *file = w->file ? w->file : "-";

	add_words(&words, (const char *const[]){"gpg", "--with-colons", file, NULL});
	if ((!w->file && feed(w, &p, &content, err) < 0) || run(w, &words, &p, err) < 0)
		return -1;
	if (p.status != 0)
		return fail_with(w, &p,
			arena_printf(w->call->arena, "Unable to extract key from '%s'",
				w->file ? w->file : "inline data"),
			false);
	collect_ids(w->call->arena, p.out.data, keys);
	return 0;
}

int apt_key_list(struct apt_key_work *w, struct strlist *keys, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(call_program_release) struct call_program p = {0};

	begin_apt_key(w, &words);
	add_words(&words, (const char *const[]){
				  "adv", "--list-public-keys", "--keyid-format=long", NULL});
	if (run(w, &words, &p, err) < 0)
		return -1;
	if (p.status != 0)
		return fail_with(w, &p, "Unable to list public keys", true);
	collect_ids(w->call->arena, p.out.data, keys);
	return 0;
}

/* ---- changes ---- */

static int note(struct apt_key_work *w, struct err *err)
{
	return transaction_record_note(call_transaction(w->call),
		arena_printf(w->call->arena, "%s the key %s of apt",
			w->absent ? "removed" : "added", w->key_id),
		err);
}

int apt_key_add(struct apt_key_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	AUTO(call_program_release) struct call_program p = {0};

	begin_apt_key(w, &words);
	strlist_add(&words, "add");
	strlist_add(&words, w->file ? w->file : "-");
	if (note(w, err) < 0 || (!w->file && feed(w, &p, &content, err) < 0) ||
		run(w, &words, &p, err) < 0)
		return -1;
	if (p.status == 0)
		return 0;
	if (!w->file)
		return fail_with(w, &p, "Unable to add a key from binary data", true);
	return fail_with(w, &p,
		arena_printf(w->call->arena, "Unable to add a key from file %s", w->file),
		true);
}

/* A variable of the task's environment, else of ours; NULL when it is not set, or empty. */
static const char *variable(const char *const *variables, const char *name)
{
	size_t n = strlen(name);
	const char *value = getenv(name);

	for (const char *const *v = variables; *v; v++)
		if (str_starts(*v, name) && (*v)[n] == '=')
			value = *v + n + 1;
	return value && *value ? value : NULL;
}

/* The option that takes gpg's requests through a proxy that the environment names. */
static void add_proxy(struct strlist *words, const char *const *variables)
{
	static const char *const names[] = {
		"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = variable(variables, names[i]);
		if (!value)
			continue;
		strlist_add(words, "--keyserver-options");
		strlist_addf(words, "http-proxy=%s", value);
		return;
	}
}

int apt_key_receive(struct apt_key_work *w, bool last, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(call_program_release) struct call_program p = {0};
	const char *const *variables = call_environment(w->call, NULL, err);
	struct arena *a = w->call->arena;

	if (!variables || note(w, err) < 0)
		return -1;
	begin_apt_key(w, &words);
	add_words(&words,
		(const char *const[]){"adv", "--no-tty", "--keyserver", w->keyserver, NULL});
	add_proxy(&words, variables);
	add_words(&words, (const char *const[]){"--recv", w->key_id, NULL});
	if (run(w, &words, &p, err) < 0)
		return -1;
	if (p.status == 0 || !last)
		return p.status == 0 ? 0 : 1;
	if (p.status == 2 && strstr(p.out.data, "not found on keyserver"))
		return apt_key_fail(w, arena_printf(a, "Key %s not found on keyserver %s",
					       w->key_id, w->keyserver));
	return fail_with(w, &p,
		arena_printf(
			a, "Error fetching key %s from keyserver: %s", w->key_id, w->keyserver),
		true);
}

int apt_key_delete(struct apt_key_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	AUTO(call_program_release) struct call_program p = {0};

	begin_apt_key(w, &words);
	strlist_add(&words, "del");
	strlist_add(&words, w->short_id);
	if (note(w, err) < 0 || run(w, &words, &p, err) < 0)
		return -1;
	if (p.status == 0)
		return 0;
	return fail_with(w, &p,
		arena_printf(w->call->arena, "Unable to remove a key with id %s", w->key_id),
		true);
}
