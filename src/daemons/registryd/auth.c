/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/auth.h"

#include "base/fd.h"
#include "base/log.h"
#include "crypto/hmac.h"
#include "daemons/registryd/auth_private.h"
#include "daemons/service.h"

#define SECRET_MAX 4096u

void caller_free(struct caller *caller)
{
	if (caller)
		free(caller->name);
	free(caller);
}

struct caller *caller_new(const char *name, enum role role, const struct http_call *call)
{
	struct caller *caller = xcalloc(1, sizeof(*caller));

	caller->name = xstrdup(name);
	caller->role = role;
	http_call_client(call, caller->client);
	return caller;
}

/* ---- what is configured ---- */

static void release_rules(struct auth_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->keys[i].name);
	free(rules->keys);
	jwt_keys_release(&rules->secrets);
	free(rules->jwks);
	free(rules->issuer);
	free(rules->audience);
	free(rules->roles_claim);
	*rules = (struct auth_rules){0};
}

static void add_keys(struct auth_rules *rules, const struct settings_list *list)
{
	const struct config_key *from = list->items;

	rules->keys =
		xrealloc(rules->keys, rules->count + list->count + 1, sizeof(*rules->keys));
	for (size_t i = 0; i < list->count; i++) {
		struct api_key *key = &rules->keys[rules->count++];
		*key = (struct api_key){.name = xstrdup(from[i].name)};
		(void)role_read(from[i].role, &key->role);
		(void)parse_hex(from[i].sha256, key->digest, sizeof(key->digest));
	}
}

static int add_file(struct auth_rules *rules, const char *path, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(diags_release) struct diags diags = {0};
	struct settings_list keys;
	int rc = config_read_keys(&arena, path, &keys, &diags, err);

	if (service_findings(&diags, err) < 0 || rc < 0)
		return -1;
	add_keys(rules, &keys);
	return 0;
}

static int add_secret(struct auth_rules *rules, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf secret = STRBUF_INIT;

	if (config_check_mode(path, err) < 0 || file_read(path, SECRET_MAX, &secret, err) < 0)
		return -1;
	strbuf_rtrim(&secret);
	int rc = jwt_keys_add_secret(&rules->secrets, secret.data, err);
	mem_wipe(secret.data, secret.len);
	return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

static int read_rules(
	const struct registryd_config *c, struct auth_rules *rules, struct err *err)
{
	*rules = (struct auth_rules){.jwks = xstrdup(c->jwt.jwks),
		.issuer = xstrdup(c->jwt.issuer),
		.audience = xstrdup(c->jwt.audience),
		.roles_claim = xstrdup(c->jwt.roles_claim),
		.leeway = c->jwt.leeway,
		.refresh = c->jwt.refresh};
	add_keys(rules, &c->keys);
	if ((c->keys_file && add_file(rules, c->keys_file, err) < 0) ||
		(c->jwt.secret_file && add_secret(rules, c->jwt.secret_file, err) < 0)) {
		release_rules(rules);
		return -1;
	}
	return 0;
}

/* A key set that cannot be had now is no reason not to start: its owner may start later. */
static int read_publics(const struct auth *auth, const struct auth_rules *rules,
	struct jwt_keys *publics, struct err *err)
{
	*publics = (struct jwt_keys){0};
	if (!rules->jwks || auth_read_jwks(rules->jwks, &auth->cancel, publics, err) == 0)
		return 0;
	if (!strstr(rules->jwks, "://"))
		return -1;
	log_warning("tokens are not taken until their key set can be read: %s", err->text);
	return 0;
}

int auth_reload(struct auth *auth, const struct registryd_config *config, struct err *err)
{
	struct auth_rules rules;
	struct jwt_keys publics;

	if (read_rules(config, &rules, err) < 0)
		return -1;
	if (read_publics(auth, &rules, &publics, err) < 0) {
		release_rules(&rules);
		return -1;
	}
	pthread_mutex_lock(&auth->lock);
	release_rules(&auth->rules);
	jwt_keys_release(&auth->publics);
	auth->rules = rules;
	auth->publics = publics;
	pthread_cond_broadcast(&auth->changed);
	pthread_mutex_unlock(&auth->lock);
	return rules.jwks ? auth_keep_fresh(auth, err) : 0;
}

bool auth_is_configured(struct auth *auth)
{
	pthread_mutex_lock(&auth->lock);
	bool is = auth->rules.count || auth->rules.secrets.count || auth->rules.jwks;
	pthread_mutex_unlock(&auth->lock);
	return is;
}

/* ---- keys ---- */

/* Compares with every key, so that the time tells nothing. */
static struct caller *by_key(
	const struct auth_rules *rules, const char *said, const struct http_call *call)
{
	unsigned char digest[DIGEST_MAX];
	const struct api_key *found = NULL;

	if (digest_data(DIGEST_SHA256, said, strlen(said), digest, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < rules->count; i++)
		if (crypto_equal(digest, rules->keys[i].digest, sizeof(rules->keys[i].digest)))
			found = &rules->keys[i];
	return found ? caller_new(found->name, found->role, call) : NULL;
}

/* ---- tokens ---- */

static enum role higher(enum role so_far, const struct value *name)
{
	enum role role;

	return name && value_is_string(name) && role_read(name->text, &role) && role > so_far
		       ? role
		       : so_far;
}

/* The highest role of the claim, a text or a list; a token without any may read. */
static enum role claimed_role(const struct value *claim)
{
	enum role role = ROLE_READ;

	if (!claim || claim->kind != VALUE_LIST)
		return higher(role, claim);
	value_list_foreach (name, claim)
		role = higher(role, name);
	return role;
}

static const struct value *check_token(
	struct auth *auth, struct arena *arena, const char *token, struct err *err)
{
	const struct jwt_rules rules = {.issuer = auth->rules.issuer,
		.audience = auth->rules.audience,
		.leeway = auth->rules.leeway,
		.now = time(NULL)};
	struct err other = {0};
	const struct value *claims =
		jwt_check(arena, token, &auth->rules.secrets, &rules, &other);

	if (!auth->rules.jwks || claims) {
		if (!claims)
			*err = other;
		return claims;
	}
	claims = jwt_check(arena, token, &auth->publics, &rules, err);
	if (claims || err->code != ERR_NOTFOUND || !deadline_passed(auth->eager))
		return claims;
	auth->wanted = true;
	pthread_cond_broadcast(&auth->changed);
	err_set(err, ERR_BUSY, "the key set of tokens is being read again");
	return NULL;
}

static struct caller *by_token(
	struct auth *auth, const char *token, const struct http_call *call, struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	const struct value *claims = check_token(auth, &arena, token, err);

	if (!claims) {
		if (err->code == ERR_NOTFOUND)
			err->code = ERR_AUTH;
		return NULL;
	}
	const char *subject = value_text(value_dict_get(claims, "sub"));
	return caller_new(subject ? subject : "token",
		claimed_role(value_dict_get(claims, auth->rules.roles_claim)), call);
}

/* ---- callers ---- */

static struct caller *identify(struct auth *auth, const struct http_call *call, struct err *err)
{
	const char *key = http_call_header(call, "X-API-Key");
	const char *bearer = http_call_bearer(call);
	const struct auth_rules *rules = &auth->rules;

	if (!rules->count && !rules->secrets.count && !rules->jwks)
		return caller_new("local", ROLE_ADMIN, call);
	const char *said = key ? key : bearer;
	if (!said)
		return caller_new("anonymous", ROLE_NOBODY, call);
	struct caller *caller = by_key(rules, said, call);
	if (!caller && !key && (rules->secrets.count || rules->jwks))
		return by_token(auth, said, call, err);
	if (!caller)
		err_set(err, ERR_AUTH, "the key is not known here");
	return caller;
}

struct caller *auth_caller(struct auth *auth, const struct http_call *call, struct err *err)
{
	pthread_mutex_lock(&auth->lock);
	struct caller *caller = identify(auth, call, err);
	pthread_mutex_unlock(&auth->lock);
	return caller;
}

/* ---- start and end ---- */

struct auth *auth_new(const struct registryd_config *config, struct err *err)
{
	struct auth *auth = xcalloc(1, sizeof(*auth));
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&auth->lock, NULL);
	pthread_cond_init(&auth->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (cancel_init(&auth->cancel, err) < 0) {
		free(auth);
		return NULL;
	}
	if (auth_reload(auth, config, err) == 0)
		return auth;
	auth_free(auth);
	return NULL;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_lock(&auth->lock);
	auth->end = true;
	pthread_cond_broadcast(&auth->changed);
	pthread_mutex_unlock(&auth->lock);
	cancel_request(&auth->cancel);
	if (auth->started)
		pthread_join(auth->thread, NULL);
	release_rules(&auth->rules);
	jwt_keys_release(&auth->publics);
	cancel_release(&auth->cancel);
	pthread_cond_destroy(&auth->changed);
	pthread_mutex_destroy(&auth->lock);
	free(auth);
}
