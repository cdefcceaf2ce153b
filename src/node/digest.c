/* SPDX-License-Identifier: Apache-2.0 */
#include "node/digest.h"

#include <fcntl.h>

#include "base/fd.h"
#include "tree/hash.h"

#define CHUNK       65536u
#define ALGORITHMS  4
#define DIGEST_SIZE 32 /* bytes of the longest */

/* MD5 and SHA-1: blocks of 64 bytes, closed by a one, zeros, and the length in bits. */
struct block_digest {
	uint32_t state[5];
	uint64_t length;
	uint8_t block[64];
};

struct digest {
	const struct digest_algorithm *algorithm;
	union {
		struct block_digest blocks;
		struct sha256 sha256;
		struct tree_hash *xxh;
	};
};

struct digest_algorithm {
	const char *name;
	size_t size;
	void (*init)(struct digest *d);
	void (*add)(struct digest *d, const void *data, size_t n);
	void (*end)(struct digest *d, uint8_t *out);
};

static uint32_t rotate(uint32_t v, unsigned by)
{
	return v << by | v >> (32 - by);
}

static uint32_t get_le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint32_t get_be(const uint8_t *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[0] << 24;
}

/* The sines of RFC 1321, times 2^32. */
static const uint32_t md5_sines[64] = {0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee,
	0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1,
	0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
	0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6,
	0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60,
	0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5,
	0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3,
	0x8f0ccc92, 0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
	0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(uint32_t state[5], const uint8_t *block)
{
	static const uint8_t shifts[4][4] = {
		{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (unsigned i = 0; i < 64; i++) {
		const uint32_t f[4] = {
			(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)};
		const unsigned word[4] = {i, 5 * i + 1, 3 * i + 5, 7 * i};
		unsigned round = i / 16;
		uint32_t sum =
			a + f[round] + md5_sines[i] + get_le(block + 4 * (word[round] % 16));
		a = d;
		d = c;
		c = b;
		b += rotate(sum, shifts[round][i % 4]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static void sha1_block(uint32_t state[5], const uint8_t *block)
{
	static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (unsigned i = 0; i < 16; i++)
		w[i] = get_be(block + 4 * i);
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (unsigned i = 0; i < 80; i++) {
		const uint32_t f[4] = {
			(b & c) | (~b & d), b ^ c ^ d, (b & c) | (b & d) | (c & d), b ^ c ^ d};
		uint32_t sum = rotate(a, 5) + f[i / 20] + e + constants[i / 20] + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = sum;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

typedef void (*block_function)(uint32_t state[5], const uint8_t *block);

/* Both algorithms begin with the same words; MD5 has no fifth. */
static void blocks_init(struct digest *d)
{
	d->blocks = (struct block_digest){
		.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

static void blocks_add(struct block_digest *b, block_function f, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t have = b->length % 64, take = n < 64 - have ? n : 64 - have;
		memcpy(b->block + have, p, take);
		b->length += take;
		p += take;
		n -= take;
		if (b->length % 64 == 0)
			f(b->state, b->block);
	}
}

/* The byte of a number that a place of its little- or big-endian form has. */
static uint8_t byte_of(uint64_t v, unsigned place, unsigned size, bool big)
{
	return (uint8_t)(v >> 8 * (big ? size - 1 - place : place));
}

static void blocks_end(
	struct block_digest *b, block_function f, bool big, size_t size, uint8_t *out)
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = b->length * 8;
	uint8_t length[8];

	blocks_add(b, f, padding, 1 + (119 - b->length % 64) % 64);
	for (unsigned i = 0; i < 8; i++)
		length[i] = byte_of(bits, i, 8, big);
	blocks_add(b, f, length, 8);
	for (unsigned i = 0; i < size; i++)
		out[i] = byte_of(b->state[i / 4], i % 4, 4, big);
}

static void md5_add(struct digest *d, const void *data, size_t n)
{
	blocks_add(&d->blocks, md5_block, data, n);
}

static void md5_end(struct digest *d, uint8_t *out)
{
	blocks_end(&d->blocks, md5_block, false, 16, out);
}

static void sha1_add(struct digest *d, const void *data, size_t n)
{
	blocks_add(&d->blocks, sha1_block, data, n);
}

static void sha1_end(struct digest *d, uint8_t *out)
{
	blocks_end(&d->blocks, sha1_block, true, 20, out);
}

static void sha256_start(struct digest *d)
{
	sha256_init(&d->sha256);
}

static void sha256_more(struct digest *d, const void *data, size_t n)
{
	sha256_add(&d->sha256, data, n);
}

static void sha256_finish(struct digest *d, uint8_t *out)
{
	sha256_end(&d->sha256, out);
}

static void xxh_init(struct digest *d)
{
	d->xxh = tree_hash_new();
}

static void xxh_add(struct digest *d, const void *data, size_t n)
{
	tree_hash_add(d->xxh, data, n);
}

static void xxh_end(struct digest *d, uint8_t *out)
{
	tree_hash_get(d->xxh, out);
	tree_hash_free(d->xxh);
}

static const struct digest_algorithm algorithms[ALGORITHMS] = {
	{"md5", 16, blocks_init, md5_add, md5_end},
	{"sha1", 20, blocks_init, sha1_add, sha1_end},
	{"sha256", TREE_SHA256_SIZE, sha256_start, sha256_more, sha256_finish},
	{"xxh128", TREE_HASH_SIZE, xxh_init, xxh_add, xxh_end},
};

const struct digest_algorithm *digest_find(const char *name)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	}
	return NULL;
}

static void start(struct digest *d, const struct digest_algorithm *a)
{
	d->algorithm = a;
	a->init(d);
}

static void finish(struct digest *d, char out[DIGEST_HEX_MAX])
{
	uint8_t bytes[DIGEST_SIZE];

	d->algorithm->end(d, bytes);
	hex_encode(bytes, d->algorithm->size, out);
}

void digest_bytes(
	const struct digest_algorithm *a, const void *data, size_t n, char out[DIGEST_HEX_MAX])
{
	struct digest d;

	start(&d, a);
	a->add(&d, data, n);
	finish(&d, out);
}

int digest_fd(struct node_call *c, int fd, const struct digest_algorithm *const *which,
	size_t count, char (*out)[DIGEST_HEX_MAX], struct err *err)
{
	struct digest d[ALGORITHMS];
	uint8_t buffer[CHUNK];
	uint64_t at = 0;
	ssize_t got;

	for (size_t i = 0; i < count; i++)
		start(&d[i], which[i]);
	while ((got = fd_pread_full(fd, buffer, CHUNK, at)) > 0 && call_tick(c, err) == 0) {
		for (size_t i = 0; i < count; i++)
			which[i]->add(&d[i], buffer, (size_t)got);
		at += (uint64_t)got;
	}
	for (size_t i = 0; i < count; i++)
		finish(&d[i], out[i]);
	if (got < 0)
		return err_sys(err, "read");
	return got > 0 ? -1 : 0;
}
