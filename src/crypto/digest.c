/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <openssl/evp.h>

#include "base/fd.h"
#include "crypto/evp.h"

static const struct {
	const char *name;
	const EVP_MD *(*evp)(void);
	size_t size;
} kinds[] = {
	[DIGEST_MD5] = {"md5", EVP_md5, 16},
	[DIGEST_SHA1] = {"sha1", EVP_sha1, 20},
	[DIGEST_SHA224] = {"sha224", EVP_sha224, 28},
	[DIGEST_SHA256] = {"sha256", EVP_sha256, 32},
	[DIGEST_SHA384] = {"sha384", EVP_sha384, 48},
	[DIGEST_SHA512] = {"sha512", EVP_sha512, 64},
};

const EVP_MD *digest_evp(enum digest_kind kind)
{
	return kinds[kind].evp();
}

size_t digest_size(enum digest_kind kind)
{
	return kinds[kind].size;
}

const char *digest_name(enum digest_kind kind)
{
	return kinds[kind].name;
}

bool digest_by_name(const char *name, enum digest_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name)) {
			*kind = (enum digest_kind)i;
			return true;
		}
	return false;
}

int digest_init(struct digest *d, enum digest_kind kind, struct err *err)
{
	*d = (struct digest){.kind = kind, .context = EVP_MD_CTX_new()};
	if (d->context && EVP_DigestInit_ex(d->context, digest_evp(kind), NULL))
		return 0;
	digest_release(d);
	return err_set(err, ERR_UNSUPPORTED,
		"libcrypto refuses the digest %s; is it in FIPS mode?", digest_name(kind));
}

/*
 * Once begun, a software digest has no way to fail but a broken libcrypto: that is not
 * something a caller could handle.
 */
static void must(int ok)
{
	if (!ok)
		abort();
}

void digest_update(struct digest *d, const void *data, size_t n)
{
	must(EVP_DigestUpdate(d->context, data, n));
}

void digest_final(struct digest *d, void *out)
{
	must(EVP_DigestFinal_ex(d->context, out, NULL));
	digest_release(d);
}

void digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->context);
	d->context = NULL;
}

int digest_data(enum digest_kind kind, const void *data, size_t n, void *out, struct err *err)
{
	AUTO(digest_release) struct digest d = {0};

	if (digest_init(&d, kind, err) < 0)
		return -1;
	digest_update(&d, data, n);
	digest_final(&d, out);
	return 0;
}

int digest_hex(enum digest_kind kind, const void *data, size_t n, char *out, struct err *err)
{
	unsigned char bytes[DIGEST_MAX];

	if (digest_data(kind, data, n, bytes, err) < 0)
		return -1;
	hex_encode(bytes, digest_size(kind), out);
	return 0;
}

int digest_fd(enum digest_kind kind, int fd, void *out, struct err *err)
{
	AUTO(digest_release) struct digest d = {0};
	char buffer[64 * 1024];

	if (digest_init(&d, kind, err) < 0)
		return -1;
	for (;;) {
		ssize_t n = fd_read_full(fd, buffer, sizeof(buffer));

		if (n < 0)
			return err_sys(err, "read to compute a digest");
		if (n == 0)
			break;
		digest_update(&d, buffer, (size_t)n);
	}
	digest_final(&d, out);
	return 0;
}
