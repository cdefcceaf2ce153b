/* SPDX-License-Identifier: Apache-2.0 */
#include "node/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"

static const char *helper_or(const char *built)
{
	const char *given = getenv("MODELFLEET_TEST_NODE");

	return given && *given ? given : built;
}

const char *client_helper(void)
{
	return helper_or(MODELFLEET_NODE);
}

const char *client_static_helper(void)
{
	return helper_or(MODELFLEET_NODE_STATIC);
}

const char *client_foreign_machine(void)
{
	return getenv("MODELFLEET_TEST_MACHINE");
}

/* A helper that is killed in mid-write must not take the test with it. */
static void spawn(struct client *c, const char *program)
{
	int in[2], out[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

void client_start(struct client *c)
{
	client_start_program(c, client_helper());
}

void client_start_program(struct client *c, const char *program)
{
	uint8_t magic[WIRE_MAGIC_SIZE];

	memset(c, 0, sizeof(*c));
	spawn(c, program);
	assert_int_equal(fd_write_all(c->in, wire_magic, WIRE_MAGIC_SIZE), 0);
	assert_int_equal(fd_read_full(c->out, magic, sizeof(magic)), WIRE_MAGIC_SIZE);
	assert_memory_equal(magic, wire_magic, WIRE_MAGIC_SIZE);
}

static void clean_up(struct client *c, int *status)
{
	fd_close(&c->in);
	fd_close(&c->out);
	frame_decoder_release(&c->decoder);
	assert_int_equal(waitpid(c->pid, status, 0), c->pid);
}

void client_stop(struct client *c)
{
	struct frame f;
	int status;
	uint32_t id = client_send(c, WIRE_BYE, 0, NULL, 0);

	assert_true(client_next(c, &f));
	assert_int_equal(f.kind, WIRE_BYE);
	assert_int_equal(f.id, id);
	assert_false(client_next(c, &f));
	clean_up(c, &status);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void client_kill(struct client *c)
{
	int status;

	kill(c->pid, SIGKILL);
	clean_up(c, &status);
}

bool client_frame(struct client *c, const struct frame *f)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	frame_append(f, &b);
	return fd_write_all(c->in, b.data, b.len) == 0;
}

uint32_t client_send(struct client *c, uint8_t kind, uint8_t flags, const void *data, size_t n)
{
	struct frame f = {
		.id = ++c->last_id, .kind = kind, .flags = flags, .data = data, .len = n};

	client_frame(c, &f);
	return f.id;
}

bool client_next(struct client *c, struct frame *f)
{
	struct err err = {0};

	for (;;) {
		int got = frame_decode(&c->decoder, &c->at, &c->left, f, &err);
		assert_true(got >= 0);
		if (got)
			return true;
		ssize_t n = read(c->out, c->chunk, sizeof(c->chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		c->at = c->chunk;
		c->left = (size_t)n;
	}
}

static void take_error(const struct frame *f, struct answer *a)
{
	struct wire_error e;
	struct err err = {0};

	assert_int_equal(wire_get_error(f, &e, &err), 0);
	a->code = e.code;
	snprintf(a->text, sizeof(a->text), "%s", e.text);
}

bool client_answer(struct client *c, uint32_t id, struct answer *a)
{
	struct frame f;

	*a = (struct answer){.data = STRBUF_INIT};
	for (;;) {
		if (!client_next(c, &f))
			return false;
		assert_int_equal(f.id, id);
		assert_int_equal(f.ctx, 0);
		if (f.kind == WIRE_EVENT) {
			a->events++;
			continue;
		}
		if (f.kind == WIRE_ERROR) {
			take_error(&f, a);
			return true;
		}
		assert_int_equal(f.kind, WIRE_REPLY);
		strbuf_add(&a->data, f.data, f.len);
		if (!(f.flags & FRAME_MORE))
			return true;
	}
}

enum err_code client_call(struct client *c, uint8_t kind, uint8_t flags,
	const struct msg_writer *w, struct answer *a)
{
	uint32_t id = client_send(c, kind, flags, w ? w->data : NULL, w ? w->len : 0);

	assert_true(client_answer(c, id, a));
	return a->code;
}

void answer_release(struct answer *a)
{
	strbuf_release(&a->data);
}

enum err_code client_root(struct client *c, const char *path)
{
	uint8_t buffer[8192];
	struct msg_writer w;
	struct answer a;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_root_open(&w, &(struct wire_root_open){.root = 0,
				       .flags = WIRE_ROOT_CREATE | WIRE_ROOT_LEASE,
				       .mode = 0755,
				       .path = path,
				       .holder = "a test"});
	enum err_code code = client_call(c, WIRE_ROOT_OPEN, 0, &w, &a);
	answer_release(&a);
	return code;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_drift(struct msg_reader *r, struct strbuf *out)
{
	static const char *const names[] = {"?", "changed", "missing", "extra", "type", "mode"};
	AUTO(strlist_release) struct strlist lines = {0};
	struct wire_drift d;
	struct err err = {0};
	int more;

	while ((more = wire_get_drift(r, &d, &err)) > 0) {
		assert_in_range(d.kind, 1, 5);
		strlist_addf(
			&lines, "%s%s %s\n", names[d.kind], d.newer ? "+newer" : "", d.path);
	}
	assert_int_equal(more, 0);
	if (lines.count)
		qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
	for (size_t i = 0; i < lines.count; i++)
		strbuf_addstr(out, lines.items[i]);
}

void client_check(struct client *c, const char *version, const uint8_t *digest, uint8_t flags,
	struct checked *out)
{
	uint8_t buffer[1024];
	struct msg_writer w;
	struct msg_reader r;
	struct answer a;
	struct err err = {0};
	struct wire_version_check request = {.flags = flags, .version = version};

	*out = (struct checked){.drift = STRBUF_INIT};
	memcpy(request.digest, digest, WIRE_DIGEST_SIZE);
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_check(&w, &request);
	out->code = client_call(c, WIRE_VERSION_CHECK, 0, &w, &a);
	if (out->code == ERR_NONE) {
		msg_read(&r, a.data.data, a.data.len);
		assert_int_equal(wire_get_check_head(&r, &out->head, &err), 0);
		read_drift(&r, &out->drift);
	}
	answer_release(&a);
}

void checked_release(struct checked *r)
{
	strbuf_release(&r->drift);
}

void client_stream(struct client *c, uint32_t id, const void *content, size_t n)
{
	const size_t piece = 30001; /* no power of two */
	const char *data = content;

	do {
		size_t take = n < piece ? n : piece;
		struct frame f = {.id = id,
			.kind = WIRE_DATA,
			.flags = take == n ? FRAME_LAST : 0,
			.data = (const uint8_t *)data,
			.len = take};
		if (!client_frame(c, &f))
			return;
		data += take;
		n -= take;
	} while (n > 0);
}

static void read_plan(struct planned *p)
{
	struct {
		struct wire_plan *items;
		size_t count, cap;
	} v = {0};
	struct msg_reader r;
	struct wire_plan record;
	struct err err = {0};

	msg_read(&r, p->answer.data.data, p->answer.data.len);
	while (wire_get_plan(&r, &record, &err) > 0)
		*VEC_PUSH(&v) = record;
	assert_int_equal(err.code, ERR_NONE);
	p->records = v.items;
	p->count = v.count;
}

void client_begin(struct client *c, uint8_t stage, const char *version,
	const struct manifest *m, uint8_t flags, uint8_t frame_flags, struct planned *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	uint8_t buffer[1024];
	struct msg_writer w;
	struct wire_version_begin request = {
		.stage = stage, .flags = flags, .version = version};

	*out = (struct planned){0};
	manifest_write(m, &text);
	memcpy(request.digest, m->digest, WIRE_DIGEST_SIZE);
	request.manifest_len = (uint32_t)text.len;
	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_begin(&w, &request);
	uint32_t id = client_send(c, WIRE_VERSION_BEGIN, frame_flags, w.data, w.len);
	client_stream(c, id, text.data, text.len);
	if (!client_answer(c, id, &out->answer)) {
		out->code = ERR_UNREACHABLE;
		return;
	}
	out->code = out->answer.code;
	if (out->code == ERR_NONE)
		read_plan(out);
}

const struct wire_plan *planned_find(
	const struct planned *p, const struct manifest *m, const char *path)
{
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(m->entries[p->records[i].index].path, path) == 0)
			return &p->records[i];
	}
	fail_msg("no plan for %s", path);
	return NULL;
}

void planned_release(struct planned *p)
{
	answer_release(&p->answer);
	free(p->records);
}

enum err_code client_put(struct client *c, const struct wire_file_put *p, const void *data,
	size_t n, struct answer *a)
{
	uint8_t buffer[FRAME_PAYLOAD_MAX];
	struct msg_writer w;
	size_t first = n < 1000 ? n : 1000;

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_file_put(&w, p);
	assert_int_equal(w.len, WIRE_FILE_PUT_SIZE);
	msg_put_raw(&w, data, first);
	uint8_t flags = first == n ? FRAME_LAST : 0;
	uint32_t id = client_send(c, WIRE_FILE_PUT, flags, w.data, w.len);
	if (first < n)
		client_stream(c, id, (const char *)data + first, n - first);
	bool answered = client_answer(c, id, a);
	answer_release(a);
	return answered ? a->code : ERR_UNREACHABLE;
}

enum err_code client_put_file(struct client *c, uint8_t stage, const struct manifest *m,
	const struct wire_plan *plan, const char *source)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	autofree char *path = path_join(source, m->entries[plan->index].path);
	struct wire_file_put put = {
		.stage = stage, .index = plan->index, .offset = plan->offset};
	struct answer a;
	struct err err = {0};

	assert_int_equal(file_read(path, 1u << 30, &content, &err), 0);
	enum err_code code = client_put(
		c, &put, content.data + plan->offset, content.len - plan->offset, &a);
	if (code != ERR_NONE && code != ERR_UNREACHABLE)
		print_message("put %s: %s\n", path, a.text);
	return code;
}

enum err_code client_commit(struct client *c, uint8_t stage, struct wire_committed *out)
{
	uint8_t buffer[16];
	struct msg_writer w;
	struct answer a;
	struct err err = {0};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_version_end(&w, &(struct wire_version_end){.stage = stage});
	uint32_t id = client_send(c, WIRE_VERSION_COMMIT, 0, w.data, w.len);
	enum err_code code = client_answer(c, id, &a) ? a.code : ERR_UNREACHABLE;
	if (code == ERR_NONE) {
		struct frame f = {.data = (uint8_t *)a.data.data, .len = a.data.len};
		assert_int_equal(wire_get_committed(&f, out, &err), 0);
	} else if (code != ERR_UNREACHABLE) {
		print_message("commit: %s\n", a.text);
	}
	answer_release(&a);
	return code;
}

static enum err_code put_all(struct client *c, const struct manifest *m,
	const struct planned *plan, const char *source)
{
	for (size_t i = 0; i < plan->count; i++) {
		unsigned state = plan->records[i].state;
		if (state != WIRE_PLAN_SEND && state != WIRE_PLAN_BASIS)
			continue;
		enum err_code code = client_put_file(c, 0, m, &plan->records[i], source);
		if (code != ERR_NONE)
			return code;
	}
	return ERR_NONE;
}

enum err_code client_deploy(struct client *c, const char *version, const char *source,
	uint8_t begin_flags, uint8_t digest[WIRE_DIGEST_SIZE])
{
	struct manifest m;
	struct planned plan;
	struct wire_committed done;
	struct err err = {0};

	if (manifest_build_path(source, NULL, &m, &err) < 0)
		fail_msg("%s", err.text);
	if (digest)
		memcpy(digest, m.digest, WIRE_DIGEST_SIZE);
	client_begin(c, 0, version, &m, begin_flags, 0, &plan);
	enum err_code code = plan.code;
	if (code == ERR_NONE)
		code = put_all(c, &m, &plan, source);
	else if (code != ERR_UNREACHABLE)
		print_message("begin: %s\n", plan.answer.text);
	if (code == ERR_NONE)
		code = client_commit(c, 0, &done);
	planned_release(&plan);
	manifest_release(&m);
	return code;
}
