/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Tokens of another maker (make_jwt.py): taken, or refused for the right reason. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "crypto/jwt.h"
#include "base/strmap.h"

#define SECRET "a secret of at least 32 bytes, for tests"
#define NOW    1800000000

static struct jwt_keys secrets, publics;
static struct strmap tokens;
static struct strbuf token_text = STRBUF_INIT, key_text = STRBUF_INIT;
static struct arena arena;
static struct err err;

static int prepare(void **state)
{
	AUTO(strlist_release) struct strlist lines = {0};

	(void)state;
	if (jwt_keys_add_secret(&secrets, SECRET, &err) < 0 ||
		file_read("jwt/keys.json", JWT_JWKS_MAX, &key_text, &err) < 0 ||
		jwt_keys_add_jwks(&publics, key_text.data, key_text.len, "keys.json", &err) <
			0 ||
		file_read("jwt/tokens.txt", 1 << 20, &token_text, &err) < 0)
		return -1;
	strlist_split(&lines, token_text.data, "\n");
	for (size_t i = 0; i < lines.count; i++) {
		char *space = strchr(lines.items[i], ' ');
		*space = '\0';
		strmap_set(&tokens, lines.items[i], xstrdup(space + 1));
	}
	return 0;
}

static int clean(void **state)
{
	(void)state;
	strmap_release(&tokens, free);
	strbuf_release(&token_text);
	strbuf_release(&key_text);
	jwt_keys_release(&secrets);
	jwt_keys_release(&publics);
	arena_release(&arena);
	return 0;
}

static const struct value *check(const char *name, const struct jwt_keys *keys)
{
	const struct jwt_rules rules = {
		.issuer = "issuer", .audience = "models", .leeway = 30, .now = NOW};
	const char *token = strmap_get(&tokens, name);

	if (!token)
		fail_msg("there is no token %s", name);
	err_clear(&err);
	return jwt_check(&arena, token, keys, &rules, &err);
}

static void expect_good(const char *name, const struct jwt_keys *keys)
{
	const struct value *claims = check(name, keys);

	if (!claims)
		fail_msg("%s: %s", name, err.text);
	assert_string_equal(value_text(value_dict_get(claims, "sub")), "ada");
	assert_string_equal(value_text(value_dict_get(claims, "roles")->items[0]), "write");
}

struct refusal {
	const char *name, *why;
};

static void expect_refused(const struct refusal *r, size_t n, const struct jwt_keys *keys)
{
	for (size_t i = 0; i < n; i++) {
		if (check(r[i].name, keys))
			fail_msg("%s is taken", r[i].name);
		if (!strstr(err.text, r[i].why))
			fail_msg("%s: %s", r[i].name, err.text);
		assert_int_equal(err.code,
			strcmp(r[i].why, "is not known here") == 0 ? ERR_NOTFOUND : ERR_AUTH);
	}
}

static void tokens_of_the_secret_are_taken(void **state)
{
	static const char *const names[] = {"good", "good-audience-list", "good-kid",
		"good-not-before", "good-expired-within-leeway", "good-fraction"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_good(names[i], &secrets);
}

static void others_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{"expired", "has expired"},
		{"not-yet", "is not valid yet"},
		{"no-end", "has no end (exp)"},
		{"end-is-text", "has an end (exp) that is no number"},
		{"begin-is-text", "has a beginning (nbf) that is no number"},
		{"issuer", "is of another issuer"},
		{"no-issuer", "is of another issuer"},
		{"audience", "is for another audience"},
		{"audience-list", "is for another audience"},
		{"no-audience", "is for another audience"},
		{"wrong-secret", "is not signed by a key that is trusted here"},
		{"changed-claims", "is not signed by a key that is trusted here"},
		{"no-signature", "is not signed by a key that is trusted here"},
		{"hs512", "has an algorithm (alg) other than"},
		{"none", "has an algorithm (alg) other than"},
		{"none-with-signature", "has an algorithm (alg) other than"},
		{"no-alg", "has an algorithm (alg) other than"},
		{"crit", "has extensions (crit)"},
		{"kid-is-number", "has a key's id (kid) that is no text"},
		{"alg-twice", "no JSON object"},
		{"claims-are-a-list", "no JSON object"},
		{"claims-are-no-json", "no JSON object"},
		{"padded", "no base64url"},
		{"odd-characters", "no base64url"},
		{"two-parts", "is no JSON Web Token"},
		{"four-parts", "is no JSON Web Token"},
		{"rs256-no-kid", "has an algorithm that is not configured here"},
	};

	(void)state;
	expect_refused(cases, ARRAY_SIZE(cases), &secrets);
}

static void tokens_of_public_keys_are_taken(void **state)
{
	(void)state;
	expect_good("rs256", &publics);
	expect_good("rs256-no-kid", &publics);
	expect_good("es256", &publics);
}

static void tokens_of_other_keys_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{"rs256-as-es256-kid", "is not known here"},
		{"rs256-unknown-kid", "is not known here"},
		{"small-rsa", "is not known here"},
		{"rs256-stranger", "is not signed by a key that is trusted here"},
		{"rs256-stranger-no-kid", "is not signed by a key that is trusted here"},
		{"rs384", "has an algorithm (alg) other than"},
		{"ps256", "has an algorithm (alg) other than"},
		{"es384", "has an algorithm (alg) other than"},
		{"public-key-as-secret", "is not known here"},
		{"good", "has an algorithm that is not configured here"},
	};

	(void)state;
	expect_refused(cases, ARRAY_SIZE(cases), &publics);
}

/* Of nine keys only an RSA key of 2048 bits and one point of P-256 are for signatures here. */
static void only_sound_keys_of_a_set_count(void **state)
{
	(void)state;
	assert_int_equal(publics.count, 2);
}

static void a_set_without_keys_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{"", "expected"},
		{"{}", "a key set is an object"},
		{"[]", "a key set is an object"},
		{"{\"keys\": {}}", "a key set is an object"},
		{"{\"keys\": []}", "no key in it"},
		{"{\"keys\": [1, null, {}, {\"kty\": \"RSA\"}]}", "no key in it"},
		{"{\"keys\": [{\"kty\": \"RSA\", \"n\": \"AA\", \"e\": \"AQAB\"}]}",
			"no key in it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct jwt_keys keys = {0};
		err_clear(&err);
		assert_int_equal(jwt_keys_add_jwks(&keys, cases[i].name, strlen(cases[i].name),
					 "set.json", &err),
			-1);
		assert_int_equal(keys.count, 0);
		if (i > 0 && !strstr(err.text, cases[i].why))
			fail_msg("%s: %s", cases[i].name, err.text);
		assert_non_null(strstr(err.text, "set.json"));
	}
}

static void a_short_secret_is_refused(void **state)
{
	struct jwt_keys keys = {0};

	(void)state;
	assert_int_equal(
		jwt_keys_add_secret(&keys, "0123456789012345678901234567890", &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(strstr(err.text, "0123"));
	assert_int_equal(keys.count, 0);
}

static void a_long_token_is_refused(void **state)
{
	autofree char *token = xmalloc(JWT_MAX + 2);

	(void)state;
	memset(token, 'a', JWT_MAX + 1);
	token[JWT_MAX + 1] = '\0';
	token[10] = token[20] = '.';
	assert_null(jwt_check(&arena, token, &secrets, &(struct jwt_rules){.now = NOW}, &err));
	assert_string_equal(err.text, "the token is no JSON Web Token");
}

static void issuer_and_audience_are_asked_for_only_where_configured(void **state)
{
	static const char *const names[] = {"issuer", "audience", "no-issuer", "no-audience"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(jwt_check(&arena, strmap_get(&tokens, names[i]), &secrets,
			&(struct jwt_rules){.now = NOW}, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_of_the_secret_are_taken),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(tokens_of_public_keys_are_taken),
		cmocka_unit_test(tokens_of_other_keys_are_refused),
		cmocka_unit_test(only_sound_keys_of_a_set_count),
		cmocka_unit_test(a_set_without_keys_is_refused),
		cmocka_unit_test(a_short_secret_is_refused),
		cmocka_unit_test(a_long_token_is_refused),
		cmocka_unit_test(issuer_and_audience_are_asked_for_only_where_configured),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
