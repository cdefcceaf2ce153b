/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "http/download.h"
#include "http/server.h"

#define FILE_SIZE 300000

static struct server server;
static struct err err;

static int start_server(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	server_start(&server, NULL, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

/* Byte i of the file as the server has it. */
static unsigned char byte_of(size_t i)
{
	return (unsigned char)((i * 7 + i / 251) % 256);
}

static void assert_is_file(const char *path, bool reversed)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	assert_int_equal(file_read(path, FILE_SIZE + 1, &got, NULL), 0);
	assert_int_equal(got.len, FILE_SIZE);
	for (size_t i = 0; i < FILE_SIZE; i++)
		if ((unsigned char)got.data[i] != byte_of(reversed ? FILE_SIZE - 1 - i : i))
			fail_msg("byte %zu differs", i);
}

static const char *file_digest(void)
{
	static char hex[DIGEST_HEX_MAX];
	autofree unsigned char *data = xmalloc(FILE_SIZE);

	for (size_t i = 0; i < FILE_SIZE; i++)
		data[i] = byte_of(i);
	assert_int_equal(digest_hex(DIGEST_SHA256, data, FILE_SIZE, hex, NULL), 0);
	return hex;
}

static int download(struct http_download *d)
{
	struct http_client *client = http_client_new(&(struct http_options){0});

	err_clear(&err);
	if (!d->request.until)
		d->request.until = deadline_in(20);
	int rc = http_download(client, d, &err);
	http_client_free(client);
	return rc;
}

/* A download of a path of the server to "file" in the scratch directory. */
static struct http_download plan(void **state, const char *path)
{
	static char to[512];

	snprintf(to, sizeof(to), "%s/file", (char *)*state);
	return (struct http_download){
		.request = {.url = server_url(&server, path)}, .path = to, .attempts = 1};
}

static void brings_a_file(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?a");
	struct stat st;

	d.digest_name = "sha256";
	d.digest_hex = file_digest();
	d.mode = 0640;
	assert_int_equal(download(&d), 0);
	assert_is_file(d.path, false);
	assert_int_equal(d.size, FILE_SIZE);
	assert_int_equal(stat(d.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "file");
}

static void goes_on_in_one_call(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?cut=100000&b");

	d.attempts = 2;
	assert_int_equal(download(&d), 0);
	assert_is_file(d.path, false);
	assert_int_equal(d.tries, 2);
	assert_int_equal(d.response.status, 206);
}

/* Each attempt brings a piece: more of them than would be made in vain. */
static void goes_on_as_long_as_it_gets_forward(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=50000&cuts=5&forward");

	d.attempts = 2;
	d.patience = 600;
	assert_int_equal(download(&d), 0);
	assert_is_file(d.path, false);
	assert_int_equal(d.tries, 6);
}

/* The sixth attempt has what the fifth had, and so has the seventh. */
static void gives_up_where_it_gets_no_further(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=50000&cuts=99&stuck=5");

	d.attempts = 2;
	d.patience = 600;
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(d.tries, 7);
}

static void every_attempt_counts_without_patience(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=50000&cuts=5&counted");

	d.attempts = 2;
	assert_int_equal(download(&d), -1);
	assert_int_equal(d.tries, 2);
}

/* It would get forward for hours: a byte each time. */
static void patience_ends(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=1&cuts=1000000&endless");

	d.patience = 1;
	d.request.until = deadline_in(600);
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_true(d.tries > 1 && d.tries < 100);
}

static void goes_on_in_the_next_call(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?cut=100000&c");
	AUTO(http_download_release) struct http_download again;

	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_false(path_exists(d.path));
	again = plan(state, "/file?cut=100000&c");
	again.digest_name = "sha256";
	again.digest_hex = file_digest();
	assert_int_equal(download(&again), 0);
	assert_int_equal(again.resumed_from, 100000);
	assert_is_file(again.path, false);
}

static void other_content_is_not_joined(void **state)
{
	const char *path = "/file?cut=100000&etag=changing";
	AUTO(http_download_release) struct http_download d = plan(state, path);
	AUTO(http_download_release) struct http_download again;

	assert_int_equal(download(&d), -1);
	again = plan(state, path);
	assert_int_equal(download(&again), 0);
	assert_int_equal(again.response.status, 200);
	assert_is_file(again.path, true);
}

/* A server whose tag is another one each time: what the caller calls it counts. */
static void named_content_goes_on(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=100000&etag=fickle");

	d.attempts = 2;
	d.content = "face 3";
	assert_int_equal(download(&d), 0);
	assert_int_equal(d.response.status, 206);
	assert_is_file(d.path, false);
}

static void content_of_another_name_starts_anew(void **state)
{
	const char *path = "/file?cut=100000&etag=fickle&f";
	AUTO(http_download_release) struct http_download d = plan(state, path);
	AUTO(http_download_release) struct http_download again;

	d.content = "face 3";
	assert_int_equal(download(&d), -1);
	again = plan(state, path);
	again.content = "face 4";
	assert_int_equal(download(&again), 0);
	assert_int_equal(again.resumed_from, 0);
	assert_int_equal(again.response.status, 200);
	assert_is_file(again.path, false);
}

static void named_content_of_another_size_starts_anew(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=100000&etag=fickle&grow=1");

	d.attempts = 3;
	d.content = "face 3";
	assert_int_equal(download(&d), 0);
	assert_int_equal(d.size, FILE_SIZE + 1);
	assert_int_equal(d.tries, 3);
	assert_int_equal(d.response.status, 200);
}

static void a_rate_is_kept(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?times=20");
	int64_t begin = clock_ns();

	d.request.rate = FILE_SIZE * 8;
	assert_int_equal(download(&d), 0);
	assert_true(clock_ns() - begin > 1000000000);
}

static void without_a_validator_it_starts_anew(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=100000&none=1");

	d.attempts = 2;
	assert_int_equal(download(&d), 0);
	assert_int_equal(d.response.status, 200);
	assert_is_file(d.path, false);
}

static void a_weak_tag_is_no_validator(void **state)
{
	AUTO(http_download_release)
	struct http_download d = plan(state, "/file?cut=100000&weak=1");
	autofree char *info = NULL;

	assert_int_equal(download(&d), -1);
	info = xasprintf("%s.part.info", d.path);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	assert_int_equal(file_read(info, 4096, &text, NULL), 0);
	assert_non_null(strstr(text.data, "Mon, 01 Jan 2024"));
	assert_null(strstr(text.data, "W/"));
}

static void a_part_of_another_url_is_dropped(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?cut=100000&d");
	AUTO(http_download_release) struct http_download other;

	assert_int_equal(download(&d), -1);
	other = plan(state, "/ok");
	assert_int_equal(download(&other), 0);
	assert_int_equal(other.resumed_from, 0);
	assert_true(scratch_holds(other.path, "hello\n"));
}

static void a_part_that_is_whole_is_noticed(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?cut=299999&e");
	autofree char *part = NULL;

	assert_int_equal(download(&d), -1);
	part = xasprintf("%s.part", d.path);
	autofd int fd = open(part, O_WRONLY | O_APPEND | O_CLOEXEC);
	unsigned char last = byte_of(FILE_SIZE - 1);
	assert_int_equal(write(fd, &last, 1), 1);
	http_download_release(&d);
	d = plan(state, "/file?cut=299999&e");
	assert_int_equal(download(&d), 0);
	assert_int_equal(d.response.status, 416);
	assert_is_file(d.path, false);
}

static void a_wrong_digest_leaves_nothing(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?f");

	d.digest_name = "sha1";
	d.digest_hex = "0000000000000000000000000000000000000000";
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	autofree char *names = scratch_list(*state);
	assert_string_equal(names, "");
}

static void a_damaged_part_is_found_by_the_digest(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?cut=100000&g");
	autofree char *part = NULL;

	assert_int_equal(download(&d), -1);
	part = xasprintf("%s.part", d.path);
	autofd int fd = open(part, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff\xff", 2, 5000), 2);
	http_download_release(&d);
	d = plan(state, "/file?cut=100000&g");
	d.digest_name = "sha256";
	d.digest_hex = file_digest();
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_INTEGRITY);
	assert_int_equal(download(&d), 0);
	assert_is_file(d.path, false);
}

static void statuses_have_their_errors(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
	} cases[] = {
		{"/nothing", ERR_NOTFOUND},
		{"/status?code=410", ERR_NOTFOUND},
		{"/status?code=403", ERR_DENIED},
		{"/auth", ERR_DENIED},
		{"/status?code=418", ERR_PROTOCOL},
		{"/status?code=503", ERR_PROTOCOL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(http_download_release) struct http_download d = plan(state, cases[i].path);
		assert_int_equal(download(&d), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_false(path_exists(d.path));
	}
}

static void a_busy_server_is_asked_again(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/busy");

	d.attempts = 4;
	assert_int_equal(download(&d), 0);
	assert_int_equal(d.tries, 3);
	assert_true(scratch_holds(d.path, "now\n"));
}

static void too_much_is_refused(void **state)
{
	AUTO(http_download_release) struct http_download declared = plan(state, "/file?h");
	AUTO(http_download_release) struct http_download open_ended;

	declared.size_max = FILE_SIZE - 1;
	assert_int_equal(download(&declared), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	open_ended = plan(state, "/big?size=20000");
	open_ended.size_max = 10000;
	assert_int_equal(download(&open_ended), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void more_than_there_is_room_for_is_refused(void **state)
{
	AUTO(http_download_release) struct http_download declared = plan(state, "/file?k");
	AUTO(http_download_release) struct http_download open_ended;

	declared.room = FILE_SIZE;
	assert_int_equal(download(&declared), 0);
	declared.room--;
	assert_int_equal(download(&declared), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
	open_ended = plan(state, "/big?size=20000");
	open_ended.room = 10000;
	assert_int_equal(download(&open_ended), -1);
	assert_int_equal(err.code, ERR_NOSPACE);
}

static void a_range_that_nobody_asked_for(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?unasked=1");

	d.content = "a name of ours";
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "none was asked for"));
	assert_false(path_exists(d.path));
}

static void two_at_once_do_not_mix(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?i");
	autofree char *part = xasprintf("%s.part", d.path);
	autofd int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(download(&d), -1);
	assert_int_equal(err.code, ERR_BUSY);
}

struct seen {
	uint64_t done, total;
};

static void see(void *data, uint64_t done, uint64_t total)
{
	struct seen *s = data;

	assert_true(done > s->done);
	*s = (struct seen){done, total};
}

static void progress_is_told(void **state)
{
	AUTO(http_download_release) struct http_download d = plan(state, "/file?j");
	struct seen seen = {0};

	d.progress = see;
	d.progress_data = &seen;
	assert_int_equal(download(&d), 0);
	assert_int_equal(seen.done, FILE_SIZE);
	assert_int_equal(seen.total, FILE_SIZE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(brings_a_file),
		T(goes_on_in_one_call),
		T(goes_on_as_long_as_it_gets_forward),
		T(gives_up_where_it_gets_no_further),
		T(every_attempt_counts_without_patience),
		T(patience_ends),
		T(goes_on_in_the_next_call),
		T(other_content_is_not_joined),
		T(named_content_goes_on),
		T(content_of_another_name_starts_anew),
		T(named_content_of_another_size_starts_anew),
		T(a_rate_is_kept),
		T(without_a_validator_it_starts_anew),
		T(a_weak_tag_is_no_validator),
		T(a_part_of_another_url_is_dropped),
		T(a_part_that_is_whole_is_noticed),
		T(a_wrong_digest_leaves_nothing),
		T(a_damaged_part_is_found_by_the_digest),
		T(statuses_have_their_errors),
		T(a_busy_server_is_asked_again),
		T(too_much_is_refused),
		T(more_than_there_is_room_for_is_refused),
		T(a_range_that_nobody_asked_for),
		T(two_at_once_do_not_mix),
		T(progress_is_told),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
