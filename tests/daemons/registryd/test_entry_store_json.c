/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to registry.json, and what disks do to it. */
#include "daemons/registryd/store_fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "base/scratch.h"
#include "base/str.h"
#include "daemons/registryd/store_file.h"

/* How often the file was read: the linker puts this in the place of the reader. */
static unsigned files_read;
struct entry_list *__real_registry_file_read(const char *text, size_t n, const char *file,
	struct registry_frame *frame, struct err *err);
struct entry_list *__wrap_registry_file_read(const char *text, size_t n, const char *file,
	struct registry_frame *frame, struct err *err);

struct entry_list *__wrap_registry_file_read(const char *text, size_t n, const char *file,
	struct registry_frame *frame, struct err *err)
{
	files_read++;
	return __real_registry_file_read(text, n, file, frame, err);
}

static const char edited[] =
	"{\n"
	"  \"$schema\": \"https://example.org/registry.json\",\n"
	"  \"models\": [\n"
	"    {\"model_name\": \"a\", \"version\": 1, \"path\": \"p\", \"status\": "
	"\"staging\",\n"
	"     \"creation_timestamp\": \"2025-06-25T12:00:00.5+02:00\", \"owner\": \"ann\",\n"
	"     \"metadata\": {\"metrics\": {\"accuracy\": 0.780}}, \"cost\": 1.50},\n"
	"    {\"model_name\": \"a\", \"version\": 2, \"path\": \"q\", \"status\": "
	"\"production\",\n"
	"     \"creation_timestamp\": \"2025-07-01T15:30:00Z\"}\n"
	"  ],\n"
	"  \"notes\": {\"x\": [1.10, null]}\n"
	"}\n";

/* The file after version 1 of it was activated. */
static const char activated[] =
	"{\n"
	"  \"$schema\": \"https://example.org/registry.json\",\n"
	"  \"models\": [\n"
	"    {\n"
	"      \"model_name\": \"a\",\n"
	"      \"version\": 1,\n"
	"      \"path\": \"p\",\n"
	"      \"status\": \"production\",\n"
	"      \"creation_timestamp\": \"2025-06-25T12:00:00.5+02:00\",\n"
	"      \"metadata\": {\n"
	"        \"metrics\": {\n"
	"          \"accuracy\": 0.780\n"
	"        }\n"
	"      },\n"
	"      \"owner\": \"ann\",\n"
	"      \"cost\": 1.50\n"
	"    },\n"
	"    {\n"
	"      \"model_name\": \"a\",\n"
	"      \"version\": 2,\n"
	"      \"path\": \"q\",\n"
	"      \"status\": \"staging\",\n"
	"      \"creation_timestamp\": \"2025-07-01T15:30:00Z\",\n"
	"      \"metadata\": {}\n"
	"    }\n"
	"  ],\n"
	"  \"notes\": {\n"
	"    \"x\": [\n"
	"      1.10,\n"
	"      null\n"
	"    ]\n"
	"  }\n"
	"}\n";

static void a_new_file_is_the_empty_registry(void **state)
{
	struct fixture *f = *state;

	assert_true(scratch_holds(f->path, "{\"models\": []}\n"));
}

static void a_registered_entry_stands_in_the_file_as_people_write_it(void **state)
{
	struct fixture *f = *state;
	struct entry_change c = {.kind = ENTRY_REGISTER,
		.model_name = "m",
		.version = 1,
		.path = "p",
		.metadata = "{\"metrics\":{\"accuracy\":0.820}}",
		.creation_timestamp = "2025-06-25T12:00:00Z",
		.date = "2025-06-25"};

	assert_int_equal(store_do(f->store, c), ERR_NONE);
	assert_true(scratch_holds(f->path,
		"{\n"
		"  \"models\": [\n"
		"    {\n"
		"      \"model_name\": \"m\",\n"
		"      \"version\": 1,\n"
		"      \"path\": \"p\",\n"
		"      \"status\": \"staging\",\n"
		"      \"creation_timestamp\": \"2025-06-25T12:00:00Z\",\n"
		"      \"metadata\": {\n"
		"        \"metrics\": {\n"
		"          \"accuracy\": 0.820\n"
		"        }\n"
		"      },\n"
		"      \"date\": \"2025-06-25\"\n"
		"    }\n"
		"  ]\n"
		"}\n"));
	store_delete(f->store, "m", 1);
	assert_true(scratch_holds(f->path, "{\n  \"models\": []\n}\n"));
}

static void an_edit_by_hand_is_picked_up(void **state)
{
	struct fixture *f = *state;

	store_register(f->store, "b", 1, "{}");
	scratch_write(f->path, edited);
	store_is(f->store, "a-1 staging, a-2 production");
	autofree char *json = store_entry(f->store, "a", 1);
	assert_non_null(strstr(json, "\"creation_timestamp\":\"2025-06-25T12:00:00.5+02:00\""));
	assert_null(strstr(json, "owner"));
}

static void what_others_wrote_is_kept(void **state)
{
	struct fixture *f = *state;

	scratch_write(f->path, edited);
	assert_int_equal(store_activate(f->store, "a", 1), ERR_NONE);
	assert_true(scratch_holds(f->path, activated));
	/* Also by a process that has only read what the other one wrote. */
	struct entry_store *again = store_again(f);
	assert_int_equal(store_activate(again, "a", 2), ERR_NONE);
	assert_int_equal(store_activate(again, "a", 1), ERR_NONE);
	assert_true(scratch_holds(f->path, activated));
	entry_store_free(again);
}

#define ENTRY(name, version, status)                                                           \
	"{\"model_name\": \"" name "\", \"version\": " version                                 \
	", \"path\": \"p\", \"status\": \"" status                                             \
	"\", \"creation_timestamp\": \"2025-07-01T15:30:00Z\"}"

static void a_broken_file_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", "registry.json:1:1: the text ends here, expected a value"},
		{"{\"models\": [}", "registry.json:1:13: found '}'"},
		{"[]", "registry.json:1:1: expected an object with a list"},
		{"{\"models\": {}}", "registry.json:1:12: expected an object with a list"},
		{"{}", "registry.json:1:1: expected an object with a list"},
		{"{\"models\": [7]}", "registry.json:1:13: expected an entry"},
		{"{\"models\": [\n {}]}", "registry.json:2:2: the entry has no model_name"},
		{"{\"models\": [" ENTRY("a/b", "1", "staging") "]}",
			": model_name: expected a name"},
		{"{\"models\": [" ENTRY("a", "0", "staging") "]}",
			": version: expected an integer"},
		{"{\"models\": [" ENTRY("a", "1.0", "staging") "]}",
			":1:44: version: expected an integer"},
		{"{\"models\": [" ENTRY("a", "1", "new") "]}",
			": status: expected staging, production or archived"},
		{"{\"models\": [" ENTRY("a", "1", "staging") ",\n" ENTRY(
			 "a", "1", "staging") "]}",
			"registry.json:2:1: version 1 of a stands here again"},
		{"{\"models\": [" ENTRY("a", "1", "production") ",\n" ENTRY(
			 "a", "2", "production") "]}",
			"registry.json:2:1: version 2 of a is in production, and version 1 "
			"already is"},
		{"{\"models\": [], \"models\": []}", "the key models is given twice"},
		{"{\"models\": [{\"model_name\": \"a\", \"version\": 1, \"path\": \"p\", "
		 "\"status\": \"staging\", \"creation_timestamp\": \"yesterday\"}]}",
			": creation_timestamp: expected a time"},
	};
	struct fixture *f = *state;
	AUTO(entry_list_unrefp) struct entry_list *last = NULL;

	store_register(f->store, "a", 1, "{}");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {0};
		scratch_write(f->path, cases[i].text);
		assert_null(entry_store_list(f->store, &err));
		assert_int_equal(err.code, ERR_INPUT);
		if (!strstr(err.text, cases[i].expected))
			fail_msg("%s: not %s", err.text, cases[i].expected);
		assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_INPUT);
		assert_true(scratch_holds(f->path, cases[i].text));
		assert_null(entry_store_open(f->uri, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	last = entry_store_last(f->store);
	assert_int_equal(last->count, 1);
	scratch_write(f->path, "{\"models\": []}");
	store_is(f->store, "");
	assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_NONE);
}

static void a_file_that_is_gone_is_not_made_again(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	store_register(f->store, "a", 1, "{}");
	assert_int_equal(unlink(f->path), 0);
	assert_null(entry_store_list(f->store, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_NOTFOUND);
	assert_false(path_exists(f->path));
}

static void a_file_is_read_once_for_each_change_by_others(void **state)
{
	struct fixture *f = *state;
	unsigned before = files_read;

	for (int64_t v = 1; v <= 3; v++) {
		store_register(f->store, "a", v, "{}");
		store_activate(f->store, "a", v);
		store_is(f->store, v == 1   ? "a-1 production"
				   : v == 2 ? "a-1 staging, a-2 production"
					    : "a-1 staging, a-2 staging, a-3 production");
	}
	assert_int_equal(files_read, before);
	scratch_write(f->path, edited);
	for (int i = 0; i < 3; i++)
		store_is(f->store, "a-1 staging, a-2 production");
	assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_NONE);
	assert_int_equal(files_read, before + 1);
}

/* A broken one, too, is not tried again before it has changed. */
static void a_broken_file_is_read_once(void **state)
{
	struct fixture *f = *state;
	unsigned before = files_read;

	scratch_write(f->path, "{");
	for (int i = 0; i < 3; i++)
		assert_null(entry_store_list(f->store, NULL));
	assert_int_equal(files_read, before + 1);
}

static void a_link_stays_a_link(void **state)
{
	struct fixture *f = *state;
	autofree char *link = xasprintf("%s/link.json", (char *)f->scratch);
	autofree char *uri = xasprintf("json:%s", link);
	struct stat st;

	assert_int_equal(symlink(f->path, link), 0);
	struct entry_store *store = entry_store_open(uri, NULL);
	assert_non_null(store);
	assert_int_equal(store_register(store, "a", 1, "{}"), ERR_NONE);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	store_is(f->store, "a-1 staging");
	entry_store_free(store);
}

static void the_files_mode_is_kept(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(chmod(f->path, 0640), 0);
	store_register(f->store, "a", 1, "{}");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

/* Holds the lock as an editor under flock(1) does: says so, and edits before it lets go. */
static pid_t edit_under_lock(struct fixture *f, int say)
{
	autofree char *lock = xasprintf("%s.lock", f->path);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(say, "", 1) != 1)
		_exit(1);
	wait_until(deadline_in(0.3), NULL, NULL);
	scratch_write(f->path, edited);
	_exit(0);
}

static void a_held_lock_is_waited_for(void **state)
{
	struct fixture *f = *state;
	int pipe_fds[2], status;
	char byte;

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = edit_under_lock(f, pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(store_register(f->store, "b", 1, "{}"), ERR_NONE);
	store_is(f->store, "a-1 staging, a-2 production, b-1 staging");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Runs `work` as a user who may do nothing here: 0 when it returned true. */
static int as_nobody(struct fixture *f, bool (*work)(struct fixture *f))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit((geteuid() || (setgid(65534) == 0 && setuid(65534) == 0)) && work(f) ? 0
											   : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool read_and_fail_to_write(struct fixture *f)
{
	struct entry_store *store = entry_store_open(f->uri, NULL);
	AUTO(entry_list_unrefp)
	struct entry_list *list = store ? entry_store_list(store, NULL) : NULL;
	bool good =
		list && list->count == 1 && store_register(store, "b", 1, "{}") == ERR_DENIED;

	entry_store_free(store);
	return good;
}

static void a_directory_that_is_read_only_can_be_read(void **state)
{
	struct fixture *f = *state;
	autofree char *dir = path_dirname(f->path);
	autofree char *lock = xasprintf("%s.lock", f->path);

	store_register(f->store, "a", 1, "{}");
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(chmod(f->scratch, 0755), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(as_nobody(f, read_and_fail_to_write), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	store_is(f->store, "a-1 staging");
}

static void a_full_disk_leaves_what_was(void **state)
{
	struct fixture *f = *state;
	autofree char *dir = path_join(f->scratch, "small");
	autofree char *uri = xasprintf("json:%s/registry.json", dir);
	autofree char *filler = path_join(dir, "filler");

	assert_int_equal(mkdir(dir, 0755), 0);
	if (!scratch_can_mount(dir))
		skip();
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	struct entry_store *store = entry_store_open(uri, NULL);
	assert_non_null(store);
	assert_int_equal(store_register(store, "a", 1, "{}"), ERR_NONE);
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char block[4096] = "";
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	close(fd);
	assert_int_equal(store_register(store, "b", 1, "{}"), ERR_NOSPACE);
	store_is(store, "a-1 staging");
	assert_int_equal(unlink(filler), 0);
	assert_int_equal(store_register(store, "b", 1, "{}"), ERR_NONE);
	autofree char *names = scratch_list(dir);
	assert_string_equal(names, "registry.json registry.json.lock");
	entry_store_free(store);
	assert_int_equal(umount(dir), 0);
}

static void paths_that_are_none_are_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	autofree char *directory = xasprintf("json:%s", (char *)f->scratch);
	autofree char *below = xasprintf("%s/x.json", f->uri);

	assert_null(entry_store_open("json:", &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(entry_store_open(directory, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(entry_store_open(below, &err));
	assert_null(entry_store_open("registry.json", &err));
	assert_int_equal(err.code, ERR_INPUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE_TEST(a_new_file_is_the_empty_registry),
		STORE_TEST(a_registered_entry_stands_in_the_file_as_people_write_it),
		STORE_TEST(an_edit_by_hand_is_picked_up),
		STORE_TEST(what_others_wrote_is_kept),
		STORE_TEST(a_broken_file_is_refused_and_left_alone),
		STORE_TEST(a_file_that_is_gone_is_not_made_again),
		STORE_TEST(a_file_is_read_once_for_each_change_by_others),
		STORE_TEST(a_broken_file_is_read_once),
		STORE_TEST(a_link_stays_a_link),
		STORE_TEST(the_files_mode_is_kept),
		STORE_TEST(a_held_lock_is_waited_for),
		STORE_TEST(a_directory_that_is_read_only_can_be_read),
		STORE_TEST(a_full_disk_leaves_what_was),
		STORE_TEST(paths_that_are_none_are_refused),
	};

	store_kind = KIND_JSON;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
