/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/secrets.h"

#include "base/vec.h"
#include "inventory/paths.h"

struct loading {
	struct secrets *secrets;
	const struct secrets_options *options;
	struct diags *diags;
	struct err failure; /* the last source that could not be read */
};

static int ask(struct loading *l, const char *id, bool plain, struct err *err)
{
	AUTO(vault_wipe) struct strbuf password = STRBUF_INIT;
	autofree char *question =
		plain ? xstrdup("Vault password") : xasprintf("Vault password (%s)", id);

	if (!l->options->prompt)
		return err_set(err, ERR_USAGE,
			"a vault password is to be asked for, but there is no terminal; name a "
			"password file");
	if (l->options->prompt(l->options->prompt_context, question, &password, err) < 0)
		return -1;
	return vault_secrets_add(&l->secrets->passwords, id, password.data, password.len, err);
}

/* A file's password; one that fails is noted and passed over. */
static void add_file(struct loading *l, const char *id, const char *path)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct err err = {0};

	if (vault_secrets_add_file(
		    &l->secrets->passwords, id, path_absolute(&scratch, path, NULL), &err) == 0)
		return;
	err_wrap(&err, "vault password file %s", path);
	diag_warning(l->diags, NULL, "%s", err.text);
	l->failure = err;
}

/* One identity: ID@SOURCE, or SOURCE for the default one. */
static int add_identity(struct loading *l, const char *identity, struct err *err)
{
	const char *at = strchr(identity, '@');
	const char *source = at ? at + 1 : identity;
	autofree char *id = at && at > identity ? xstrndup(identity, (size_t)(at - identity))
						: xstrdup(VAULT_DEFAULT_ID);

	if (!strcmp(source, "prompt") || !strcmp(source, "prompt_ask_vault_pass"))
		return ask(l, id, strcmp(source, "prompt") != 0, err);
	add_file(l, id, source);
	return 0;
}

static int add_identities(struct loading *l, struct err *err)
{
	const struct secrets_options *o = l->options;
	AUTO(strlist_release) struct strlist identities = {0};

	config_list(o->config, CONFIG_VAULT_IDENTITY_LIST, &identities);
	for (size_t i = 0; o->vault_ids && i < o->vault_ids->count; i++)
		strlist_add(&identities, o->vault_ids->items[i]);
	for (size_t i = 0; i < identities.count; i++)
		if (add_identity(l, identities.items[i], err) < 0)
			return -1;
	return 0;
}

int secrets_load(struct secrets *secrets, const struct secrets_options *options,
	struct diags *diags, struct err *err)
{
	struct loading l = {.secrets = secrets, .options = options, .diags = diags};
	const char *id = config_text(options->config, CONFIG_VAULT_IDENTITY);
	const char *file = config_text(options->config, CONFIG_VAULT_PASSWORD_FILE);

	secrets->match_id = config_bool(options->config, CONFIG_VAULT_ID_MATCH);
	if (add_identities(&l, err) < 0)
		return -1;
	for (size_t i = 0; options->password_files && i < options->password_files->count; i++)
		add_file(&l, id, options->password_files->items[i]);
	if (file)
		add_file(&l, id, file);
	if ((options->ask || config_bool(options->config, CONFIG_ASK_VAULT_PASS)) &&
		ask(&l, id, true, err) < 0)
		return -1;
	if (secrets->passwords.count > 0 || l.failure.code == ERR_NONE)
		return 0;
	if (err)
		*err = l.failure;
	return -1;
}

/* The id in an envelope's first line; format 1.1 has none. */
static char *envelope_id(const char *envelope, size_t len)
{
	const char *eol = memchr(envelope, '\n', len);
	size_t n = eol ? (size_t)(eol - envelope) : len;
	autofree char *header = xstrndup(envelope, n);
	char *field = header;

	for (int i = 0; i < 3 && field; i++) {
		field = strchr(field, ';');
		field = field ? field + 1 : NULL;
	}
	if (!field)
		return xstrdup(VAULT_DEFAULT_ID);
	return xstrndup(field, strcspn(field, "; \t\r"));
}

int secrets_decrypt(const struct secrets *secrets, const char *envelope, size_t len,
	struct strbuf *out, struct err *err)
{
	static const struct vault_secrets none = {0};
	struct vault_secrets same = {0};
	int rc;

	if (!secrets || !secrets->match_id)
		return vault_decrypt(
			envelope, len, secrets ? &secrets->passwords : &none, out, err);
	autofree char *id = envelope_id(envelope, len);
	for (size_t i = 0; i < secrets->passwords.count; i++)
		if (!strcmp(secrets->passwords.items[i].id, id))
			*VEC_PUSH(&same) = secrets->passwords.items[i];
	rc = vault_decrypt(envelope, len, &same, out, err);
	free(same.items); /* the passwords in it belong to `secrets` */
	return rc;
}

const struct value *secrets_open(const struct secrets *secrets, struct arena *arena,
	const struct value *vault, struct err *err)
{
	AUTO(vault_wipe) struct strbuf plain = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf place = STRBUF_INIT;
	struct value *made;

	if (secrets_decrypt(secrets, vault->text, vault->len, &plain, err) < 0) {
		place_format(&vault->place, &place);
		err_wrap(err, "%sencrypted value", place.data);
		return NULL;
	}
	made = value_new_stringn(arena, plain.data, plain.len);
	made->place = vault->place;
	return made;
}

static const struct value *reveal_list(const struct secrets *secrets, struct arena *arena,
	const struct value *list, struct err *err)
{
	struct value *made = value_new_list(arena);
	bool changed = false;

	made->kind = list->kind;
	made->place = list->place;
	for (size_t i = 0; i < list->count; i++) {
		const struct value *item = secrets_reveal(secrets, arena, list->items[i], err);
		if (!item)
			return NULL;
		changed = changed || item != list->items[i];
		value_list_add(arena, made, item);
	}
	return changed ? made : list;
}

static const struct value *reveal_dict(const struct secrets *secrets, struct arena *arena,
	const struct value *dict, struct err *err)
{
	struct value *made = value_new_dict(arena);
	bool changed = false;

	made->place = dict->place;
	value_dict_foreach (p, dict) {
		const struct value *item = secrets_reveal(secrets, arena, p->value, err);
		if (!item)
			return NULL;
		changed = changed || item != p->value;
		value_dict_set_value(arena, made, p->key, item);
	}
	return changed ? made : dict;
}

const struct value *secrets_reveal(const struct secrets *secrets, struct arena *arena,
	const struct value *value, struct err *err)
{
	switch (value->kind) {
	case VALUE_VAULT: return secrets_open(secrets, arena, value, err);
	case VALUE_LIST:
	case VALUE_TUPLE: return reveal_list(secrets, arena, value, err);
	case VALUE_DICT: return reveal_dict(secrets, arena, value, err);
	default: return value;
	}
}

void secrets_release(struct secrets *secrets)
{
	vault_secrets_release(&secrets->passwords);
}
