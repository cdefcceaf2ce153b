/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of tokens: secrets, and sets of public keys (RFC 7517, RFC 7518 section 6). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/vec.h"
#include "crypto/jwt_private.h"
#include "value/json.h"

#define RSA_MIN        2048 /* bits: RFC 7518, section 3.3 */
#define COORDINATE     32   /* bytes of P-256 */
#define CURVE          "P-256"
#define CURVE_LIBCRYPT "prime256v1"

int jwt_keys_add_secret(struct jwt_keys *keys, const char *secret, struct err *err)
{
	if (strlen(secret) < JWT_SECRET_MIN)
		return err_set(err, ERR_INPUT, "a secret of HS256 has %u bytes or more",
			JWT_SECRET_MIN);
	*VEC_PUSH(keys) = (struct jwt_key){.algorithm = JWT_HS256, .secret = xstrdup(secret)};
	return 0;
}

void jwt_keys_release(struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct jwt_key *key = &keys->items[i];
		if (key->secret)
			mem_wipe(key->secret, strlen(key->secret));
		free(key->secret);
		free(key->id);
		EVP_PKEY_free(key->pkey);
	}
	free(keys->items);
	*keys = (struct jwt_keys){0};
}

/* ---- numbers of libcrypto ---- */

/* A public key of what was built; NULL if it is none. Frees the builder. */
static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params && context && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return pkey;
}

/* Whether a public key is a sound one, e.g. a point of its curve. */
static bool is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *context = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
	bool sound = context && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return sound;
}

static bool member(const struct value *jwk, const char *name, struct strbuf *out)
{
	const struct value *v = value_dict_get(jwk, name);

	return v && value_is_string(v) && jwt_decode(v->text, v->len, out) && out->len > 0;
}

static EVP_PKEY *read_rsa(const struct value *jwk)
{
	AUTO(strbuf_release) struct strbuf n = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf e = STRBUF_INIT;

	if (!member(jwk, "n", &n) || !member(jwk, "e", &e) || n.len > 2048 || e.len > 8)
		return NULL;
	BIGNUM *modulus = BN_bin2bn((unsigned char *)n.data, (int)n.len, NULL);
	BIGNUM *exponent = BN_bin2bn((unsigned char *)e.data, (int)e.len, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;
	if (builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		pkey = build("RSA", STEAL(builder));
	OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
	if (pkey && EVP_PKEY_get_bits(pkey) < RSA_MIN) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

static EVP_PKEY *read_curve(const struct value *jwk)
{
	AUTO(strbuf_release) struct strbuf x = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf y = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf point = STRBUF_INIT;

	if (str_cmp0(value_text(value_dict_get(jwk, "crv")), CURVE) != 0 ||
		!member(jwk, "x", &x) || !member(jwk, "y", &y) || x.len != COORDINATE ||
		y.len != COORDINATE)
		return NULL;
	strbuf_addch(&point, 4); /* both coordinates, uncompressed */
	strbuf_add(&point, x.data, x.len);
	strbuf_add(&point, y.data, y.len);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;
	if (builder &&
		OSSL_PARAM_BLD_push_utf8_string(
			builder, OSSL_PKEY_PARAM_GROUP_NAME, CURVE_LIBCRYPT, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(
			builder, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) == 1)
		pkey = build("EC", STEAL(builder));
	OSSL_PARAM_BLD_free(builder);
	return pkey;
}

/* ---- sets ---- */

static const struct {
	const char *type;
	enum jwt_algorithm algorithm;
	EVP_PKEY *(*read)(const struct value *jwk);
} types[] = {
	{"RSA", JWT_RS256, read_rsa},
	{"EC", JWT_ES256, read_curve},
};

/* Whether a member, if it is there, has the only value that is of use. */
static bool suits(const struct value *jwk, const char *name, const char *value)
{
	const struct value *v = value_dict_get(jwk, name);

	return !v || str_cmp0(value_text(v), value) == 0;
}

static void add_key(struct jwt_keys *keys, const struct value *jwk)
{
	const char *type = value_text(value_dict_get(jwk, "kty"));
	const char *algorithm = value_text(value_dict_get(jwk, "alg"));

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (str_cmp0(type, types[i].type) != 0 || !suits(jwk, "use", "sig") ||
			(algorithm && jwt_algorithm(algorithm) != types[i].algorithm))
			continue;
		EVP_PKEY *pkey = types[i].read(jwk);
		if (!is_sound(pkey)) {
			EVP_PKEY_free(pkey);
			return;
		}
		*VEC_PUSH(keys) = (struct jwt_key){.algorithm = types[i].algorithm,
			.id = xstrdup(value_text(value_dict_get(jwk, "kid"))),
			.pkey = pkey};
	}
}

int jwt_keys_add_jwks(
	struct jwt_keys *keys, const char *text, size_t n, const char *file, struct err *err)
{
	static const struct json_options options = {.strict_numbers = true,
		.unsafe = true,
		.max_bytes = JWT_JWKS_MAX,
		.max_depth = 16};
	AUTO(arena_release) struct arena arena = {0};
	const struct value *v = json_read(&arena, text, n, file, &options, NULL, err);
	const struct value *list = v ? value_dict_get(v, "keys") : NULL;
	size_t before = keys->count;

	if (!v)
		return -1;
	if (!list || list->kind != VALUE_LIST || list->count > JWT_KEYS_MAX)
		return err_set(err, ERR_INPUT,
			"%s: a key set is an object with a list \"keys\" of at most %u", file,
			JWT_KEYS_MAX);
	value_list_foreach (jwk, list)
		add_key(keys, jwk);
	if (keys->count > before)
		return 0;
	return err_set(err, ERR_INPUT,
		"%s: no key in it is for RS256 (RSA, %d bits or more) or ES256 (" CURVE ")",
		file, RSA_MIN);
}
