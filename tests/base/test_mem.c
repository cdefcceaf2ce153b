/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/vec.h"

/* Runs f in a child and expects it to end with abort and our message. */
static void expect_out_of_memory(void (*f)(void))
{
	char text[64] = "";
	int status, pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	close(pipe_fds[1]);
	fd_read_full(pipe_fds[0], text, sizeof(text) - 1);
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(text, "fatal: out of memory\n");
}

static void overflow_calloc(void)
{
	free(xcalloc(SIZE_MAX / 2, 3));
}

static void overflow_realloc(void)
{
	free(xrealloc(NULL, SIZE_MAX / 8, 16));
}

static void overflow_array(void)
{
	AUTO(arena_release) struct arena a = {0};

	arena_array(&a, SIZE_MAX / 8, 16);
}

static void huge_arena(void)
{
	AUTO(arena_release) struct arena a = {0};

	arena_alloc(&a, SIZE_MAX - 3);
}

static void test_sizes_that_overflow(void **state)
{
	(void)state;
	expect_out_of_memory(overflow_calloc);
	expect_out_of_memory(overflow_realloc);
	expect_out_of_memory(overflow_array);
	expect_out_of_memory(huge_arena);
}

static void test_size_zero_gives_memory(void **state)
{
	autofree void *a = xmalloc(0);
	autofree void *b = xcalloc(0, 8);
	autofree void *c = xrealloc(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

static void test_copies(void **state)
{
	autofree char *word = xstrdup("model");
	autofree char *part = xstrndup("model", 3);
	autofree char *empty = xstrndup(NULL, 0);
	autofree char *bytes = xmemdup("a\0b", 3);
	autofree char *text = xasprintf("%s-%d", "v", 7);

	(void)state;
	assert_null(xstrdup(NULL));
	assert_string_equal(word, "model");
	assert_string_equal(part, "mod");
	assert_string_equal(empty, "");
	assert_memory_equal(bytes, "a\0b", 3);
	assert_string_equal(text, "v-7");
}

static void test_wipe(void **state)
{
	char secret[16] = "hunter2";
	static const char zeros[16];

	(void)state;
	mem_wipe(secret, sizeof(secret));
	assert_memory_equal(secret, zeros, sizeof(secret));
}

static void test_steal_leaves_null(void **state)
{
	autofree char *owner = xstrdup("x");

	(void)state;
	autofree char *taken = STEAL(owner);
	assert_null(owner);
	assert_string_equal(taken, "x");
}

static void test_arena_memory_is_zero_and_aligned(void **state)
{
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
}

/* Every piece keeps its own pattern: no two overlap, whatever blocks they come from. */
static void test_arena_pieces_do_not_overlap(void **state)
{
	enum { PIECES = 400 };
	static const size_t sizes[] = {1, 15, 16, 17, 100, 4000, 4096, 20000, 100000};
	AUTO(arena_release) struct arena a = {0};
	unsigned char *pieces[PIECES];

	(void)state;
	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = arena_alloc(&a, sizes[i % ARRAY_SIZE(sizes)]);
		memset(pieces[i], (int)(i & 0xff), sizes[i % ARRAY_SIZE(sizes)]);
	}
	for (size_t i = 0; i < PIECES; i++) {
		for (size_t k = 0; k < sizes[i % ARRAY_SIZE(sizes)]; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
	}
}

static void test_arena_counts_what_it_gave(void **state)
{
	AUTO(arena_release) struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(a.used, 0);
	arena_alloc(&a, 100);
	arena_alloc(&a, 50000);
	assert_in_range(a.used, 50100, 50100 + 2 * sizeof(max_align_t));
}

static void test_arena_is_usable_after_release(void **state)
{
	AUTO(arena_release) struct arena a = {0};

	(void)state;
	arena_strdup(&a, "before");
	arena_release(&a);
	assert_int_equal(a.used, 0);
	assert_string_equal(arena_strdup(&a, "after"), "after");
}

static void test_arena_copies(void **state)
{
	AUTO(arena_release) struct arena a = {0};
	int *numbers = arena_array(&a, 3, sizeof(*numbers));

	(void)state;
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strndup(&a, "model", 3), "mod");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_memory_equal(arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_memdup(&a, NULL, 0));
	assert_string_equal(arena_printf(&a, "%05d", 42), "00042");
	assert_int_equal(numbers[0] + numbers[1] + numbers[2], 0);
	assert_int_equal(*ARENA_NEW(&a, long), 0);
}

static void test_vec_keeps_what_was_pushed(void **state)
{
	struct {
		int *items;
		size_t count, cap;
	} v = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		*VEC_PUSH(&v) = i * i;
	assert_int_equal(v.count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.items[i], i * i);
	free(v.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_that_overflow),
		cmocka_unit_test(test_size_zero_gives_memory),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_steal_leaves_null),
		cmocka_unit_test(test_arena_memory_is_zero_and_aligned),
		cmocka_unit_test(test_arena_pieces_do_not_overlap),
		cmocka_unit_test(test_arena_counts_what_it_gave),
		cmocka_unit_test(test_arena_is_usable_after_release),
		cmocka_unit_test(test_arena_copies),
		cmocka_unit_test(test_vec_keeps_what_was_pushed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
