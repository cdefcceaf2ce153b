/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random and shuffle. With a seed they give what Python's random.Random(seed) gives: the
 * Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by an array of words.
 */
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "template/access.h"
#include "template/args.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"

#define MT_WORDS 624
#define MT_SHIFT 397

struct twister {
	uint32_t words[MT_WORDS];
	size_t next;
	bool seeded; /* without a seed, numbers come from the system */
};

static void seed_word(struct twister *t, uint32_t seed)
{
	t->words[0] = seed;
	for (uint32_t i = 1; i < MT_WORDS; i++)
		t->words[i] = 1812433253u * (t->words[i - 1] ^ (t->words[i - 1] >> 30)) + i;
	t->next = MT_WORDS;
}

static void seed_array(struct twister *t, const uint32_t *key, size_t count)
{
	size_t i = 1;
	size_t n = count > MT_WORDS ? count : MT_WORDS;

	seed_word(t, 19650218u);
	for (size_t k = 0, j = 0; k < n; k++) {
		uint32_t last = t->words[i - 1] ^ (t->words[i - 1] >> 30);
		t->words[i] = (t->words[i] ^ (last * 1664525u)) + key[j] + (uint32_t)j;
		if (++i >= MT_WORDS) {
			t->words[0] = t->words[MT_WORDS - 1];
			i = 1;
		}
		j = j + 1 >= count ? 0 : j + 1;
	}
	for (size_t k = 0; k < MT_WORDS - 1; k++) {
		uint32_t last = t->words[i - 1] ^ (t->words[i - 1] >> 30);
		t->words[i] = (t->words[i] ^ (last * 1566083941u)) - (uint32_t)i;
		if (++i >= MT_WORDS) {
			t->words[0] = t->words[MT_WORDS - 1];
			i = 1;
		}
	}
	t->words[0] = 0x80000000u;
}

static void refill(struct twister *t)
{
	for (size_t i = 0; i < MT_WORDS; i++) {
		uint32_t y = (t->words[i] & 0x80000000u) |
			     (t->words[(i + 1) % MT_WORDS] & 0x7fffffffu);
		t->words[i] = t->words[(i + MT_SHIFT) % MT_WORDS] ^ (y >> 1) ^
			      (y & 1 ? 0x9908b0dfu : 0);
	}
	t->next = 0;
}

static uint32_t next_word(struct twister *t)
{
	uint32_t y;

	if (!t->seeded) {
		crypto_random(&y, sizeof(y), NULL);
		return y;
	}
	if (t->next >= MT_WORDS)
		refill(t);
	y = t->words[t->next++];
	y ^= y >> 11;
	y ^= (y << 7) & 0x9d2c5680u;
	y ^= (y << 15) & 0xefc60000u;
	return y ^ (y >> 18);
}

/* getrandbits(k) for 1 <= k <= 64: low words first. */
static uint64_t random_bits(struct twister *t, unsigned k)
{
	uint64_t low = next_word(t);

	if (k <= 32)
		return low >> (32 - k);
	uint64_t high = next_word(t);
	return low | (high >> (64 - k)) << 32;
}

/* A number below n > 0, by drawing until one is. */
static uint64_t random_below(struct twister *t, uint64_t n)
{
	unsigned bits = 0;
	uint64_t r;

	for (uint64_t rest = n; rest; rest >>= 1)
		bits++;
	do {
		r = random_bits(t, bits);
	} while (r >= n);
	return r;
}

/* Big-endian bytes as words, the lowest first, as Python turns an integer into a key. */
static void seed_bytes(struct twister *t, const uint8_t *bytes, size_t n)
{
	size_t count = (n + 3) / 4;
	uint32_t *key = xcalloc(count ? count : 1, sizeof(*key));

	for (size_t i = 0; i < n; i++)
		key[i / 4] |= (uint32_t)bytes[n - 1 - i] << (8 * (i % 4));
	while (count > 1 && key[count - 1] == 0)
		count--;
	seed_array(t, key, count ? count : 1);
	free(key);
}

/* Random(seed): of a text, its bytes and their SHA-512; of an integer, its magnitude. */
static int seed_twister(struct args *a, size_t argument, struct twister *t, struct err *err)
{
	int64_t i;

	*t = (struct twister){.seeded = arg_given(a, argument)};
	if (!t->seeded)
		return 0;
	if (number_int64(a->v[argument], &i)) {
		uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
		uint8_t bytes[8];
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)(u >> (56 - 8 * j));
		seed_bytes(t, bytes, sizeof(bytes));
		return 0;
	}
	const struct value *text = arg_string(a, argument, "", err);
	AUTO(strbuf_release) struct strbuf data = STRBUF_INIT;
	uint8_t digest[DIGEST_MAX];
	if (!text || digest_data(DIGEST_SHA512, text->text, text->len, digest, err) < 0)
		return -1;
	strbuf_add(&data, text->text, text->len);
	strbuf_add(&data, digest, digest_size(DIGEST_SHA512));
	seed_bytes(t, (const uint8_t *)data.data, data.len);
	return 0;
}

static const struct value *random_number(
	struct args *a, struct twister *t, int64_t end, struct err *err)
{
	int64_t start, step;

	if (arg_int(a, 0, 0, &start, err) < 0 || arg_int(a, 1, 1, &step, err) < 0)
		return NULL;
	if (step == 0)
		step = 1;
	int64_t width;
	if (step < 0 || __builtin_sub_overflow(end, start, &width) || width <= 0)
		return args_fail(a, err, "the range is empty");
	uint64_t count = ((uint64_t)width - 1) / (uint64_t)step + 1;
	return value_new_int(a->ev->arena, start + (int64_t)random_below(t, count) * step);
}

static const struct value *filter_random(struct args *a, struct err *err)
{
	struct twister t;
	int64_t end;

	if (seed_twister(a, 2, &t, err) < 0)
		return NULL;
	if (number_int64(a->self, &end))
		return random_number(a, &t, end, err);
	if (arg_given(a, 0) || arg_given(a, 1))
		return args_fail(a, err, "start and step can only be used with integer values");
	const struct value *list = iter_sequence(a->ev, a->self, err);
	if (!list)
		return NULL;
	if (list->count == 0)
		return args_fail(a, err, "cannot choose from an empty sequence");
	return list_item(a->ev, list, (size_t)random_below(&t, list->count), err);
}

static const struct value *filter_shuffle(struct args *a, struct err *err)
{
	struct twister t;
	struct value *list = iter_list(a->ev, a->self, err);

	if (!list || seed_twister(a, 0, &t, err) < 0)
		return NULL;
	for (size_t i = list->count; i > 1; i--) {
		size_t j = (size_t)random_below(&t, i);
		const struct value *swap = list->items[i - 1];
		list->items[i - 1] = list->items[j];
		list->items[j] = swap;
	}
	return list;
}

static const struct callable entries[] = {
	{"random", filter_random, "start step seed", 0},
	{"shuffle", filter_shuffle, "seed", 0},
};

CALLABLES(filters_random, entries);
