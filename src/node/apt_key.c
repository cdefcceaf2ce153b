/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `apt_key`: keys that apt trusts, by Debian's apt-key. What a file or a text holds
 * is known by gpg, and keys are compared by the ids that both tell.
 */
#include "node/apt_key.h"

#include <ctype.h>

#define ID_SHORT  8
#define ID_LONG   16
#define FETCH_MAX 5 /* attempts at a server */

const struct node_arg apt_key_args[] = {
	{"data", ARG_CONTENT},
	{"file", ARG_TEXT},
	{"fetched", ARG_BOOL},
	{"id", ARG_TEXT},
	{"keyring", ARG_TEXT},
	{"keyserver", ARG_TEXT},
	{"state", ARG_TEXT},
	{"environment", ARG_DICT},
	{0},
};

/* ---- which key ---- */

static int read_work(struct apt_key_work *w, struct err *err)
{
	struct node_call *c = w->call;
	const char *state = call_text_or_null(c, "state");

	w->absent = state && strcmp(state, "absent") == 0;
	w->given = call_text_or_null(c, "id");
	w->keyserver = call_text_or_null(c, "keyserver");
	w->fetched = item_bool(c->args, "fetched", false);
	int has = call_content(c, "data", &w->data, err);
	w->has_data = has > 0;
	if (has < 0 || call_path_or_null(c, "file", &w->file, err) < 0 ||
		call_path_or_null(c, "keyring", &w->keyring, err) < 0)
		return -1;
	if (w->given && !*w->given)
		w->given = NULL;
	if (!w->given && w->keyserver)
		return err_set(err, ERR_INPUT, "Missing key_id, required with keyserver.");
	return tools_need(c, "apt-key", err) < 0 || tools_need(c, "gpg", err) < 0 ? -1 : 0;
}

/* The first key in what was given, or NULL; -1 with err, 1 when the failure was told. */
static int find_id(struct apt_key_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist keys = {0};

	if (w->given || (!w->file && !w->has_data))
		return 0;
	int result = apt_key_read(w, &keys, err);
	if (result == 0 && keys.count > 0)
		w->given = arena_strdup(w->call->arena, keys.items[0]);
	return result;
}

/* Tells which key it is; false when the id is none. */
static bool parse_id(struct apt_key_work *w)
{
	const char *id = w->given ? w->given : "";

	if (id[0] == '0' && (id[1] == 'x' || id[1] == 'X'))
		id += 2;
	size_t n = strlen(id);
	if (strspn(id, "0123456789abcdefABCDEF") != n || (n != ID_SHORT && n < ID_LONG))
		return false;
	char *upper = arena_strdup(w->call->arena, id);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	w->key_id = upper;
	w->short_id = upper + n - ID_SHORT;
	w->fingerprint = n > ID_LONG ? upper + n - ID_LONG : upper;
	return true;
}

/* ---- what apt trusts ---- */

/* Keys are told by the form of the id that was asked for. */
static int list_keys(struct apt_key_work *w, struct strlist *keys, struct err *err)
{
	int result = apt_key_list(w, keys, err);

	for (size_t i = 0; strlen(w->key_id) == ID_SHORT && i < keys->count; i++) {
		char *key = keys->items[i];
		size_t n = strlen(key);
		if (n > ID_SHORT)
			memmove(key, key + n - ID_SHORT, ID_SHORT + 1);
	}
	return result;
}

static void tell_keys(struct apt_key_work *w, const char *name, const struct strlist *keys)
{
	item_open_list(w->call->out, name);
	for (size_t i = 0; i < keys->count; i++)
		item_put_string(w->call->out, NULL, keys->items[i]);
	item_close(w->call->out);
}

/* What is known by now. */
static void tell(struct apt_key_work *w)
{
	struct item_writer *out = w->call->out;

	item_put_string(out, "id", w->given);
	if (w->key_id) {
		item_put_string(out, "short_id", w->short_id);
		item_put_string(out, "fp", w->fingerprint);
		item_put_string(out, "key_id", w->key_id);
	}
	if (w->listed)
		tell_keys(w, "before", &w->before);
	if (w->listed_again)
		tell_keys(w, "after", &w->after);
}

/* A failure that is no program's. */
static int refuse(struct apt_key_work *w, const char *msg)
{
	tell(w);
	return apt_key_fail(w, msg);
}

/* Brings the key, by whatever way it was given. */
static int add_key(struct apt_key_work *w, struct err *err)
{
	int result = 1;

	if (!w->keyserver)
		return apt_key_add(w, err);
	for (int i = 0; i < FETCH_MAX && result == 1; i++)
		result = apt_key_receive(w, i + 1 == FETCH_MAX, err);
	return result;
}

/* Makes it so, and looks whether it is. */
static int change(struct apt_key_work *w, struct err *err)
{
	int result = w->absent ? apt_key_delete(w, err) : add_key(w, err);

	if (result == 0)
		result = list_keys(w, &w->after, err);
	if (result != 0)
		return result;
	w->listed_again = true;
	if (strlist_has(&w->after, w->fingerprint) != w->absent)
		return 0;
	return refuse(
		w, arena_printf(w->call->arena,
			   "apt-key did not return an error, but %s (check that the id is "
			   "correct and *not* a subkey)",
			   w->absent ? "the key was not removed" : "failed to add the key"));
}

/* True when what would be added has not been sent. */
static bool is_missing(const struct apt_key_work *w)
{
	return !w->absent && !w->keyserver && !w->file && !w->has_data;
}

static int ensure(struct apt_key_work *w, struct err *err)
{
	bool need = false;
	int result = find_id(w, err);

	if (result != 0)
		return result;
	if (!parse_id(w))
		return refuse(w, "Invalid key_id");
	result = list_keys(w, &w->before, err);
	if (result != 0)
		return result;
	w->listed = true;
	bool changes = strlist_has(&w->before, w->fingerprint) == w->absent;
	if (changes && !w->call->check) {
		need = is_missing(w);
		if (need && w->fetched)
			return refuse(w, "No key to add ... how did i get here?!?!");
		result = need ? 0 : change(w, err);
	}
	if (result != 0)
		return result;
	item_put_bool(w->call->out, "changed", changes);
	if (need)
		item_put_bool(w->call->out, "need", true);
	tell(w);
	return 0;
}

int node_apt_key(struct node_call *c, struct err *err)
{
	struct apt_key_work w = {.call = c};
	int result = read_work(&w, err) < 0 || ensure(&w, err) < 0 ? -1 : 0;

	strlist_release(&w.before);
	strlist_release(&w.after);
	return result;
}
