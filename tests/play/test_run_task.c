/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/scratch.h"
#include "play/run_fixture.h"

#define PLAY "- hosts: all\n  gather_facts: false\n  tasks:\n"

static void first_play(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	run_fixture_play(f, PLAY "    - debug: {msg: 'hello {{ inventory_hostname }}'}\n"
				 "    - command: echo hello\n"
				 "      register: said\n"
				 "    - debug: {msg: '{{ said.stdout }}'}\n");
	assert_string_equal(f->seen.data, "play 'all'\n"
					  "batch 0 of 1\n"
					  "h1 task 'debug': ok \"hello h1\"\n"
					  "h1 task 'command': changed\n"
					  "h1 task 'debug': ok \"hello\"\n");
	assert_string_equal(run_fixture_recap(f, "h1"),
		"ok=3 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_play, run_fixture_make, run_fixture_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
