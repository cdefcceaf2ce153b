/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules file and stat, case by case against Ansible's.
 */
#include "node/oracle.h"

#include <unistd.h>

#include "node/world.h"

#define BOTH (FRAME_CHECK | FRAME_DIFF)

/* Setups that many cases share. */
#define A_FILE "echo text > f; chmod 640 f; touch -d 2024-01-02T03:04:05.678 f"
#define A_TREE "mkdir -p d/e; echo 1 > d/a; echo 2 > d/e/b; chmod 700 d/e; ln -s a d/l"
#define A_LINK A_FILE "; ln -s f l; touch -hd 2024-01-02 l"

static const struct oracle_case file_cases[] = {
	/* Attributes of what is there. */
	{"an absent file", NULL, "{\"path\": \"@/f\", \"state\": \"file\"}", 0, NULL},
	{"state by default, absent", NULL, "{\"path\": \"@/f\"}", 0, NULL},
	{"state by default, a file", A_FILE, "{\"path\": \"@/f\", \"mode\": \"0600\"}", 0,
		NULL},
	{"state by default, a directory", A_TREE, "{\"path\": \"@/d\", \"mode\": \"0711\"}", 0,
		NULL},
	{"nothing to do", A_FILE, "{\"path\": \"@/f\", \"mode\": \"0640\"}", 0, NULL},
	{"symbolic mode", A_FILE, "{\"path\": \"@/f\", \"mode\": \"u=rw,g=r,o=\"}", 0, NULL},
	{"symbolic mode with X", A_TREE,
		"{\"path\": \"@/d\", \"mode\": \"a=rX\", \"recurse\": "
		"true}",
		0, NULL},
	{"a mode that is none", A_FILE, "{\"path\": \"@/f\", \"mode\": \"rwx\"}", 0, NULL},
	{"an owner by number", A_FILE,
		"{\"path\": \"@/f\", \"owner\": \"12\", \"group\": "
		"\"34\"}",
		FRAME_DIFF, NULL},
	{"an owner by name", A_FILE,
		"{\"path\": \"@/f\", \"owner\": \"daemon\", \"group\": "
		"\"adm\", \"mode\": \"4755\"}",
		FRAME_DIFF, NULL},
	{"an owner that nobody knows", A_FILE, "{\"path\": \"@/f\", \"owner\": \"no-such\"}", 0,
		NULL},
	{"a diff of a mode", A_FILE, "{\"path\": \"@/f\", \"mode\": \"0600\"}", FRAME_DIFF,
		NULL},
	{"a check of a mode", A_FILE, "{\"path\": \"@/f\", \"mode\": \"0600\"}", BOTH, NULL},
	{"a file with two names", A_FILE "; ln f g", "{\"path\": \"@/f\", \"state\": \"file\"}",
		FRAME_DIFF, NULL},
	{"file, but it is a directory", A_TREE, "{\"path\": \"@/d\", \"state\": \"file\"}", 0,
		NULL},
	{"file behind a link", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"file\", \"mode\": "
		"\"0600\"}",
		FRAME_DIFF, NULL},
	{"file, a link not followed", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"file\", "
		"\"follow\": false}",
		0, NULL},
	{"times of a file", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"file\", "
		"\"modification_time\": \"202401021530.10\"}",
		0, NULL},
	{"a time that is none", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"file\", "
		"\"modification_time\": \"yesterday\"}",
		0, NULL},

	/* absent */
	{"absent, it is", NULL, "{\"path\": \"@/f\", \"state\": \"absent\"}", FRAME_DIFF, NULL},
	{"absent, a file", A_FILE, "{\"path\": \"@/f\", \"state\": \"absent\"}", FRAME_DIFF,
		NULL},
	{"absent, a tree", A_TREE, "{\"path\": \"@/d/e\", \"state\": \"absent\"}", FRAME_DIFF,
		NULL},
	{"absent, a link only", A_LINK, "{\"path\": \"@/l\", \"state\": \"absent\"}", 0, NULL},
	{"absent, in check mode", A_TREE, "{\"path\": \"@/d\", \"state\": \"absent\"}",
		FRAME_CHECK, NULL},
	{"absent, a dangling link in check mode", "ln -s nowhere l",
		"{\"path\": \"@/l\", \"state\": \"absent\"}", BOTH, NULL},

	/* directory */
	{"directory, new", NULL, "{\"path\": \"@/d\", \"state\": \"directory\"}", FRAME_DIFF,
		NULL},
	{"directory, with parents", NULL,
		"{\"path\": \"@/d/e/f\", \"state\": \"directory\", "
		"\"mode\": \"0750\", \"owner\": \"daemon\"}",
		0, NULL},
	{"directory, a slash behind", NULL, "{\"path\": \"@/d/\", \"state\": \"directory\"}", 0,
		NULL},
	{"directory, in check mode", NULL,
		"{\"path\": \"@/d\", \"state\": \"directory\", "
		"\"mode\": \"0700\"}",
		BOTH, NULL},
	{"directory, it is", A_TREE, "{\"path\": \"@/d\", \"state\": \"directory\"}", 0, NULL},
	{"directory, but a file", A_FILE, "{\"path\": \"@/f\", \"state\": \"directory\"}", 0,
		NULL},
	{"directory behind a link", A_TREE "; ln -s d k",
		"{\"path\": \"@/k\", \"state\": "
		"\"directory\", \"mode\": \"0700\"}",
		FRAME_DIFF, NULL},
	{"directory, a dangling link", "ln -s nowhere l",
		"{\"path\": \"@/l\", \"state\": "
		"\"directory\"}",
		0, NULL},
	{"directory in a set-group-ID one", "mkdir s; chgrp adm s; chmod 2755 s",
		"{\"path\": \"@/s/d\", \"state\": \"directory\"}", 0, NULL},
	{"directory, all below", A_TREE,
		"{\"path\": \"@/d\", \"state\": \"directory\", "
		"\"recurse\": true, \"owner\": \"daemon\", \"mode\": "
		"\"u=rwX,g=,o=\"}",
		0, NULL},
	{"directory, all below, links followed", A_TREE "; mkdir o; echo > o/x; ln -s ../o d/k",
		"{\"path\": \"@/d\", \"state\": \"directory\", \"recurse\": true, \"group\": "
		"\"adm\", \"follow\": true}",
		0, NULL},
	{"directory, all below, in check mode", A_TREE,
		"{\"path\": \"@/d\", \"state\": "
		"\"directory\", \"recurse\": true, "
		"\"owner\": \"daemon\"}",
		FRAME_CHECK, NULL},
	{"recurse of a file", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"file\", \"recurse\": "
		"true}",
		0, NULL},
	{"recurse without a state", NULL, "{\"path\": \"@/n\", \"recurse\": true}", 0, NULL},

	/* touch */
	{"touch, new", NULL, "{\"path\": \"@/f\", \"state\": \"touch\", \"mode\": \"0640\"}", 0,
		NULL},
	{"touch, new, in check mode", NULL, "{\"path\": \"@/f\", \"state\": \"touch\"}", BOTH,
		NULL},
	{"touch, a file", A_FILE, "{\"path\": \"@/f\", \"state\": \"touch\"}", 0, NULL},
	{"touch, times kept", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"touch\", "
		"\"modification_time\": \"preserve\", \"access_time\": "
		"\"preserve\"}",
		FRAME_DIFF, NULL},
	{"touch, times given", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"touch\", "
		"\"modification_time\": \"202401021530.10\", "
		"\"access_time\": \"202401021530.11\"}",
		0, NULL},
	{"touch, another format", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"touch\", "
		"\"modification_time\": \"2024-01-02\", "
		"\"modification_time_format\": \"%Y-%m-%d\", "
		"\"access_time\": \"preserve\"}",
		0, NULL},
	{"touch, a directory", A_TREE, "{\"path\": \"@/d\", \"state\": \"touch\"}", 0, NULL},
	{"touch, no directory there", NULL, "{\"path\": \"@/n/f\", \"state\": \"touch\"}", 0,
		NULL},

	/* link */
	{"link, new", A_FILE, "{\"path\": \"@/l\", \"state\": \"link\", \"src\": \"f\"}",
		FRAME_DIFF, NULL},
	{"link, absolute", A_FILE,
		"{\"path\": \"@/l\", \"state\": \"link\", \"src\": "
		"\"@/f\"}",
		0, NULL},
	{"link, it is", A_LINK, "{\"path\": \"@/l\", \"state\": \"link\", \"src\": \"f\"}",
		FRAME_DIFF, NULL},
	{"link, to another", A_LINK "; echo > g",
		"{\"path\": \"@/l\", \"state\": \"link\", "
		"\"src\": \"g\"}",
		FRAME_DIFF, NULL},
	{"link, in check mode", A_FILE,
		"{\"path\": \"@/l\", \"state\": \"link\", \"src\": "
		"\"f\"}",
		BOTH, NULL},
	{"link, to another, in check mode", A_LINK "; echo > g",
		"{\"path\": \"@/l\", \"state\": \"link\", \"src\": \"g\"}", BOTH, NULL},
	{"link, to nothing", NULL, "{\"path\": \"@/l\", \"state\": \"link\", \"src\": \"f\"}",
		0, NULL},
	{"link, to nothing, by force", NULL,
		"{\"path\": \"@/l\", \"state\": \"link\", "
		"\"src\": \"f\", \"force\": true, \"follow\": "
		"false}",
		0, NULL},
	{"link, to nothing, by force, followed", NULL,
		"{\"path\": \"@/l\", \"state\": "
		"\"link\", \"src\": \"f\", \"force\": "
		"true}",
		0, NULL},
	{"link, a file is there", A_FILE "; echo > l",
		"{\"path\": \"@/l\", \"state\": "
		"\"link\", \"src\": \"f\"}",
		0, NULL},
	{"link, a file is there, by force", A_FILE "; echo > l",
		"{\"path\": \"@/l\", \"state\": \"link\", \"src\": \"f\", \"force\": true}",
		FRAME_DIFF, NULL},
	{"link, a tree is there, by force", A_TREE "; echo > f",
		"{\"path\": \"@/d\", \"state\": \"link\", \"src\": \"../f\", \"force\": true}",
		0, NULL},
	{"link, an empty directory is there, by force", "mkdir d; echo > f; echo > d/f; rm d/f",
		"{\"path\": \"@/d\", \"state\": \"link\", \"src\": \"@/f\", \"force\": true}",
		0, NULL},
	{"link, an empty directory is there", "mkdir d; echo > f",
		"{\"path\": \"@/d\", \"state\": \"link\", \"src\": \"@/f\"}", 0, NULL},
	{"link, without src", NULL, "{\"path\": \"@/l\", \"state\": \"link\"}", 0, NULL},
	{"link, without src, it is", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"link\", "
		"\"mode\": \"0600\"}",
		FRAME_DIFF, NULL},
	{"link, attributes of the target", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"link\", "
		"\"src\": \"f\", \"owner\": \"daemon\"}",
		0, NULL},
	{"link, attributes of the link", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"link\", "
		"\"src\": \"f\", \"owner\": \"daemon\", "
		"\"follow\": false}",
		0, NULL},
	{"src without a link", A_FILE,
		"{\"path\": \"@/f\", \"state\": \"file\", \"src\": "
		"\"g\"}",
		0, NULL},

	/* hard */
	{"hard, new", A_FILE, "{\"path\": \"@/h\", \"state\": \"hard\", \"src\": \"@/f\"}",
		FRAME_DIFF, NULL},
	{"hard, it is", A_FILE "; ln f h",
		"{\"path\": \"@/h\", \"state\": \"hard\", \"src\": "
		"\"@/f\"}",
		FRAME_DIFF, NULL},
	{"hard, in check mode", A_FILE,
		"{\"path\": \"@/h\", \"state\": \"hard\", \"src\": "
		"\"@/f\"}",
		BOTH, NULL},
	{"hard, a file is there", A_FILE "; echo > h",
		"{\"path\": \"@/h\", \"state\": "
		"\"hard\", \"src\": \"@/f\"}",
		0, NULL},
	{"hard, a file is there, by force", A_FILE "; echo > h",
		"{\"path\": \"@/h\", \"state\": \"hard\", \"src\": \"@/f\", \"force\": true}",
		FRAME_DIFF, NULL},
	{"hard, another is there", A_FILE "; echo > h; ln h i",
		"{\"path\": \"@/h\", \"state\": \"hard\", \"src\": \"@/f\"}", 0, NULL},
	{"hard, a link is there", A_LINK,
		"{\"path\": \"@/l\", \"state\": \"hard\", \"src\": "
		"\"@/f\"}",
		FRAME_DIFF, NULL},
	{"hard, to nothing", NULL,
		"{\"path\": \"@/h\", \"state\": \"hard\", \"src\": "
		"\"@/f\"}",
		0, NULL},
	{"hard, into a directory", A_FILE "; mkdir d",
		"{\"path\": \"@/d\", \"state\": "
		"\"hard\", \"src\": \"@/f\"}",
		0, NULL},
	{"hard, without src", NULL, "{\"path\": \"@/h\", \"state\": \"hard\"}", 0, NULL},
	{"a state that is none", A_FILE, "{\"path\": \"@/f\", \"state\": \"gone\"}", 0, NULL},
};

static const struct oracle_case stat_cases[] = {
	{"nothing", NULL, "{\"path\": \"@/f\"}", 0, NULL},
	{"a file", A_FILE, "{\"path\": \"@/f\", \"checksum\": \"sha1\"}", 0,
		"{\"path\": \"@/f\", \"get_mime\": false, \"get_attributes\": false}"},
	{"a file, md5", A_FILE, "{\"path\": \"@/f\", \"checksum\": \"md5\"}", 0,
		"{\"path\": \"@/f\", \"checksum_algorithm\": \"md5\", \"get_mime\": false, "
		"\"get_attributes\": false}"},
	{"a file, sha256", A_FILE "; chmod 6711 f; chown daemon:adm f",
		"{\"path\": \"@/f\", \"checksum\": \"sha256\"}", 0,
		"{\"path\": \"@/f\", \"checksum_algorithm\": \"sha256\", \"get_mime\": false, "
		"\"get_attributes\": false}"},
	{"a directory", A_TREE, "{\"path\": \"@/d\", \"checksum\": \"\"}", 0,
		"{\"path\": \"@/d\", \"get_mime\": false, \"get_attributes\": false}"},
	{"a link", A_LINK, "{\"path\": \"@/l\"}", 0,
		"{\"path\": \"@/l\", \"get_mime\": false, \"get_attributes\": false}"},
	{"a link, followed", A_LINK, "{\"path\": \"@/l\", \"follow\": true}", 0,
		"{\"path\": \"@/l\", \"follow\": true, \"get_checksum\": false, \"get_mime\": "
		"false, \"get_attributes\": false}"},
	{"a dangling link", "ln -s ../x/nowhere l", "{\"path\": \"@/l\"}", 0,
		"{\"path\": \"@/l\", \"get_mime\": false, \"get_attributes\": false}"},
	{"a fifo", "mkfifo p; chown 12345:23456 p", "{\"path\": \"@/p\"}", 0,
		"{\"path\": \"@/p\", \"get_mime\": false, \"get_attributes\": false}"},
};

static void need_oracle(void)
{
	if (geteuid() != 0 || !oracle_is_there()) {
		print_message("skipped: needs root and Ansible\n");
		skip();
	}
}

static void file_does_what_ansibles_does(void **state)
{
	static const char *const ignored[] = {"diff", "warnings", NULL};
	static const char *const ignored_with_diff[] = {"warnings", NULL};
	struct world *w = *state;

	unsigned failures = 0;

	need_oracle();
	for (size_t i = 0; i < ARRAY_SIZE(file_cases); i++) {
		bool diff = file_cases[i].flags & FRAME_DIFF;
		failures += !oracle_compare(&w->client, w->dir, "file",
			diff ? ignored_with_diff : ignored, &file_cases[i]);
	}
	assert_int_equal(failures, 0);
}

static void stat_tells_what_ansibles_tells(void **state)
{
	static const char *const ignored[] = {"inode", "ctime", "atime", NULL};
	static const char *const of_new[] = {"inode", "ctime", "atime", "mtime", NULL};
	struct world *w = *state;

	unsigned failures = 0;

	need_oracle();
	for (size_t i = 0; i < ARRAY_SIZE(stat_cases); i++) {
		bool dated = stat_cases[i].setup && strstr(stat_cases[i].setup, "touch -d");
		failures += !oracle_compare(
			&w->client, w->dir, "stat", dated ? ignored : of_new, &stat_cases[i]);
	}
	assert_int_equal(failures, 0);
}

static void slurp_gives_a_files_bytes(void **state)
{
	struct world *w = *state;
	struct module_result r;

	world_file(w->dir, "f", "a\0b\xff", 4);
	assert_int_equal(
		module_call(&w->client, &r, "slurp", 0, "{\"path\": \"%s/f\"}", w->dir),
		ERR_NONE);
	assert_int_equal(module_int(&r, "size"), 4);
	const struct value *bytes =
		value_dict_get(value_dict_get(r.value, "content"), "$bytes");
	assert_int_equal(bytes->len, 4);
	assert_memory_equal(bytes->text, "a\0b\xff", 4);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "slurp", 0,
				 "{\"path\": \"%s/f\", \"max\": 3}", w->dir),
		ERR_LIMIT);
	assert_int_equal(module_call(&w->client, &r, "slurp", 0, "{\"path\": \"/no/such\"}"),
		ERR_NOTFOUND);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(file_does_what_ansibles_does),
		WORLD_TEST(stat_tells_what_ansibles_tells),
		WORLD_TEST(slurp_gives_a_files_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
