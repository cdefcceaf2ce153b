/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module unarchive over archives that nobody should trust: whatever their members are
 * called and wherever links lead, nothing outside of the destination is made or changed.
 */
#include "node/module_call.h"
#include "node/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"

#define BLOCK     512
#define FILE_TYPE '0'
#define HARD_LINK '1'
#define LINK_TYPE '2'
#define FIFO_TYPE '6'

struct member {
	const char *name;
	char type;
	const char *text; /* a file's content, a link's target */
};

struct hostile {
	const char *what;
	struct member members[4];
	const char *refusal; /* in the error's text; NULL: it is unpacked */
	const char *made;    /* a path below the destination that is there then; or NULL */
};

static const struct hostile archives[] = {
	{"a name that climbs", {{"../out", FILE_TYPE, "x"}}, "leads out of", NULL},
	{"a name that climbs in its middle", {{"a/../../out", FILE_TYPE, "x"}}, "leads out of",
		NULL},
	{"a good member before one that climbs",
		{{"good", FILE_TYPE, "x"}, {"a/..", FILE_TYPE, "x"}}, "leads out of", NULL},
	{"an absolute name", {{"/top/file", FILE_TYPE, "x"}}, NULL, "top/file"},
	{"a way through a link that is there", {{"way/file", FILE_TYPE, "x"}}, "by a link",
		NULL},
	{"a way through a link that it brings",
		{{"own", LINK_TYPE, "../outside"}, {"own/secret", FILE_TYPE, "x"}},
		"failed to unpack", NULL},
	{"a link out of it, and nothing more", {{"own", LINK_TYPE, "../outside/secret"}}, NULL,
		"own"},
	{"a second name of a file outside, and content for it",
		{{"own", HARD_LINK, "../outside/secret"}, {"own", FILE_TYPE, "x"}},
		"failed to unpack", NULL},
	{"a name like an option", {{"--checkpoint-action=exec=touch out", FILE_TYPE, "x"}},
		NULL, "--checkpoint-action=exec=touch out"},
	{"names of odd bytes",
		{{"new\nline", FILE_TYPE, "x"}, {"back\\slash\\101", FILE_TYPE, "x"},
			{"\"quoted\" 'twice'", FILE_TYPE, "x"},
			{"\x01\xff*[a]", FILE_TYPE, "x"}},
		NULL, "new\nline"},
	{"a pipe", {{"pipe", FIFO_TYPE, ""}}, NULL, "pipe"},
	{"a file and below it a file", {{"a", FILE_TYPE, "x"}, {"a/b", FILE_TYPE, "x"}},
		"failed to unpack", NULL},
};

/* An octal number that ends with a NUL in the field's last byte. */
static void add_number(char *field, size_t width, unsigned long value)
{
	for (size_t i = width - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

/* Appends a member in the format of POSIX (ustar). */
static void add_member(struct strbuf *tar, const struct member *m)
{
	char head[BLOCK] = {0};
	size_t size = m->type == FILE_TYPE ? strlen(m->text) : 0;
	unsigned long sum = 0;

	memcpy(head, m->name, strlen(m->name));
	add_number(head + 100, 8, 0644);
	add_number(head + 108, 8, getuid());
	add_number(head + 116, 8, getgid());
	add_number(head + 124, 12, size);
	add_number(head + 136, 12, 1600000000);
	memset(head + 148, ' ', 8);
	head[156] = m->type;
	if (m->type == HARD_LINK || m->type == LINK_TYPE)
		memcpy(head + 157, m->text, strlen(m->text));
	memcpy(head + 257,
		"ustar\0"
		"00",
		8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)head[i];
	add_number(head + 148, 7, sum);
	strbuf_add(tar, head, BLOCK);
	char content[BLOCK] = {0};
	memcpy(content, m->text, size);
	strbuf_add(tar, content, size ? BLOCK : 0);
}

static void write_archive(const struct world *w, const struct member *members, size_t count)
{
	AUTO(strbuf_release) struct strbuf tar = STRBUF_INIT;
	static const char end[2 * BLOCK];
	autofree char *path = path_join(w->dir, "archive.tar");

	for (size_t i = 0; i < count && members[i].name; i++)
		add_member(&tar, &members[i]);
	strbuf_add(&tar, end, sizeof(end));
	assert_int_equal(file_replace(path, tar.data, tar.len, 0644, NULL), 0);
}

/* A fresh destination with a link that leads out of it, and a secret there. */
static void make_places(const struct world *w)
{
	autofree char *dest = path_join(w->dir, "dest");
	autofree char *way = path_join(w->dir, "dest/way");
	autofree char *outside = path_join(w->dir, "outside");

	assert_int_equal(path_remove_tree(dest, NULL), 0);
	assert_int_equal(path_remove_tree(outside, NULL), 0);
	assert_int_equal(mkdir(dest, 0755), 0);
	assert_int_equal(symlink("../outside", way), 0);
	world_text(w->dir, "outside/secret", "secret");
	autofree char *secret = path_join(w->dir, "outside/secret");
	assert_int_equal(chmod(secret, 0600), 0);
}

static void expect_outside_untouched(const struct world *w)
{
	autofree char *outside = path_join(w->dir, "outside");
	autofree char *secret = path_join(w->dir, "outside/secret");
	autofree char *out = path_join(w->dir, "out");
	autofree char *names = scratch_list(outside);
	struct stat st;

	assert_string_equal(names, "secret");
	assert_true(scratch_holds(secret, "secret"));
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(path_exists(out));
}

static enum err_code unpack(struct world *w, struct module_result *r, const char *more)
{
	return module_call(&w->client, r, "unarchive", 0,
		"{\"src\": \"%s/archive.tar\", \"dest\": \"%s/dest\"%s}", w->dir, w->dir, more);
}

static void try_one(struct world *w, const struct hostile *h)
{
	struct module_result r;
	struct stat st;

	print_message("%s\n", h->what);
	make_places(w);
	write_archive(w, h->members, ARRAY_SIZE(h->members));
	enum err_code code = unpack(w, &r, ", \"mode\": \"0666\"");
	if (h->refusal) {
		assert_int_not_equal(code, ERR_NONE);
		assert_non_null(strstr(r.text, h->refusal));
	} else {
		assert_string_equal(r.text, "");
		assert_int_equal(code, ERR_NONE);
		assert_true(module_bool(&r, "changed"));
	}
	module_result_release(&r);
	expect_outside_untouched(w);
	if (!h->made)
		return;
	autofree char *made = xasprintf("%s/dest/%s", w->dir, h->made);
	assert_int_equal(lstat(made, &st), 0);
	assert_int_equal(unpack(w, &r, ", \"mode\": \"0666\""), ERR_NONE);
	assert_false(module_bool(&r, "changed"));
	module_result_release(&r);
}

static void nothing_leaves_the_destination(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++)
		try_one(*state, &archives[i]);
}

/* What is refused is refused before the first member is unpacked. */
static void a_refused_archive_unpacks_nothing(void **state)
{
	static const struct member members[] = {
		{"good", FILE_TYPE, "x"}, {"../out", FILE_TYPE, "x"}};
	struct world *w = *state;
	autofree char *dest = path_join(w->dir, "dest");
	struct module_result r;

	make_places(w);
	write_archive(w, members, ARRAY_SIZE(members));
	assert_int_not_equal(unpack(w, &r, ""), ERR_NONE);
	module_result_release(&r);
	autofree char *names = scratch_list(dest);
	assert_string_equal(names, "way");
}

/* An archive that ends too early at any byte of a head, or says that it is endless. */
static void damaged_archives_are_refused(void **state)
{
	static const struct member members[] = {{"a", FILE_TYPE, "x"}};
	struct world *w = *state;
	autofree char *path = path_join(w->dir, "archive.tar");
	static const off_t lengths[] = {0, 1, 100, BLOCK - 1, BLOCK + 1};
	struct module_result r;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		make_places(w);
		write_archive(w, members, ARRAY_SIZE(members));
		assert_int_equal(truncate(path, lengths[i]), 0);
		assert_int_not_equal(unpack(w, &r, ""), ERR_NONE);
		module_result_release(&r);
		expect_outside_untouched(w);
	}
	write_archive(w, members, ARRAY_SIZE(members));
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "77777777777", 11, 124), 11);
	assert_int_not_equal(unpack(w, &r, ""), ERR_NONE);
	module_result_release(&r);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(nothing_leaves_the_destination),
		WORLD_TEST(a_refused_archive_unpacks_nothing),
		WORLD_TEST(damaged_archives_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
