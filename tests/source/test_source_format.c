/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats of models: files that the formats' own libraries wrote are whole, cut at any byte
 * they are not, and what else may be wrong with one is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/scratch.h"
#include "source/format.h"

#define SAMPLE_MAX 65536

static const char *const samples[] = {
	"plain.pt", "wide.pt", "model.onnx", "model.tflite", "model.safetensors", "model.gguf"};

static struct err err;

static void read_sample(const char *name, struct strbuf *out)
{
	autofree char *path = path_join("corpus/format", name);

	strbuf_clear(out);
	if (file_read(path, SAMPLE_MAX, out, &err) < 0)
		fail_msg("%s", err.text);
}

/* Whether bytes are a whole file of the kind that the name says. */
static int check(const char *directory, const char *name, const void *bytes, size_t n)
{
	autofree char *path = path_join(directory, "staged");

	err_clear(&err);
	if (file_replace(path, bytes, n, 0644, &err) < 0)
		fail_msg("%s", err.text);
	return format_check(path, name, &err);
}

static void what_libraries_write_is_whole(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		read_sample(samples[i], &text);
		if (check(*state, samples[i], text.data, text.len) < 0)
			fail_msg("%s: %s", samples[i], err.text);
	}
}

/* Bytes at the end of a sample that nothing points to: padding. */
static size_t padding(const char *name)
{
	return strcmp(name, "model.gguf") == 0 ? 60 : 0;
}

static void what_was_cut_is_not(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		read_sample(samples[i], &text);
		for (size_t n = 0; n + padding(samples[i]) < text.len; n++) {
			if (check(*state, samples[i], text.data, n) == 0)
				fail_msg("%s with %zu of %zu bytes", samples[i], n, text.len);
			assert_int_equal(err.code, ERR_INTEGRITY);
		}
	}
}

static void a_page_of_html_is_no_model(void **state)
{
	static const char page[] = "<!doctype html><title>503</title>Service Unavailable\n";

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		assert_int_equal(check(*state, samples[i], page, strlen(page)), -1);
		assert_int_equal(err.code, ERR_INTEGRITY);
		assert_non_null(strstr(err.text, "no whole "));
	}
}

static void kinds_go_by_the_end_of_the_name(void **state)
{
	assert_int_equal(check(*state, "labels.txt", "", 0), 0);
	assert_int_equal(check(*state, ".pt", "", 0), 0);
	assert_int_equal(check(*state, "MODEL.PT", "PK", 2), -1);
	assert_int_equal(check(*state, "a.onnx.bak", "", 0), 0);
}

static void an_engine_has_more_than_a_mebibyte(void **state)
{
	size_t n = 1024 * 1024;
	autofree char *bytes = xcalloc(1, n + 1);

	assert_int_equal(check(*state, "m.engine", bytes, n), -1);
	assert_int_equal(check(*state, "m.engine", bytes, n + 1), 0);
}

/* One byte of a sample changed to another. */
static const struct {
	const char *name;
	size_t at;
	unsigned char to;
	const char *says;
} changes[] = {
	{"plain.pt", 0, 'X', "an entry without its header at byte 0"},
	{"plain.pt", 560 - 12, 3, "a directory of another size"},
	{"plain.pt", 560 - 6, 0xff, "its directory outside"},
	{"plain.pt", 560 - 2, 1, "no end record"},
	{"model.onnx", 0, 0x0f, "a field that cannot be"},
	{"model.tflite", 4, 'X', "does not begin as one"},
	{"model.tflite", 3, 0x7f, "in the midst"},
	{"model.safetensors", 7, 1, "a header of"},
	{"model.safetensors", 8, '[', "cannot be read"},
	{"model.gguf", 0, 'g', "does not begin as one"},
	{"model.gguf", 4, 1, "the version 1, not 2 or 3"},
	{"model.gguf", 15, 1, "more than 1000000"},
};

static void what_is_wrong_is_told(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		read_sample(changes[i].name, &text);
		text.data[changes[i].at] = (char)changes[i].to;
		if (check(*state, changes[i].name, text.data, text.len) == 0)
			fail_msg("%s with %d at %zu is whole", changes[i].name, changes[i].to,
				changes[i].at);
		if (!strstr(err.text, changes[i].says))
			fail_msg("%s at %zu: %s", changes[i].name, changes[i].at, err.text);
	}
}

#define TENSORS(header) header, sizeof(header) - 1

/* Headers of safetensors with eight bytes of tensors behind them. */
static const struct {
	const char *header;
	size_t n;
	const char *says; /* NULL: whole */
} headers[] = {
	{TENSORS("{\"a\": {\"data_offsets\": [0, 8]}}"), NULL},
	{TENSORS("{\"a\": {\"data_offsets\": [4, 8]}, \"b\": {\"data_offsets\": [0, 4]}}"),
		NULL},
	{TENSORS("{\"a\": {\"data_offsets\": [0, 4]}}"), "its header tells 4"},
	{TENSORS("{\"a\": {\"data_offsets\": [0, 9]}}"), "its header tells 9"},
	{TENSORS("{\"a\": {\"data_offsets\": [0, 5]}, \"b\": {\"data_offsets\": [4, 8]}}"),
		"a hole or an overlap at 5"},
	{TENSORS("{\"a\": {\"data_offsets\": [8, 0]}}"), "offsets that cannot be"},
	{TENSORS("{\"a\": {\"data_offsets\": [-8, 0]}}"), "offsets that cannot be"},
	{TENSORS("{\"a\": {\"data_offsets\": [0]}}"), "without its offsets"},
	{TENSORS("{\"a\": 1}"), "without its offsets"},
	{TENSORS("[1]"), "no mapping"},
	{TENSORS("{\"a\": "), "cannot be read"},
	{TENSORS("{\"a\": NaN}"), "cannot be read"},
};

static void headers_of_safetensors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		uint64_t n = headers[i].n;
		strbuf_add(&text, &n, sizeof(n));
		strbuf_add(&text, headers[i].header, headers[i].n);
		strbuf_add(&text, "weights!", 8);
		int rc = check(*state, "m.safetensors", text.data, text.len);
		if ((rc == 0) != (headers[i].says == NULL) ||
			(rc < 0 && !strstr(err.text, headers[i].says)))
			fail_msg("%s: %s", headers[i].header, err.text);
	}
}

/* A name before the end record may look like one. */
static void a_comment_may_hold_anything(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	static const char comment[] = "PK\5\6 is what an end looks like, not PK\5\6";

	read_sample("plain.pt", &text);
	text.data[text.len - 2] = (char)(sizeof(comment) - 1);
	strbuf_add(&text, comment, sizeof(comment) - 1);
	if (check(*state, "m.pt", text.data, text.len) < 0)
		fail_msg("%s", err.text);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	autofree char *path = path_join(*state, "gone.pt");

	assert_int_equal(format_check(path, "gone.pt", &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_libraries_write_is_whole),
		TEST(what_was_cut_is_not),
		TEST(a_page_of_html_is_no_model),
		TEST(kinds_go_by_the_end_of_the_name),
		TEST(an_engine_has_more_than_a_mebibyte),
		TEST(what_is_wrong_is_told),
		TEST(headers_of_safetensors),
		TEST(a_comment_may_hold_anything),
		TEST(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
