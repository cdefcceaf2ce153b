/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, HMAC, PBKDF2 and base64 against the vectors of their RFCs (1321, 3174, 6234, 4231,
 * 4648) and, for PBKDF2-HMAC-SHA256, against Python's hashlib.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fd.h"
#include "crypto/hmac.h"

static const struct {
	enum digest_kind kind;
	const char *name;
	const char *abc;
} digests[] = {
	{DIGEST_MD5, "md5", "900150983cd24fb0d6963f7d28e17f72"},
	{DIGEST_SHA1, "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{DIGEST_SHA224, "sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
	{DIGEST_SHA256, "sha256",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{DIGEST_SHA384, "sha384",
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		"8086072ba1e7cc2358baeca134c825a7"},
	{DIGEST_SHA512, "sha512",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void test_digests(void **state)
{
	char hex[DIGEST_HEX_MAX];
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		assert_int_equal(digest_hex(digests[i].kind, "abc", 3, hex, &err), 0);
		assert_string_equal(hex, digests[i].abc);
		assert_int_equal(strlen(hex), 2 * digest_size(digests[i].kind));
		assert_string_equal(digest_name(digests[i].kind), digests[i].name);
	}
}

static void test_names(void **state)
{
	enum digest_kind kind;

	(void)state;
	assert_true(digest_by_name("sha512", &kind));
	assert_int_equal(kind, DIGEST_SHA512);
	assert_false(digest_by_name("SHA512", &kind));
	assert_false(digest_by_name("", &kind));
}

static void test_pieces(void **state)
{
	AUTO(digest_release) struct digest d = {0};
	unsigned char pieces[DIGEST_MAX], whole[DIGEST_MAX];
	struct err err = {0};

	(void)state;
	assert_int_equal(digest_init(&d, DIGEST_SHA256, &err), 0);
	digest_update(&d, "", 0);
	digest_update(&d, "ab", 2);
	digest_update(&d, "c", 1);
	digest_final(&d, pieces);
	assert_null(d.context);
	assert_int_equal(digest_data(DIGEST_SHA256, "abc", 3, whole, &err), 0);
	assert_memory_equal(pieces, whole, 32);
}

static void test_unfinished_is_released(void **state)
{
	AUTO(digest_release) struct digest d = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(digest_init(&d, DIGEST_MD5, &err), 0);
	digest_update(&d, "abc", 3);
}

static void test_descriptor(void **state)
{
	char name[] = "/tmp/test_digest_XXXXXX", block[1000];
	autofd int fd = mkstemp(name);
	unsigned char found[DIGEST_MAX], expected[DIGEST_MAX];
	AUTO(digest_release) struct digest d = {0};
	struct err err = {0};

	(void)state;
	unlink(name);
	memset(block, 'x', sizeof(block));
	assert_int_equal(digest_init(&d, DIGEST_SHA1, &err), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(fd_write_all(fd, block, sizeof(block)), 0);
		digest_update(&d, block, sizeof(block));
	}
	digest_final(&d, expected);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(digest_fd(DIGEST_SHA1, fd, found, &err), 0);
	assert_memory_equal(found, expected, 20);
	autofd int dir = open("/", O_RDONLY | O_DIRECTORY);
	assert_int_equal(digest_fd(DIGEST_SHA1, dir, found, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
}

static void test_hmac(void **state)
{
	unsigned char mac[DIGEST_MAX], key[131];
	char hex[DIGEST_HEX_MAX];
	struct err err = {0};

	(void)state;
	assert_int_equal(hmac_data(DIGEST_SHA256, "Jefe", 4, "what do ya want for nothing?", 28,
				 mac, &err),
		0);
	hex_encode(mac, 32, hex);
	assert_string_equal(
		hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(hmac_data(DIGEST_SHA256, key, sizeof(key),
				 "Test Using Larger Than Block-Size Key - Hash Key First", 54,
				 mac, &err),
		0);
	hex_encode(mac, 32, hex);
	assert_string_equal(
		hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_hmac_with_empty_key(void **state)
{
	unsigned char mac[DIGEST_MAX];
	char hex[DIGEST_HEX_MAX];
	struct err err = {0};

	(void)state;
	assert_int_equal(hmac_data(DIGEST_SHA256, NULL, 0, "", 0, mac, &err), 0);
	hex_encode(mac, 32, hex);
	assert_string_equal(
		hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_pbkdf2(void **state)
{
	unsigned char key[32];
	char hex[65];
	struct err err = {0};

	(void)state;
	assert_int_equal(
		pbkdf2(DIGEST_SHA256, "password", 8, "salt", 4, 4096, key, 32, &err), 0);
	hex_encode(key, 32, hex);
	assert_string_equal(
		hex, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(crypto_equal("abc", "abc", 3));
	assert_false(crypto_equal("abc", "abd", 3));
	assert_false(crypto_equal("abc", "xbc", 3));
	assert_true(crypto_equal("abc", "xyz", 0));
}

static void test_random(void **state)
{
	unsigned char a[32] = {0}, b[32] = {0}, zero[32] = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(crypto_random(a, sizeof(a), &err), 0);
	assert_int_equal(crypto_random(b, sizeof(b), &err), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));
}

static void test_base64(void **state)
{
	static const struct {
		const char *plain, *standard, *url;
	} cases[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"\xfb\xff\xbf", "+/+/", "-_-_"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, back = STRBUF_INIT;

		base64_encode(BASE64_STANDARD, cases[i].plain, strlen(cases[i].plain), &text);
		assert_string_equal(text.data, cases[i].standard);
		assert_true(base64_decode(BASE64_STANDARD, text.data, text.len, &back));
		assert_string_equal(back.data, cases[i].plain);
		strbuf_clear(&text);
		base64_encode(BASE64_URL, cases[i].plain, strlen(cases[i].plain), &text);
		assert_string_equal(text.data, cases[i].url);
		assert_true(base64_decode(BASE64_URL, text.data, text.len, &back));
	}
}

static void test_base64_refused(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Z*==", "Zg==Zg==", "=", "Zm9v=", "Zm-v", "Zm9\xc3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

		strbuf_addstr(&out, "kept");
		if (base64_decode(BASE64_STANDARD, bad[i], strlen(bad[i]), &out))
			fail_msg("%s was accepted", bad[i]);
		assert_string_equal(out.data, "kept");
	}
}

static void test_base64_white_space(void **state)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_true(base64_decode(BASE64_STANDARD, " Zm9v\n Yg =\t=\r\n", 15, &out));
	assert_string_equal(out.data, "foob");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_unfinished_is_released),
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hmac_with_empty_key),
		cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refused),
		cmocka_unit_test(test_base64_white_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
