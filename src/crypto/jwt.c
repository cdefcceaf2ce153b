/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/base64.h"
#include "crypto/hmac.h"
#include "crypto/jwt_private.h"
#include "value/json.h"

/* A token's three parts: header.claims.signature. */
struct parts {
	const char *text;
	size_t header, claims, signature; /* lengths */
};

static const char *const algorithms[] = {"HS256", "RS256", "ES256"};

enum jwt_algorithm jwt_algorithm(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(algorithms) && str_cmp0(name, algorithms[i]) != 0)
		i++;
	return (enum jwt_algorithm)i;
}

bool jwt_decode(const char *text, size_t n, struct strbuf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < n; i++)
		if (!text[i] || !strchr(digits, text[i]))
			return false;
	return base64_decode(BASE64_URL, text, n, out);
}

static int refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_AUTH, "the token %s", why);
}

/* ---- its form ---- */

static bool split(const char *token, struct parts *p)
{
	const char *first = strchr(token, '.');
	const char *second = first ? strchr(first + 1, '.') : NULL;

	if (!second || strchr(second + 1, '.') || strlen(token) > JWT_MAX)
		return false;
	*p = (struct parts){.text = token,
		.header = (size_t)(first - token),
		.claims = (size_t)(second - first - 1),
		.signature = strlen(second + 1)};
	return true;
}

/* A part as the JSON object that it has to be; NULL if it is none. */
static const struct value *read_part(struct arena *a, const char *text, size_t n)
{
	static const struct json_options options = {.duplicates_are_errors = true,
		.strict_numbers = true,
		.unsafe = true,
		.max_bytes = JWT_MAX,
		.max_depth = 16,
		.max_nodes = JWT_MAX};
	AUTO(strbuf_release) struct strbuf json = STRBUF_INIT;
	AUTO(diags_release) struct diags diags = {0};

	if (!jwt_decode(text, n, &json))
		return NULL;
	const struct value *v = json_read(a, json.data, json.len, NULL, &options, &diags, NULL);
	return v && v->kind == VALUE_DICT && !diags.errors ? v : NULL;
}

/* ---- its signature ---- */

static bool check_secret(
	const struct jwt_key *key, const char *text, size_t n, const struct strbuf *signature)
{
	unsigned char mac[DIGEST_MAX];
	size_t size = digest_size(DIGEST_SHA256);

	return signature->len == size &&
	       hmac_data(DIGEST_SHA256, key->secret, strlen(key->secret), text, n, mac, NULL) ==
		       0 &&
	       crypto_equal(mac, signature->data, size);
}

static bool check_public(
	EVP_PKEY *pkey, const char *text, size_t n, const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good =
		context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
		EVP_DigestVerify(context, signature, len, (const unsigned char *)text, n) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

/* A token's signature is two numbers of 32 bytes; libcrypto wants them as ASN.1. */
static bool check_curve(
	const struct jwt_key *key, const char *text, size_t n, const struct strbuf *signature)
{
	enum { HALF = 32 };
	const unsigned char *bytes = (const unsigned char *)signature->data;
	unsigned char *der = NULL;

	if (signature->len != (size_t)2 * HALF)
		return false;
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, HALF, NULL), *s = BN_bin2bn(bytes + HALF, HALF, NULL);
	bool good = numbers && r && s && ECDSA_SIG_set0(numbers, r, s) == 1;
	if (!good) {
		BN_free(r);
		BN_free(s);
	}
	int len = good ? i2d_ECDSA_SIG(numbers, &der) : -1;
	good = len > 0 && check_public(key->pkey, text, n, der, (size_t)len);
	OPENSSL_free(der);
	ECDSA_SIG_free(numbers);
	return good;
}

static bool check_rsa(
	const struct jwt_key *key, const char *text, size_t n, const struct strbuf *signature)
{
	return check_public(
		key->pkey, text, n, (const unsigned char *)signature->data, signature->len);
}

typedef bool (*check_fn)(
	const struct jwt_key *key, const char *text, size_t n, const struct strbuf *signature);

static const check_fn checks[] = {
	[JWT_HS256] = check_secret,
	[JWT_RS256] = check_rsa,
	[JWT_ES256] = check_curve,
};

/* Whether a key is one that may have signed what has this algorithm and id. */
static bool is_candidate(
	const struct jwt_key *key, enum jwt_algorithm algorithm, const char *id)
{
	return key->algorithm == algorithm && (!id || !key->id || strcmp(id, key->id) == 0);
}

static int check_signature(const struct parts *p, enum jwt_algorithm algorithm, const char *id,
	const struct jwt_keys *keys, struct err *err)
{
	AUTO(strbuf_release) struct strbuf signature = STRBUF_INIT;
	size_t signed_len = p->header + 1 + p->claims, candidates = 0;

	if (!jwt_decode(p->text + signed_len + 1, p->signature, &signature))
		return refuse(err, "has a signature that is no base64url");
	for (size_t i = 0; i < keys->count; i++) {
		const struct jwt_key *key = &keys->items[i];
		if (!is_candidate(key, algorithm, id))
			continue;
		candidates++;
		if (checks[algorithm](key, p->text, signed_len, &signature))
			return 0;
	}
	if (candidates == 0 && id)
		return err_set(err, ERR_NOTFOUND,
			"the token is signed by a key (kid) that is not known here");
	return refuse(err, candidates ? "is not signed by a key that is trusted here"
				      : "has an algorithm that is not configured here");
}

static int check_header(const struct value *header, const struct parts *p,
	const struct jwt_keys *keys, struct err *err)
{
	const struct value *id = value_dict_get(header, "kid");
	enum jwt_algorithm algorithm = jwt_algorithm(value_text(value_dict_get(header, "alg")));

	if (algorithm == JWT_UNKNOWN)
		return refuse(err, "has an algorithm (alg) other than HS256, RS256 and ES256");
	if (value_dict_get(header, "crit"))
		return refuse(err, "has extensions (crit) that are not known here");
	if (id && !value_is_string(id))
		return refuse(err, "has a key's id (kid) that is no text");
	return check_signature(p, algorithm, value_text(id), keys, err);
}

/* ---- its claims ---- */

/* A point in time, in seconds; false for what is no number. */
static bool read_date(const struct value *v, double *out)
{
	if (v->kind != VALUE_INT && v->kind != VALUE_FLOAT)
		return false;
	*out = v->kind == VALUE_INT ? (double)v->integer : v->real;
	return true;
}

static int check_times(
	const struct value *claims, const struct jwt_rules *rules, struct err *err)
{
	const struct value *expires = value_dict_get(claims, "exp");
	const struct value *begins = value_dict_get(claims, "nbf");
	double now = (double)rules->now, leeway = (double)rules->leeway, at;

	if (!expires)
		return refuse(err, "has no end (exp)");
	if (!read_date(expires, &at))
		return refuse(err, "has an end (exp) that is no number");
	if (!(now < at + leeway))
		return refuse(err, "has expired");
	if (begins && !read_date(begins, &at))
		return refuse(err, "has a beginning (nbf) that is no number");
	if (begins && !(now >= at - leeway))
		return refuse(err, "is not valid yet");
	return 0;
}

static bool names(const struct value *v, const char *wanted)
{
	return value_is_string(v) && strlen(v->text) == v->len && strcmp(v->text, wanted) == 0;
}

/* An audience is a text or a list of them. */
static bool has_audience(const struct value *v, const char *wanted)
{
	if (!v || v->kind != VALUE_LIST)
		return v && names(v, wanted);
	value_list_foreach (item, v)
		if (names(item, wanted))
			return true;
	return false;
}

static int check_claims(
	const struct value *claims, const struct jwt_rules *rules, struct err *err)
{
	const struct value *issuer = value_dict_get(claims, "iss");

	if (check_times(claims, rules, err) < 0)
		return -1;
	if (rules->issuer && !(issuer && names(issuer, rules->issuer)))
		return refuse(err, "is of another issuer (iss)");
	if (rules->audience && !has_audience(value_dict_get(claims, "aud"), rules->audience))
		return refuse(err, "is for another audience (aud)");
	return 0;
}

const struct value *jwt_check(struct arena *a, const char *token, const struct jwt_keys *keys,
	const struct jwt_rules *rules, struct err *err)
{
	struct parts p;

	if (!split(token, &p)) {
		refuse(err, "is no JSON Web Token");
		return NULL;
	}
	const struct value *header = read_part(a, token, p.header);
	const struct value *claims = read_part(a, token + p.header + 1, p.claims);
	if (!header || !claims) {
		refuse(err, "has a header or claims that are no JSON object");
		return NULL;
	}
	return check_header(header, &p, keys, err) < 0 || check_claims(claims, rules, err) < 0
		       ? NULL
		       : claims;
}
