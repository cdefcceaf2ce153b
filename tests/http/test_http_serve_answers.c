/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's larger answers and bodies: later, from workers, files, readers and feeds; TLS; and
 * how it stops.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "http/client.h"
#include "http/serve_answer.h"
#include "http/server.h"

#define FILE_SIZE   100000u
#define UPLOAD_SIZE (3u << 20)
#define PATIENCE    60

static struct http_server *server;
static struct http_client *client;
static struct http_response response;
static struct http_feed *feed;
static struct http_shared *shared;
static struct err err;
static char directory[] = "/tmp/test_http_serve.XXXXXX";
static char file_path[256];

/* What hooks and handlers saw, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	struct http_later *later;
	unsigned done, cut, last_status;
	unsigned uploads_ended;
	unsigned running; /* handlers in await_others */
} seen;

static void note(unsigned *what, unsigned more)
{
	pthread_mutex_lock(&lock);
	*what += more;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Waits until a counter has a value; fails the test after a long time. */
static void await(const unsigned *what, unsigned value)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&lock);
	int rc = 0;
	while (*what != value && rc == 0)
		rc = pthread_cond_timedwait(&changed, &lock, &until);
	pthread_mutex_unlock(&lock);
	assert_int_equal(rc, 0);
}

/* ---- handlers ---- */

static void *answer_soon(void *arg)
{
	struct http_later *later = arg;
	struct http_answer answer = HTTP_ANSWER_INIT;

	answer.status = 201;
	strbuf_addf(&answer.body, "later: %s", http_later_call(later)->body);
	http_later_answer(later, &answer);
	return NULL;
}

static void answer_from_a_thread(
	void *data, const struct http_call *call, struct http_answer *answer)
{
	pthread_t thread;

	(void)data;
	strbuf_addstr(&answer->body, "which does not count");
	assert_int_equal(pthread_create(&thread, NULL, answer_soon, http_call_later(call)), 0);
	pthread_detach(thread);
}

static void keep_waiting(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)answer;
	pthread_mutex_lock(&lock);
	seen.later = http_call_later(call);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Answers when two are here at once. */
static void meet(void *data, const struct http_call *call, struct http_answer *answer)
{
	struct timespec until;

	(void)data;
	(void)call;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&lock);
	seen.running++;
	pthread_cond_broadcast(&changed);
	while (seen.running < 2 && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	strbuf_addf(&answer->body, "%u", seen.running);
	pthread_mutex_unlock(&lock);
}

static void give_file(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	http_answer_file(call, answer,
		&(struct http_file){.fd = open(file_path, O_RDONLY | O_CLOEXEC),
			.type = "text/plain",
			.etag = "\"one\"",
			.offset = 10,
			.size = FILE_SIZE - 10});
}

static void give_shared(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	http_answer_shared(answer, shared);
}

static ssize_t read_numbers(void *data, char *to, size_t n)
{
	unsigned *left = data;

	if (*left == 0)
		return HTTP_READER_END;
	if (*left == 13)
		return HTTP_READER_ERROR;
	(*left)--;
	return snprintf(to, n, "%u\n", *left);
}

static void give_numbers(void *data, const struct http_call *call, struct http_answer *answer)
{
	const char *from = http_call_query(call, "from");
	int64_t n = 0;

	(void)data;
	assert_true(parse_int(from, 0, 1000000, &n));
	unsigned *left = xmalloc(sizeof(*left));
	*left = (unsigned)n;
	http_answer_reader(answer, read_numbers, free, left);
}

static void give_feed(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	(void)call;
	http_answer_feed(answer, feed, "data: welcome\n\n");
}

static void give_nothing(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	answer->status = http_call_has_tag(call, "If-Match", "\"b\"", false)       ? 412
			 : http_call_has_tag(call, "If-None-Match", "\"b\"", true) ? 304
										   : 204;
}

static void give_rest(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	strbuf_addf(&answer->body, "%s|%s", call->segments[0], call->segments[1]);
}

static void give_client(void *data, const struct http_call *call, struct http_answer *answer)
{
	char text[HTTP_CLIENT_TEXT];

	(void)data;
	http_call_client(call, text);
	strbuf_addstr(&answer->body, text);
}

/* ---- an upload that counts ---- */

struct counted {
	uint64_t bytes, sum;
};

static void *upload_begin(void *data, const struct http_call *call, struct http_answer *answer)
{
	(void)data;
	if (http_call_query(call, "refuse")) {
		http_answer_problem(answer, 409, "not this one");
		return NULL;
	}
	return xcalloc(1, sizeof(struct counted));
}

static int upload_piece(void *upload, const void *bytes, size_t n, struct http_answer *answer)
{
	struct counted *c = upload;

	for (size_t i = 0; i < n; i++)
		c->sum += ((const unsigned char *)bytes)[i];
	c->bytes += n;
	if (c->bytes <= UPLOAD_SIZE)
		return 0;
	http_answer_problem(answer, 507, "enough");
	return -1;
}

static void upload_end(void *upload)
{
	free(upload);
	note(&seen.uploads_ended, 1);
}

static const struct http_upload upload = {upload_begin, upload_piece, upload_end};

static void upload_done(void *data, const struct http_call *call, struct http_answer *answer)
{
	const struct counted *c = call->upload;

	(void)data;
	strbuf_addf(&answer->body, "%llu %llu", (unsigned long long)c->bytes,
		(unsigned long long)c->sum);
}

static const struct http_route routes[] = {
	HTTP_ROUTE("POST", "/later", answer_from_a_thread),
	HTTP_ROUTE("POST", "/never", keep_waiting),
	HTTP_ROUTE("GET", "/meet", meet, .slow = true),
	HTTP_ROUTE("GET", "/file", give_file),
	HTTP_ROUTE("GET", "/shared", give_shared),
	HTTP_ROUTE("GET", "/numbers", give_numbers),
	HTTP_ROUTE("GET", "/feed", give_feed),
	HTTP_ROUTE("GET", "/tags", give_nothing),
	HTTP_ROUTE("GET", "/rest/{}/{+}", give_rest),
	HTTP_ROUTE("GET", "/client", give_client),
	HTTP_ROUTE("POST", "/short", give_client, .body_max = 10),
	HTTP_ROUTE("PUT", "/upload", upload_done, .upload = &upload),
	HTTP_ROUTE("PUT", "/slow-upload", upload_done, .upload = &upload, .slow = true),
	{0},
};

/* ---- hooks ---- */

static bool guard(void *data, struct http_call *call, struct http_answer *answer)
{
	(void)data;
	if (!http_call_header(call, "X-Forbidden"))
		return true;
	http_answer_problem(answer, 403, "not you");
	return false;
}

static void done(void *data, const struct http_call *call, unsigned status, double seconds)
{
	(void)data;
	(void)call;
	assert_true(seconds >= 0);
	pthread_mutex_lock(&lock);
	seen.last_status = status;
	pthread_mutex_unlock(&lock);
	note(status ? &seen.done : &seen.cut, 1);
}

/* ---- fixture ---- */

static void make_file(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (unsigned i = 0; i < FILE_SIZE; i++)
		strbuf_addch(&text, (char)('a' + i % 26));
	snprintf(file_path, sizeof(file_path), "%s/file", directory);
	assert_int_equal(file_replace(file_path, text.data, text.len, 0644, &err), 0);
}

static int prepare(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(directory));
	make_file();
	return 0;
}

static int clean(void **state)
{
	(void)state;
	return path_remove_tree(directory, &err);
}

static int start_with(struct http_server_options o)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	memset(&seen, 0, sizeof(seen));
	strbuf_addstr(&text, "shared by all");
	shared = http_shared_new(&text);
	feed = http_feed_new(0, &err);
	o.routes = routes;
	o.guard = guard;
	o.done = done;
	server = http_server_start(&o, &err);
	client = http_client_new(&(struct http_options){0});
	return server && feed ? 0 : -1;
}

static int start(void **state)
{
	(void)state;
	return start_with((struct http_server_options){.connections = 200, .idle = 60});
}

static int start_impatient(void **state)
{
	(void)state;
	return start_with((struct http_server_options){.idle = 2});
}

static int stop(void **state)
{
	(void)state;
	http_response_release(&response);
	http_client_free(client);
	http_server_stop(server);
	server = NULL;
	http_feed_free(feed);
	http_shared_drop(shared);
	return 0;
}

static const char *url(const char *path)
{
	static char text[256];

	snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", http_server_port(server), path);
	return text;
}

static void ask(struct http_request request)
{
	err_clear(&err);
	request.until = deadline_in(PATIENCE);
	if (http_perform(client, &request, &response, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect(int status, const char *body)
{
	assert_string_equal(response.body.data, body);
	assert_int_equal(response.status, status);
}

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(http_server_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int dial_and_say(const char *text)
{
	int fd = dial();

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	return fd;
}

/* Reads until a text has come; fails at the end of the connection or of patience. */
static void read_until(int fd, struct strbuf *got, const char *expected)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char piece[4096];

	while (!strstr(got->data, expected)) {
		assert_int_equal(poll(&p, 1, PATIENCE * 1000), 1);
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n <= 0)
			fail_msg("ended after: %s", got->data);
		strbuf_add(got, piece, (size_t)n);
	}
}

/* ---- later ---- */

static void another_thread_answers(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		ask((struct http_request){
			.url = url("/later"), .body = "hello", .body_len = 5});
		expect(201, "later: hello");
	}
}

static void *ask_to_meet(void *arg)
{
	struct http_client *other = http_client_new(&(struct http_options){0});
	struct http_response *r = arg;
	struct http_request request = {.url = url("/meet"), .until = deadline_in(PATIENCE)};

	assert_int_equal(http_perform(other, &request, r, NULL), 0);
	http_client_free(other);
	return NULL;
}

/* Two handlers that wait for each other, while a third is answered. */
static void slow_routes_wait_on_workers(void **state)
{
	AUTO(http_response_release) struct http_response other = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask_to_meet, &other), 0);
	await(&seen.running, 1);
	ask((struct http_request){.url = url("/client")});
	expect(200, "127.0.0.1");
	ask((struct http_request){.url = url("/meet")});
	expect(200, "2");
	pthread_join(thread, NULL);
	assert_string_equal(other.body.data, "2");
}

static void *give_waiting_its_answer(void *arg)
{
	struct http_later *later;

	(void)arg;
	pthread_mutex_lock(&lock);
	later = seen.later;
	pthread_mutex_unlock(&lock);
	return answer_soon(later);
}

/* What waits when the server stops gets its answer first. */
static void a_stop_waits_for_answers(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	pthread_t thread;

	(void)state;
	autofd int fd = dial_and_say("POST /never HTTP/1.1\r\nHost: x\r\n"
				     "Content-Length: 2\r\n\r\nhi");
	pthread_mutex_lock(&lock);
	while (!seen.later)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	assert_int_equal(pthread_create(&thread, NULL, give_waiting_its_answer, NULL), 0);
	http_server_stop(server);
	server = NULL;
	pthread_join(thread, NULL);
	read_until(fd, &got, "later: hi");
	assert_int_equal(seen.last_status, 201);
	char more;
	assert_int_equal(read(fd, &more, 1), 0);
}

/* ---- hooks ---- */

static void a_guard_refuses_before_the_body(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	autofd int fd =
		dial_and_say("PUT /upload HTTP/1.1\r\nHost: x\r\nX-Forbidden: yes\r\n"
			     "Expect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n");
	read_until(fd, &got, "not you");
	assert_true(str_starts(got.data, "HTTP/1.1 403 "));
	await(&seen.done, 1);
	assert_int_equal(seen.last_status, 403);
}

/* At once, or, where its end came together with its bytes, when it was silent for too long. */
static void who_goes_away_is_told_of(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	int fd = dial_and_say("PUT /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
			      "Content-Length: 100\r\n\r\n");
	/* An end that comes together with bytes is noticed by the idle limit alone. */
	read_until(fd, &got, "100 Continue");
	close(fd);
	await(&seen.cut, 1);
	await(&seen.uploads_ended, 1);
}

/* ---- bodies ---- */

static void a_route_has_a_limit_of_its_own(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/short"), .body = "0123456789", .body_len = 10});
	assert_int_equal(response.status, 200);
	ask((struct http_request){.url = url("/short"), .body = "0123456789+", .body_len = 11});
	assert_int_equal(response.status, 413);
}

static void an_upload_passes_in_pieces(void **state)
{
	static const char *const paths[] = {"/upload", "/slow-upload"};
	char *body = xmalloc(UPLOAD_SIZE + 1);
	char expected[64];

	(void)state;
	memset(body, 7, UPLOAD_SIZE + 1);
	snprintf(expected, sizeof(expected), "%u %u", UPLOAD_SIZE, 7 * UPLOAD_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		ask((struct http_request){.url = url(paths[i]),
			.method = "PUT",
			.body = body,
			.body_len = UPLOAD_SIZE});
		expect(200, expected);
		await(&seen.uploads_ended, (unsigned)i + 1);
	}
	ask((struct http_request){.url = url("/upload"),
		.method = "PUT",
		.body = body,
		.body_len = UPLOAD_SIZE + 1});
	assert_int_equal(response.status, 507);
	free(body);
}

static void an_upload_is_refused_before_its_body(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	autofd int fd = dial_and_say("PUT /upload?refuse HTTP/1.1\r\nHost: x\r\n"
				     "Content-Length: 99999999\r\n\r\n");
	read_until(fd, &got, "not this one");
	assert_true(str_starts(got.data, "HTTP/1.1 409 "));
	assert_int_equal(seen.uploads_ended, 0);
}

static void a_client_that_asks_first_may_go_on(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	autofd int fd = dial_and_say("PUT /upload HTTP/1.1\r\nHost: x\r\n"
				     "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	read_until(fd, &got, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(fd_write_all(fd, "\1\2\3", 3), 0);
	read_until(fd, &got, "3 6");
}

/* ---- files ---- */

struct range_case {
	const char *header, *more;
	int status;
	const char *range;
	size_t first, count;
};

static void check_range(const struct range_case *c)
{
	const char *headers[] = {c->header, c->more, NULL};
	ask((struct http_request){.url = url("/file"), .headers = c->header ? headers : NULL});
	if (response.status != c->status)
		fail_msg("%s: %d", c->header, response.status);
	assert_int_equal(str_cmp0(http_header_get(&response, "Content-Range"), c->range), 0);
	if (c->status >= 300)
		return;
	assert_int_equal(response.body.len, c->count);
	for (size_t i = 0; i < c->count; i++)
		assert_int_equal(response.body.data[i], 'a' + (int)((c->first + 10 + i) % 26));
	assert_string_equal(http_header_get(&response, "ETag"), "\"one\"");
	assert_string_equal(http_header_get(&response, "Accept-Ranges"), "bytes");
}

static void files_have_ranges(void **state)
{
	static const struct range_case cases[] = {
		{NULL, NULL, 200, NULL, 0, 99990},
		{"Range: bytes=0-0", NULL, 206, "bytes 0-0/99990", 0, 1},
		{"Range: bytes=100-199", NULL, 206, "bytes 100-199/99990", 100, 100},
		{"Range: bytes=99000-", NULL, 206, "bytes 99000-99989/99990", 99000, 990},
		{"Range: bytes=99000-200000", NULL, 206, "bytes 99000-99989/99990", 99000, 990},
		{"Range: bytes=-90", NULL, 206, "bytes 99900-99989/99990", 99900, 90},
		{"Range: bytes=-200000", NULL, 206, "bytes 0-99989/99990", 0, 99990},
		{"Range: bytes=99990-", NULL, 416, "bytes */99990", 0, 0},
		{"Range: bytes=-0", NULL, 416, "bytes */99990", 0, 0},
		{"Range: bytes=5-4", NULL, 200, NULL, 0, 99990},
		{"Range: bytes=1-2,5-6", NULL, 200, NULL, 0, 99990},
		{"Range: lines=1-2", NULL, 200, NULL, 0, 99990},
		{"Range: bytes=99999999999999999999-", NULL, 200, NULL, 0, 99990},
		{"Range: bytes=0-9", "If-Range: \"one\"", 206, "bytes 0-9/99990", 0, 10},
		{"Range: bytes=0-9", "If-Range: \"two\"", 200, NULL, 0, 99990},
		{"If-None-Match: \"zero\", W/\"one\"", NULL, 304, NULL, 0, 0},
		{"If-None-Match: \"two\"", NULL, 200, NULL, 0, 99990},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_range(&cases[i]);
}

static void a_files_head_has_its_length(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/file"), .method = "HEAD"});
	expect(200, "");
	assert_string_equal(http_header_get(&response, "Content-Length"), "99990");
}

/* ---- bodies that are shared, or made on the way ---- */

static void shared_bodies_are_sent(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		ask((struct http_request){.url = url("/shared")});
		expect(200, "shared by all");
	}
	assert_string_equal(http_shared_text(shared)->data, "shared by all");
}

static void a_reader_gives_pieces(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/numbers?from=3")});
	expect(200, "2\n1\n0\n");
	ask((struct http_request){.url = url("/numbers?from=0")});
	expect(200, "");
	struct http_request cut = {
		.url = url("/numbers?from=20"), .until = deadline_in(PATIENCE)};
	assert_int_equal(http_perform(client, &cut, &response, &err), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

/* ---- events ---- */

static void events_reach_all_subscribers(void **state)
{
	enum { COUNT = 100 };
	struct strbuf got[COUNT];
	int fds[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		strbuf_init(&got[i]);
		fds[i] = dial_and_say("GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
		read_until(fds[i], &got[i], "data: welcome\n\n");
		assert_non_null(strstr(got[i].data, "Content-Type: text/event-stream"));
	}
	assert_int_equal(http_feed_subscribers(feed), COUNT);
	http_feed_send(feed, "state", "7", "one\ntwo");
	http_feed_send(feed, NULL, NULL, "three");
	for (int i = 0; i < COUNT; i++) {
		read_until(fds[i], &got[i], "event: state\nid: 7\ndata: one\ndata: two\n\n");
		read_until(fds[i], &got[i], "data: three\n\n");
		close(fds[i]);
		strbuf_release(&got[i]);
	}
	deadline until = deadline_in(PATIENCE);
	while (http_feed_subscribers(feed) && !deadline_passed(until)) {
		http_feed_send(feed, NULL, NULL, "anybody there?");
		usleep(10000);
	}
	assert_int_equal(http_feed_subscribers(feed), 0);
}

static void who_does_not_read_is_cut(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	autofree char *much = xmalloc(100001);

	(void)state;
	memset(much, 'x', 100000);
	much[100000] = '\0';
	autofd int fd = dial_and_say("GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(fd, &got, "welcome");
	deadline until = deadline_in(PATIENCE);
	while (http_feed_subscribers(feed) && !deadline_passed(until)) {
		http_feed_send(feed, NULL, NULL, much);
		char piece[1];
		if (got.len > 2000000 && recv(fd, piece, 1, MSG_DONTWAIT) == 0)
			break;
		strbuf_addch(&got, 'x');
		/* Kernel buffers take megabytes; what is beyond them and the backlog is cut.
		 * The connection ends once the client reads what lies there. */
		if (got.len % 200 == 0)
			while (recv(fd, much, 100000, MSG_DONTWAIT) > 0)
				;
		memset(much, 'x', 100000);
	}
	assert_int_equal(http_feed_subscribers(feed), 0);
}

static void a_stop_ends_feeds(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	autofd int fd = dial_and_say("GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(fd, &got, "welcome");
	int64_t began = clock_ns();
	http_server_stop(server);
	server = NULL;
	assert_true((double)(clock_ns() - began) / 1e9 < HTTP_SERVER_GRACE);
	read_until(fd, &got, "\r\n0\r\n");
}

static void hearts_beat(void **state)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	(void)state;
	http_feed_free(feed);
	feed = http_feed_new(0.02, &err);
	autofd int fd = dial_and_say("GET /feed HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(fd, &got, "welcome");
	strbuf_clear(&got);
	read_until(fd, &got, ":\n\n");
}

/* ---- the rest ---- */

static void tags_are_compared(void **state)
{
	static const struct {
		const char *header;
		int status;
	} cases[] = {
		{"If-Match: \"b\"", 412},
		{"If-Match: \"a\", \"b\"", 412},
		{"If-Match: *", 412},
		{"If-Match: W/\"b\"", 204},
		{"If-Match: b", 204},
		{"If-Match: \"b", 204},
		{"If-None-Match: W/\"b\"", 304},
		{"If-None-Match: \"a\",\"b\"", 304},
		{"If-None-Match: \"ab\"", 204},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const headers[] = {cases[i].header, NULL};
		ask((struct http_request){.url = url("/tags"), .headers = headers});
		if (response.status != cases[i].status)
			fail_msg("%s: %d", cases[i].header, response.status);
		if (response.status != 412)
			assert_null(http_header_get(&response, "Content-Type"));
	}
}

static void the_rest_of_a_path_is_one_segment(void **state)
{
	(void)state;
	ask((struct http_request){.url = url("/rest/a/b/c%20d/e")});
	expect(200, "a|b/c d/e");
	ask((struct http_request){.url = url("/rest/a/")});
	assert_int_equal(response.status, 404);
}

static void many_idle_connections_leave_room(void **state)
{
	enum { COUNT = 150 };
	int fds[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++)
		fds[i] = dial();
	ask((struct http_request){.url = url("/client")});
	expect(200, "127.0.0.1");
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
}

static void connections_are_as_many_as_descriptors(void **state)
{
	struct rlimit old, low = {.rlim_cur = 1000, .rlim_max = 1000};

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_NOFILE, &low);
		struct http_server *s = http_server_start(
			&(struct http_server_options){.routes = routes, .connections = 5000},
			NULL);
		unsigned n = s ? http_server_connections(s) : 0;
		http_server_stop(s);
		_exit(n >= 500 && n < 1000 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- TLS ---- */

static char cert[256], key[256];

static int start_tls(void **state)
{
	(void)state;
	server_make_certificate(directory, cert, key);
	return start_with(
		(struct http_server_options){.tls_cert = cert, .tls_key = key, .idle = 60});
}

static void ask_tls(const char *path, int status)
{
	char text[256];

	snprintf(text, sizeof(text), "https://127.0.0.1:%u%s", http_server_port(server), path);
	ask((struct http_request){.url = text, .tls = {.ca_path = cert}});
	assert_int_equal(response.status, status);
}

static void tls_is_spoken(void **state)
{
	(void)state;
	ask_tls("/shared", 200);
	assert_string_equal(response.body.data, "shared by all");
	ask_tls("/file", 200);
	assert_int_equal(response.body.len, FILE_SIZE - 10);
	assert_int_equal(response.body.data[FILE_SIZE - 11], 'a' + (FILE_SIZE - 1) % 26);
	ask_tls("/numbers?from=5", 200);
	assert_string_equal(response.body.data, "4\n3\n2\n1\n0\n");
}

static void what_is_no_certificate_is_an_error(void **state)
{
	(void)state;
	struct http_server_options o = {
		.routes = routes, .tls_cert = file_path, .tls_key = file_path};
	assert_null(http_server_start(&o, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, file_path));
	o.tls_cert = "/nowhere/cert.pem";
	assert_null(http_server_start(&o, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

#define TEST(f)     cmocka_unit_test_setup_teardown(f, start, stop)
#define TEST_TLS(f) cmocka_unit_test_setup_teardown(f, start_tls, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Which forks: first, while there is one thread. */
		cmocka_unit_test(connections_are_as_many_as_descriptors),
		TEST(another_thread_answers),
		TEST(slow_routes_wait_on_workers),
		TEST(a_stop_waits_for_answers),
		TEST(a_guard_refuses_before_the_body),
		cmocka_unit_test_setup_teardown(
			who_goes_away_is_told_of, start_impatient, stop),
		TEST(a_route_has_a_limit_of_its_own),
		TEST(an_upload_passes_in_pieces),
		TEST(an_upload_is_refused_before_its_body),
		TEST(a_client_that_asks_first_may_go_on),
		TEST(files_have_ranges),
		TEST(a_files_head_has_its_length),
		TEST(shared_bodies_are_sent),
		TEST(a_reader_gives_pieces),
		TEST(events_reach_all_subscribers),
		TEST(who_does_not_read_is_cut),
		TEST(a_stop_ends_feeds),
		TEST(hearts_beat),
		TEST(tags_are_compared),
		TEST(the_rest_of_a_path_is_one_segment),
		TEST(many_idle_connections_leave_room),
		TEST_TLS(tls_is_spoken),
		TEST_TLS(what_is_no_certificate_is_an_error),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
