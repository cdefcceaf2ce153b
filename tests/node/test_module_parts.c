/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What modules are made of: modes, words, patterns, digests, paths behind links.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"
#include "node/attributes.h"
#include "node/connect.h"
#include "node/digest.h"
#include "node/pattern.h"
#include "node/resolve.h"
#include "node/words.h"

/* Answers of AnsibleModule._symbolic_mode_to_octal with a umask of 022. */
static void modes_are_read_as_ansible_reads_them(void **state)
{
	static const struct {
		const char *text;
		mode_t from, to;
	} cases[] = {
		{"0644", S_IFREG | 0777, 0644},
		{"644", S_IFREG | 0777, 0644},
		{"0o644", S_IFREG | 0777, 0644},
		{"4755", S_IFREG, 04755},
		{"u=rw,g=r,o=", S_IFREG | 0777, 0640},
		{"a+x", S_IFREG | 0640, 0751},
		{"+x", S_IFREG | 0640, 0751},
		{"+w", S_IFREG | 0444, 0644},
		{"=rw", S_IFREG | 0777, 0644},
		{"a=rX", S_IFREG | 0600, 0444},
		{"a=rX", S_IFREG | 0700, 0555},
		{"a=rX", S_IFDIR | 0600, 0555},
		{"u=rwX,g=rX,o=", S_IFDIR | 02777, 0750},
		{"g=u", S_IFREG | 0640, 0660},
		{"o=g-w", S_IFREG | 0660, 0664},
		{"u+s,g+s,o+t", S_IFREG | 0755, 07755},
		{"a+s", S_IFREG | 0755, 06755},
		{"u-s", S_IFREG | 06755, 02755},
		{"go-rwx", S_IFREG | 0777, 0700},
		{"u+r-w+x", S_IFREG | 0200, 0500},
		{"ug=rw,o=r", S_IFREG, 0664},
		{"u=g,g=u", S_IFREG | 0640, 0460},
		{"u=", S_IFREG | 04777, 0077},
	};
	static const char *const wrong[] = {"", "8", "77777", "rw", "u", "u*r", "x=r", "u=rwz",
		"u=r,", ",u=r", "0x1ff", "-1"};
	mode_t mode;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(mode_parse(cases[i].text, cases[i].from, 022, &mode, NULL), 0);
		if (mode != cases[i].to)
			fail_msg("%s of %o gives %o, not %o", cases[i].text, cases[i].from,
				mode, cases[i].to);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (mode_parse(wrong[i], S_IFREG, 022, &mode, NULL) == 0)
			fail_msg("\"%s\" is taken for a mode", wrong[i]);
	}
}

/* The words of a line, joined by "|"; "!" when it is refused. */
static char *words_of(struct arena *a, const char *line, const char *file)
{
	const char *const *words = words_split(a, line, file, NULL);
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; words && words[i]; i++)
		strbuf_addf(&b, "%s%s", i ? "|" : "", words[i]);
	if (!words)
		strbuf_addstr(&b, "!");
	return strbuf_detach(&b, NULL);
}

static void lines_are_cut_into_words(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"a b", "a|b"},
		{"  a\t b\n", "a|b"},
		{"visudo -cf %s", "visudo|-cf|/tmp/f"},
		{"date +%%H %s.x", "date|+%H|/tmp/f.x"},
		{"a 'b  c' \"d e\"", "a|b  c|d e"},
		{"'it'\\''s'", "it's"},
		{"\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"},
		{"a\\ b", "a b"},
		{"''", ""},
		{"'open", "!"},
		{"\"open", "!"},
		{"a \\", "!"},
		{"", "!"},
		{"  ", "!"},
	};
	AUTO(arena_release) struct arena arena = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *words = words_of(&arena, cases[i].line, "/tmp/f");
		assert_string_equal(words, cases[i].words);
	}
}

static void variables_are_expanded(void **state)
{
	static const char *const env[] = {"A=one", "B_2=two", "EMPTY=", NULL};
	static const char *const cases[][2] = {{"plain", "plain"}, {"$A", "one"},
		{"x${B_2}y$A", "xtwoyone"}, {"$EMPTY.", "."}, {"$NO/x", "$NO/x"},
		{"${NO}", "${NO}"}, {"${A", "${A"}, {"$", "$"}, {"$$A", "$one"},
		{"$A$", "one$"}};
	AUTO(arena_release) struct arena arena = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(
			words_expand(&arena, cases[i][0], (char *const *)(uintptr_t)env),
			cases[i][1]);
}

static void patterns_match(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{"", "", true},
		{"a", "a", true},
		{"a", "b", false},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abbbc", true},
		{"a*c", "abbb", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*ab", "aab", true},
		{"?", "a", true},
		{"?", "", false},
		{"[abc]", "b", true},
		{"[a-c]x", "bx", true},
		{"[!a-c]", "d", true},
		{"[!a-c]", "b", false},
		{"[]]", "]", true},
		{"[a", "[a", true},
		{"[a-]", "-", true},
		{"a\\*", "a\\x", true},
		{"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (pattern_match(cases[i].pattern, cases[i].name) != cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].name);
	}
}

static void patterns_find_files(void **state)
{
	static const struct {
		const char *pattern;
		bool exists;
	} cases[] = {{"d/f.txt", true}, {"d/*.txt", true}, {"*/f.*", true}, {"d/*.md", false},
		{"*/*/*", false}, {"d/", true}, {"d/f.txt/", false}, {"d/*hidden", false},
		{"d/.h*", true}, {"no/*", false}, {"dangling", true}, {"dang*", true}};
	const char *dir = *state;
	autofree char *sub = path_join(dir, "d"), *file = path_join(dir, "d/f.txt");
	autofree char *hidden = path_join(dir, "d/.hidden");
	autofree char *link = path_join(dir, "dangling");

	assert_int_equal(mkdir(sub, 0755), 0);
	scratch_write(file, "");
	scratch_write(hidden, "");
	assert_int_equal(symlink("nowhere", link), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *pattern = path_join(dir, cases[i].pattern);
		if (pattern_exists(pattern) != cases[i].exists)
			fail_msg("%s", cases[i].pattern);
	}
}

/* Test vectors of RFC 1321, RFC 3174 and FIPS 180-4. */
static void digests_are_those_of_the_standards(void **state)
{
	static const struct {
		const char *algorithm, *text, *digest;
	} cases[] = {
		{"md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
		{"md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"md5",
			"1234567890123456789012345678901234567890123456789012345678901234567890"
			"1234567890",
			"57edf4a22be3c955ac49da2e2107b67a"},
		{"sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"sha1", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
		{"sha256", "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	};
	char hex[DIGEST_HEX_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		digest_bytes(digest_find(cases[i].algorithm), cases[i].text,
			strlen(cases[i].text), hex);
		assert_string_equal(hex, cases[i].digest);
	}
	assert_null(digest_find("crc32"));
}

/* Lengths around the border of a block; the digests are coreutils'. */
static void digests_pad_every_length(void **state)
{
	static const struct {
		size_t n;
		const char *md5, *sha1;
	} cases[] = {
		{55, "ef1772b6dff9a122358552954ad0df65",
			"c1c8bbdc22796e28c0e15163d20899b65621d65a"},
		{56, "3b0c8ac703f828b04c6c197006d17218",
			"c2db330f6083854c99d4b5bfb6e8f29f201be699"},
		{64, "014842d480b571495a4a0363793f7367",
			"0098ba824b5c16427bd7a1122a5a442a25ec644d"},
	};
	char text[64], hex[DIGEST_HEX_MAX];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		digest_bytes(digest_find("md5"), text, cases[i].n, hex);
		assert_string_equal(hex, cases[i].md5);
		digest_bytes(digest_find("sha1"), text, cases[i].n, hex);
		assert_string_equal(hex, cases[i].sha1);
	}
}

static void paths_are_resolved_as_far_as_they_exist(void **state)
{
	const char *dir = *state;
	AUTO(arena_release) struct arena arena = {0};
	autofree char *real = realpath(dir, NULL);
	autofree char *link = path_join(dir, "link"), *circle = path_join(dir, "circle");
	autofree char *below = path_join(dir, "link/x/y");
	autofree char *want = path_join(real, "gone/x/y");

	assert_int_equal(symlink("gone", link), 0);
	assert_int_equal(symlink("circle", circle), 0);
	assert_string_equal(resolve_path(&arena, below), want);
	assert_string_equal(resolve_path(&arena, "/"), "/");
	assert_non_null(resolve_path(&arena, circle));
	assert_string_equal(resolve_link(&arena, link), "gone");
	assert_null(resolve_link(&arena, dir));
}

static void addresses_are_read(void **state)
{
	struct ip_address a, b;

	(void)state;
	assert_true(ip_parse("127.0.0.1", &a));
	assert_true(ip_parse("::ffff:127.0.0.1", &b));
	assert_true(ip_equal(&a, &b));
	assert_true(ip_parse("::1", &b));
	assert_false(ip_equal(&a, &b));
	assert_true(ip_parse("fe80::1%lo", &a));
	assert_int_not_equal(a.scope, 0);
	assert_false(ip_parse("localhost", &a));
	assert_false(ip_parse("", &a));
	assert_false(ip_parse("1.2.3", &a));
}

int main(void)
{
#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_are_read_as_ansible_reads_them),
		cmocka_unit_test(lines_are_cut_into_words),
		cmocka_unit_test(variables_are_expanded),
		cmocka_unit_test(patterns_match),
		SCRATCH_TEST(patterns_find_files),
		cmocka_unit_test(digests_are_those_of_the_standards),
		cmocka_unit_test(digests_pad_every_length),
		SCRATCH_TEST(paths_are_resolved_as_far_as_they_exist),
		cmocka_unit_test(addresses_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
