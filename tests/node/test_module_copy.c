/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module copy: against Ansible's, and what Ansible's has not (asking by hash, blobs).
 */
#include "node/oracle.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "node/world.h"
#include "tree/hash.h"

/* Ansible's module takes content as a file; ours takes it as it is. */
#define SOURCE "printf 'new text\\n' > .ansible-src; "
#define OURS   "\"content\": {\"$bytes\": \"new text\\n\"}"
#define THEIRS "\"src\": \"@/.ansible-src\", \"dest\""
#define CASE(name, setup, path, more, flags)                                                   \
	{                                                                                      \
		name, SOURCE setup, "{\"path\": \"" path "\", " OURS more "}", flags,          \
			"{" THEIRS ": \"" path "\"" more "}"                                   \
	}
#define OLD  "printf 'old text\\n' > f; chmod 640 f; chown daemon:adm f"
#define SAME "printf 'new text\\n' > f; chmod 640 f"

static const struct oracle_case cases[] = {
	CASE("new", "", "@/f", "", 0),
	CASE("new, with attributes", "", "@/f",
		", \"mode\": \"0600\", \"owner\": \"daemon\", \"group\": \"adm\"", 0),
	CASE("new, symbolic mode", "", "@/f", ", \"mode\": \"u+x,g-r\"", 0),
	CASE("new, in check mode", "", "@/f", ", \"mode\": \"0600\"", FRAME_CHECK),
	CASE("new, in a set-group-ID directory", "mkdir s; chgrp adm s; chmod 2755 s", "@/s/f",
		"", 0),
	CASE("changed, attributes are kept", OLD, "@/f", "", 0),
	CASE("changed, with a mode", OLD, "@/f", ", \"mode\": \"0604\"", 0),
	CASE("changed, symbolic mode on the former one", OLD, "@/f", ", \"mode\": \"a+x\"", 0),
	CASE("changed, in check mode", OLD, "@/f", "", FRAME_CHECK),
	CASE("changed, with a backup", OLD, "@/f", ", \"backup\": true", 0),
	CASE("new, with a backup", "", "@/f", ", \"backup\": true", 0),
	CASE("same", SAME, "@/f", "", 0),
	CASE("same, another mode", SAME, "@/f", ", \"mode\": \"0600\"", 0),
	CASE("same, another mode, in check mode", SAME, "@/f", ", \"mode\": \"0600\"",
		FRAME_CHECK),
	CASE("same, with a backup", SAME, "@/f", ", \"backup\": true", 0),
	CASE("there, without force", OLD, "@/f", ", \"force\": false", 0),
	CASE("not there, without force", "", "@/f", ", \"force\": false", 0),
	CASE("a link, replaced", OLD "; ln -s f l", "@/l", "", 0),
	CASE("a link to the same, replaced", SAME "; ln -s f l", "@/l", "", 0),
	CASE("a link, followed", OLD "; ln -s f l", "@/l", ", \"follow\": true", 0),
	CASE("a link to the same, followed", SAME "; ln -s f l", "@/l", ", \"follow\": true",
		0),
	CASE("a dangling link", "ln -s f l", "@/l", "", 0),
	CASE("a file with two names", OLD "; ln f g", "@/f", "", 0),
	CASE("no directory there", "", "@/d/f", "", 0),
	CASE("a valid file", OLD, "@/f", ", \"validate\": \"grep -q new %s\"", 0),
	CASE("an invalid file", OLD, "@/f", ", \"validate\": \"grep -q old %s\"", 0),
	CASE("a validator without a file", OLD, "@/f", ", \"validate\": \"true\"", 0),
	{"into a directory", SOURCE "mkdir d",
		"{\"path\": \"@/d\", " OURS ", \"basename\": \"g\"}", 0,
		"{" THEIRS ": \"@/d\", \"_original_basename\": \"g\"}"},
	{"into a directory that is made", SOURCE,
		"{\"path\": \"@/d/e/\", " OURS
		", \"basename\": \"g\", \"directory_mode\": \"0750\", \"mode\": \"0604\"}",
		0,
		"{" THEIRS ": \"@/d/e/\", \"_original_basename\": \"g\", \"directory_mode\": "
		"\"0750\", \"mode\": \"0604\"}"},
	{"into a directory that would be made", SOURCE,
		"{\"path\": \"@/d/e/\", " OURS ", \"basename\": \"g\"}", FRAME_CHECK,
		"{" THEIRS ": \"@/d/e/\", \"_original_basename\": \"g\"}"},
	{"from the node", "printf hello > s; chmod 711 s; touch -d 2020-02-03 s",
		"{\"path\": \"@/f\", \"remote_src\": \"@/s\"}", 0,
		"{\"dest\": \"@/f\", \"src\": \"@/s\", \"remote_src\": true}"},
	{"from the node, over another", OLD "; printf hello > s; chmod 711 s",
		"{\"path\": \"@/f\", \"remote_src\": \"@/s\"}", 0,
		"{\"dest\": \"@/f\", \"src\": \"@/s\", \"remote_src\": true}"},
	{"from the node, with its mode", "printf hello > s; chmod 711 s",
		"{\"path\": \"@/f\", \"remote_src\": \"@/s\", \"mode\": \"preserve\"}", 0,
		"{\"dest\": \"@/f\", \"src\": \"@/s\", \"remote_src\": true, \"mode\": "
		"\"preserve\"}"},
	{"from the node, into a directory", "printf hello > s; mkdir d",
		"{\"path\": \"@/d\", \"remote_src\": \"@/s\"}", 0,
		"{\"dest\": \"@/d\", \"src\": \"@/s\", \"remote_src\": true}"},
#define A_TREE                                                                                 \
	"mkdir -p s/d/e s/empty; echo 1 > s/a; echo 2 > s/d/b; echo 3 > s/d/e/c; chmod 640 "   \
	"s/a; "                                                                                \
	"chmod 711 s/d/b; ln -s b s/d/l; "
#define FROM_TREE(name, setup, src, dest, flags)                                               \
	{                                                                                      \
		name, A_TREE setup, "{\"path\": \"" dest "\", \"remote_src\": \"" src "\"}",   \
			flags,                                                                 \
			"{\"dest\": \"" dest "\", \"src\": \"" src "\", \"remote_src\": true}" \
	}
	FROM_TREE("a tree, new", "", "@/s", "@/t", 0),
	FROM_TREE("a tree's content, new", "", "@/s/", "@/t", 0),
	FROM_TREE("a tree into a directory", "mkdir t", "@/s", "@/t", 0),
	FROM_TREE(
		"a tree's content into a directory", "mkdir t; echo x > t/x", "@/s/", "@/t", 0),
	FROM_TREE("a tree over an older one", "mkdir -p t/s; echo old > t/s/a; echo x > t/s/x",
		"@/s", "@/t", 0),
	FROM_TREE("a tree that is there", "cp -a s t", "@/s/", "@/t", 0),
	{"from the node, nothing there", "", "{\"path\": \"@/f\", \"remote_src\": \"@/s\"}", 0,
		"{\"dest\": \"@/f\", \"src\": \"@/s\", \"remote_src\": true}"},
};

static void copy_does_what_ansibles_does(void **state)
{
	static const char *const ignored[] = {
		"differs", "need", "md5sum", "src", "diff", "msg", "backup_file", NULL};
	struct world *w = *state;
	unsigned failures = 0;

	if (geteuid() != 0 || !oracle_is_there()) {
		print_message("skipped: needs root and Ansible\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		failures += !oracle_compare(&w->client, w->dir, "copy", ignored, &cases[i]);
	assert_int_equal(failures, 0);
}

/* The name of a path in the test's directory, as JSON takes it; to be freed. */
static char *in_world(const struct world *w, const char *name)
{
	return path_join(w->dir, name);
}

static void hash_hex(const void *data, size_t n, char hex[2 * TREE_HASH_SIZE + 1])
{
	uint8_t hash[TREE_HASH_SIZE];
	struct tree_hash *h = tree_hash_new();

	tree_hash_add(h, data, n);
	tree_hash_get(h, hash);
	tree_hash_free(h);
	hex_encode(hash, sizeof(hash), hex);
}

/* Asks by size and hash alone. */
static void ask(struct world *w, struct module_result *r, uint8_t flags, const char *path,
	const char *text, const char *more)
{
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT;
	struct item_writer out;
	struct answer a;
	struct err err = {0};
	uint8_t hash[TREE_HASH_SIZE];
	char hex[2 * TREE_HASH_SIZE + 1];

	hash_hex(text, strlen(text), hex);
	assert_true(parse_hex(hex, hash, sizeof(hash)));
	item_begin(&out, &args);
	item_put_string(&out, "path", path);
	item_put_int(&out, "size", (int64_t)strlen(text));
	item_put_bytes(&out, "hash", hash, sizeof(hash));
	if (more)
		item_put_string(&out, "mode", more);
	assert_int_equal(item_finish(&out, &err), 0);
	uint32_t id = module_send(&w->client, "copy", flags, 0, args.data, args.len);
	assert_true(client_answer(&w->client, id, &a));
	module_result_take(r, &a);
}

static void content_is_asked_for_only_where_it_differs(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = in_world(w, "f");

	ask(w, &r, 0, path, "text", NULL);
	assert_int_equal(r.code, ERR_NONE);
	assert_true(module_bool(&r, "need"));
	assert_true(module_bool(&r, "changed"));
	assert_false(path_exists(path));
	module_result_release(&r);

	scratch_write(path, "text");
	ask(w, &r, 0, path, "text", NULL);
	assert_false(module_bool(&r, "need"));
	assert_false(module_bool(&r, "changed"));
	assert_string_equal(
		module_text(&r, "checksum"), "372ea08cab33e71c02c651dbc83a474d32c676ea");
	module_result_release(&r);

	/* Attributes are corrected without any content. */
	ask(w, &r, 0, path, "text", "0600");
	assert_false(module_bool(&r, "need"));
	assert_true(module_bool(&r, "changed"));
	assert_string_equal(module_text(&r, "mode"), "0600");
	module_result_release(&r);

	/* The same size with other content. */
	ask(w, &r, 0, path, "next", "0644");
	assert_true(module_bool(&r, "need"));
	assert_true(scratch_holds(path, "text"));
	module_result_release(&r);
}

static void a_diff_has_what_was_there(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = in_world(w, "f");

	ask(w, &r, FRAME_DIFF, path, "text", NULL);
	assert_int_equal(value_dict_get(r.value, "before")->kind, VALUE_NULL);
	module_result_release(&r);
	scratch_write(path, "former");
	ask(w, &r, FRAME_CHECK | FRAME_DIFF, path, "text", NULL);
	const struct value *before =
		value_dict_get(value_dict_get(r.value, "before"), "$bytes");
	assert_string_equal(before->text, "former");
	module_result_release(&r);
}

static void large_content_comes_as_a_blob(void **state)
{
	struct world *w = *state;
	struct module_result r;
	const size_t size = (3u << 20) + 17; /* more than what is kept in memory */
	autofree uint8_t *noise = world_noise(size, 7);
	autofree char *path = in_world(w, "f");
	AUTO(strbuf_release) struct strbuf written = STRBUF_INIT;

	assert_int_equal(module_blob(&w->client, 5, noise, size), ERR_NONE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(module_call(&w->client, &r, "copy", 0,
					 "{\"path\": \"%s\", \"content\": 5}", path),
			ERR_NONE);
		assert_int_equal(module_bool(&r, "changed"), i == 0);
		module_result_release(&r);
	}
	assert_int_equal(file_read(path, 1u << 24, &written, NULL), 0);
	assert_int_equal(written.len, size);
	assert_memory_equal(written.data, noise, size);
	assert_int_equal(module_call(&w->client, &r, "copy", 0,
				 "{\"path\": \"%s\", \"content\": 6}", path),
		ERR_NOTFOUND);
}

static void extended_attributes_are_kept(void **state)
{
	struct world *w = *state;
	struct module_result r;
	char value[16] = "";
	autofree char *path = in_world(w, "f");

	scratch_write(path, "former");
	if (setxattr(path, "user.note", "kept", 4, 0) < 0) {
		print_message("skipped: no extended attributes here\n");
		skip();
	}
	assert_int_equal(
		module_call(&w->client, &r, "copy", 0, "{\"path\": \"%s\", " OURS "}", path),
		ERR_NONE);
	module_result_release(&r);
	assert_true(scratch_holds(path, "new text\n"));
	assert_int_equal(getxattr(path, "user.note", value, sizeof(value)), 4);
	assert_string_equal(value, "kept");
}

static void backups_are_named_as_ansible_names_them(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = in_world(w, "f");
	struct stat st;

	scratch_write(path, "former");
	assert_int_equal(chmod(path, 0751), 0);
	assert_int_equal(module_call(&w->client, &r, "copy", 0,
				 "{\"path\": \"%s\", \"backup\": true, " OURS "}", path),
		ERR_NONE);
	const char *backup = module_text(&r, "backup_file");
	assert_true(str_starts(backup, path));
	int year, pid, day, hour;
	char end;
	assert_int_equal(sscanf(backup + strlen(path), ".%d.%d-%*d-%d@%d:%*d:%*d%c", &pid,
				 &year, &day, &hour, &end),
		5);
	assert_int_equal(pid, w->client.pid);
	assert_int_equal(end, '~');
	assert_true(scratch_holds(backup, "former"));
	assert_int_equal(stat(backup, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	module_result_release(&r);
}

static void a_validator_s_words_are_told(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = in_world(w, "f");

	scratch_write(path, "former");
	assert_int_equal(module_call(&w->client, &r, "copy", 0,
				 "{\"path\": \"%s\", " OURS ", \"validate\": \"sh -c 'cat %%s; "
				 "echo line 3 is bad >&2; exit 7' '%%s'\"}",
				 path),
		ERR_INPUT);
	assert_non_null(strstr(r.text, "line 3 is bad"));
	assert_non_null(strstr(r.text, "7"));
	assert_true(scratch_holds(path, "former"));
	autofree char *names = scratch_list(w->dir);
	assert_null(strstr(names, ".modelfleet-"));
}

static void a_mode_that_is_none_changes_nothing(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *path = in_world(w, "f");

	scratch_write(path, "former");
	assert_int_equal(module_call(&w->client, &r, "copy", 0,
				 "{\"path\": \"%s\", \"mode\": \"u=rwz\", " OURS "}", path),
		ERR_INPUT);
	assert_non_null(strstr(r.text, "u=rwz"));
	assert_true(scratch_holds(path, "former"));
}

static void a_full_disk_loses_nothing(void **state)
{
	struct world *w = *state;
	struct module_result r;
	autofree char *mount_point = in_world(w, "small");
	autofree char *path = path_join(mount_point, "f");

	assert_int_equal(mkdir(mount_point, 0755), 0);
	if (!scratch_can_mount(mount_point)) {
		print_message("skipped: cannot mount\n");
		skip();
	}
	assert_int_equal(mount("tmpfs", mount_point, "tmpfs", 0, "size=64k"), 0);
	scratch_write(path, "former");
	autofree uint8_t *noise = world_noise(200000, 1);
	assert_int_equal(module_blob(&w->client, 1, noise, 200000), ERR_NONE);
	enum err_code code = module_call(&w->client, &r, "copy", 0,
		"{\"path\": \"%s\", \"content\": 1, \"backup\": true}", path);
	bool kept = scratch_holds(path, "former");
	autofree char *names = scratch_list(mount_point);
	assert_int_equal(umount(mount_point), 0);
	assert_int_equal(code, ERR_NOSPACE);
	assert_non_null(strstr(r.text, path));
	assert_true(kept);
	assert_string_equal(names, "f");
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(copy_does_what_ansibles_does),
		WORLD_TEST(content_is_asked_for_only_where_it_differs),
		WORLD_TEST(a_diff_has_what_was_there),
		WORLD_TEST(large_content_comes_as_a_blob),
		WORLD_TEST(extended_attributes_are_kept),
		WORLD_TEST(backups_are_named_as_ansible_names_them),
		WORLD_TEST(a_validator_s_words_are_told),
		WORLD_TEST(a_mode_that_is_none_changes_nothing),
		WORLD_TEST(a_full_disk_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
