/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a token and as a key set: refused, or taken with all that was asked for. */
#include "crypto/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(const char *text, const struct jwt_keys *keys)
{
	static const struct jwt_rules rules = {
		.issuer = "issuer", .audience = "models", .leeway = 30, .now = 1800000000};
	AUTO(arena_release) struct arena arena = {0};
	struct err err = {0};
	const struct value *claims = jwt_check(&arena, text, keys, &rules, &err);

	if (claims ? !value_dict_get(claims, "exp")
		   : err.code != ERR_AUTH && err.code != ERR_NOTFOUND)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_keys secrets;
	struct jwt_keys keys = {0};
	autofree char *text = xstrndup((const char *)data, size);

	if (!secrets.count && jwt_keys_add_secret(&secrets,
				      "a secret of at least 32 bytes, for tests", NULL) < 0)
		abort();
	check_token(text, &secrets);
	if (jwt_keys_add_jwks(&keys, text, strlen(text), "fuzz", NULL) == 0)
		check_token(text, &keys);
	jwt_keys_release(&keys);
	return 0;
}
