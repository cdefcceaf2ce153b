/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MODULE and BLOB_PUT as requests: what is refused, what is limited, what survives a failure.
 */
#include "node/module_call.h"

#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"
#include "node/module.h"
#include "node/world.h"

static const char *const names[] = {"stat", "file", "copy", "slurp", "command", "wait", "facts",
	"service", "watch", "apt", "pip"};

static void every_module_says_what_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct node_module *m = node_module_find(names[i]);
		assert_non_null(m);
		assert_non_null(m->run);
		assert_non_null(m->args);
		for (const struct node_arg *a = m->args; a->name; a++)
			assert_true(a->types & ~(unsigned)ARG_REQUIRED);
	}
	assert_null(node_module_find("no_such"));
	assert_null(node_module_find(""));
}

/* Sends a request's fields and a stream, and receives the answer's code and text. */
static enum err_code request(struct world *w, const char *name, uint32_t announced,
	const void *args, size_t n, struct answer *a)
{
	uint8_t buffer[1024];
	struct msg_writer m;

	msg_begin(&m, buffer, sizeof(buffer));
	wire_put_module(&m, &(struct wire_module){.name = name, .args_len = announced});
	uint32_t id = client_send(&w->client, WIRE_MODULE, 0, m.data, m.len);
	client_stream(&w->client, id, args, n);
	assert_true(client_answer(&w->client, id, a));
	answer_release(a);
	return a->code;
}

static const char empty[] = "\x08\0\0\0"; /* and the literal's own NUL: an empty dict */

static void requests_that_are_wrong_are_refused(void **state)
{
	struct world *w = *state;
	struct answer a;

	assert_int_equal(request(w, "no_such", 5, empty, 5, &a), ERR_UNSUPPORTED);
	assert_non_null(strstr(a.text, "no_such"));
	assert_int_equal(request(w, "stat", 5, "\x07\0\0\0\0", 5, &a), ERR_PROTOCOL);
	assert_int_equal(request(w, "stat", 9, empty, 5, &a), ERR_PROTOCOL);
	assert_int_equal(request(w, "stat", 3, empty, 5, &a), ERR_LIMIT);
	assert_int_equal(request(w, "stat", WIRE_MODULE_ARGS_MAX + 1, empty, 5, &a), ERR_LIMIT);
	assert_int_equal(request(w, "stat", 5, empty, 5, &a), ERR_INPUT);
	assert_non_null(strstr(a.text, "path"));
	/* And the next one is answered as if nothing had been. */
	assert_int_equal(request(w, "facts", 5, empty, 5, &a), ERR_NONE);
}

static void arguments_are_checked_by_the_table(void **state)
{
	static const struct {
		const char *module, *args, *says;
	} wrong[] = {
		{"stat", "{\"path\": \"/\", \"folow\": true}", "follow"},
		{"stat", "{\"path\": \"/\", \"zzzzzz\": true}", "zzzzzz"},
		{"stat", "{\"path\": 7}", "path"},
		{"stat", "{\"path\": null}", "path"},
		{"stat", "{\"path\": \"etc\"}", "absolute"},
		{"stat", "{\"path\": \"/\", \"checksum\": \"crc\"}", "crc"},
		{"stat", "{\"path\": \"/etc/passwd\", \"checksum\": \"crc\"}", "crc"},
		{"copy", "{\"path\": \"/tmp/x\", \"content\": \"text\"}", "content"},
		{"copy", "{\"path\": \"/tmp/x\"}", "content"},
		{"copy",
			"{\"path\": \"/tmp/x\", \"size\": 1, \"hash\": {\"$bytes\": "
			"\"short\"}}",
			"hash"},
		{"copy",
			"{\"path\": \"/tmp/\", \"basename\": \"a/b\", \"content\": "
			"{\"$bytes\": \"\"}}",
			"a/b"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct module_result r;
		assert_int_not_equal(
			module_call(&w->client, &r, wrong[i].module, 0, "%s", wrong[i].args),
			ERR_NONE);
		if (!strstr(r.text, wrong[i].says))
			fail_msg("%s: %s", wrong[i].args, r.text);
	}
}

static void a_stream_may_be_given_up(void **state)
{
	struct world *w = *state;
	uint8_t buffer[100];
	struct msg_writer m;
	struct answer a;

	msg_begin(&m, buffer, sizeof(buffer));
	wire_put_module(&m, &(struct wire_module){.name = "stat", .args_len = 5});
	uint32_t id = client_send(&w->client, WIRE_MODULE, 0, m.data, m.len);
	struct frame end = {.id = id, .kind = WIRE_DATA, .flags = FRAME_LAST | FRAME_ABORT};
	client_frame(&w->client, &end);
	assert_true(client_answer(&w->client, id, &a));
	assert_int_equal(a.code, ERR_CANCELLED);
	answer_release(&a);
	/* One that is open when the helper ends is released with it. */
	client_send(&w->client, WIRE_MODULE, 0, m.data, m.len);
}

static void homes_are_expanded(void **state)
{
	struct world *w = *state;
	struct module_result r;

	assert_int_equal(module_call(&w->client, &r, "stat", 0, "{\"path\": \"~\"}"), ERR_NONE);
	assert_string_equal(
		value_dict_get(value_dict_get(r.value, "stat"), "path")->text, getenv("HOME"));
	module_result_release(&r);
	assert_int_equal(
		module_call(&w->client, &r, "stat", 0, "{\"path\": \"~root/x/y\"}"), ERR_NONE);
	module_result_release(&r);
	assert_int_equal(module_call(&w->client, &r, "stat", 0, "{\"path\": \"~no-such/x\"}"),
		ERR_INPUT);
}

static enum err_code put_blob(struct world *w, const struct wire_blob_put *b, const void *data,
	size_t n, struct answer *a)
{
	uint8_t buffer[64];
	struct msg_writer m;

	msg_begin(&m, buffer, sizeof(buffer));
	wire_put_blob_put(&m, b);
	uint32_t id = client_send(&w->client, WIRE_BLOB_PUT, 0, m.data, m.len);
	client_stream(&w->client, id, data, n);
	assert_true(client_answer(&w->client, id, a));
	answer_release(a);
	return a->code;
}

static enum err_code drop_blob(struct world *w, uint16_t number)
{
	uint8_t buffer[2];
	struct msg_writer m;
	struct answer a;

	msg_begin(&m, buffer, sizeof(buffer));
	msg_put_u16(&m, number);
	client_call(&w->client, WIRE_BLOB_DROP, 0, &m, &a);
	answer_release(&a);
	return a.code;
}

static enum err_code copy_blob(struct world *w, unsigned number, const char *path)
{
	struct module_result r;
	enum err_code code = module_call(
		&w->client, &r, "copy", 0, "{\"path\": \"%s\", \"content\": %u}", path, number);

	module_result_release(&r);
	return code;
}

static void blobs_are_verified_kept_and_dropped(void **state)
{
	struct world *w = *state;
	struct answer a;
	struct wire_blob_put wrong = {.blob = 4, .size = 3};
	autofree char *path = path_join(w->dir, "f");

	assert_int_equal(module_blob(&w->client, 4, "one", 3), ERR_NONE);
	assert_int_equal(put_blob(w, &wrong, "two", 3, &a), ERR_INTEGRITY);
	assert_int_equal(put_blob(w, &wrong, "longer", 6, &a), ERR_LIMIT);
	assert_int_equal(put_blob(w, &wrong, "s", 1, &a), ERR_INTEGRITY);
	wrong.blob = WIRE_BLOBS_MAX;
	assert_int_equal(put_blob(w, &wrong, "two", 3, &a), ERR_LIMIT);
	wrong.blob = 4;
	wrong.encoding = 9;
	assert_int_equal(put_blob(w, &wrong, "two", 3, &a), ERR_UNSUPPORTED);
	/* What failed has left the blob of that number as it was. */
	assert_int_equal(copy_blob(w, 4, path), ERR_NONE);
	assert_true(scratch_holds(path, "one"));
	assert_int_equal(module_blob(&w->client, 4, "another", 7), ERR_NONE);
	assert_int_equal(copy_blob(w, 4, path), ERR_NONE);
	assert_true(scratch_holds(path, "another"));
	assert_int_equal(drop_blob(w, 4), ERR_NONE);
	assert_int_equal(drop_blob(w, 4), ERR_NOTFOUND);
	assert_int_equal(copy_blob(w, 4, path), ERR_NOTFOUND);
	assert_int_equal(module_blob(&w->client, 5, "", 0), ERR_NONE);
	assert_int_equal(copy_blob(w, 5, path), ERR_NONE);
	assert_true(scratch_holds(path, ""));
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_module_says_what_it_takes),
		WORLD_TEST(requests_that_are_wrong_are_refused),
		WORLD_TEST(arguments_are_checked_by_the_table),
		WORLD_TEST(a_stream_may_be_given_up),
		WORLD_TEST(homes_are_expanded),
		WORLD_TEST(blobs_are_verified_kept_and_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
