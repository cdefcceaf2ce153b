/* SPDX-License-Identifier: Apache-2.0 */
/* Names of collections: which playbooks, roles and modules they lead to. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/module.h"
#include "play/run_fixture.h"

#define SITE "collections/ansible_collections/our/site/"

static int setup(void **state)
{
	if (run_fixture_make(state) < 0)
		return -1;
	struct run_fixture *f = *state;
	run_fixture_write(f, SITE "playbooks/book.yml",
		"- {hosts: all, gather_facts: no, tasks: [{greet: {name: you}}]}\n"
		"- import_playbook: sub/deep.yaml\n");
	run_fixture_write(f, SITE "playbooks/sub/deep.yaml",
		"- {hosts: all, gather_facts: no, roles: [base]}\n");
	run_fixture_write(f, SITE "plugins/modules/greet.sh",
		"#!/bin/sh\n. \"$1\"\necho '{\"msg\": \"hello '$name'\"}'\n");
	run_fixture_write(
		f, SITE "roles/base/tasks/main.yml", "- debug: {msg: from the role}\n");
	return 0;
}

/* ---- playbooks by their names ---- */

/* Expects the file of a name, below the collection's playbooks; NULL: none. */
static void expect_file(struct run_fixture *f, const char *name, const char *file)
{
	const struct play_places places = {.collections = run_fixture_path(f, "collections")};
	autofree char *found = playbook_of_collection(name, &places);

	if (!file && found)
		fail_msg("%s: found %s", name, found);
	if (!file)
		return;
	assert_non_null(found);
	assert_string_equal(found, run_fixture_path(f, SITE "playbooks/%s", file));
}

static void names_lead_to_files(void **state)
{
	expect_file(*state, "our.site.book", "book.yml");
	expect_file(*state, "our.site.book.yml", "book.yml");
	expect_file(*state, "our.site.sub.deep", "sub/deep.yaml");
	expect_file(*state, "our.site.sub.deep.yaml", "sub/deep.yaml");
}

static void other_names_are_of_files(void **state)
{
	static const char *const names[] = {"", "book", "our.site", "our.site.", "our.site.sub",
		"our.site..book", "our.site.book.", "our.site.deep", "their.site.book",
		"our.site.book.yaml", "our.site./book", "./our.site.book", "...", "our..book"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_file(*state, names[i], NULL);
}

/* ---- what they are played with ---- */

static void short_names_in_its_playbooks_are_its_own(void **state)
{
	struct run_fixture *f = *state;

	f->show = "msg";
	const char *seen = run_fixture_play(f, "- import_playbook: our.site.book\n");
	assert_non_null(strstr(seen, "\"hello you\""));
	assert_non_null(strstr(seen, "\"from the role\""));
	assert_string_equal(f->playbook.plays[0]->collection, "our.site");
	assert_string_equal(f->playbook.plays[1]->collection, "our.site");
	assert_null(f->playbook.collection);
}

static void plays_beside_are_of_no_collection(void **state)
{
	struct run_fixture *f = *state;
	const char *seen = run_fixture_play(f,
		"- import_playbook: our.site.sub.deep\n"
		"- {hosts: all, gather_facts: no, tasks: [{greet: {name: you}}]}\n");

	assert_non_null(strstr(seen, "\"greet\" is neither a module nor a keyword"));
}

/* A directory that looks like a collection's, in none of the places, is not one. */
static void a_path_alone_makes_no_collection(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "away/ansible_collections/our/other/playbooks/book.yml",
		"- {hosts: all, gather_facts: no, tasks: [{debug: {msg: here}}]}\n");
	run_fixture_play(f,
		"- import_playbook: away/ansible_collections/our/other/playbooks/book.yml\n"
		"- import_playbook: " SITE "playbooks/sub/deep.yaml\n");
	assert_null(f->playbook.plays[0]->collection);
	assert_string_equal(f->playbook.plays[1]->collection, "our.site");
}

static void names_of_playbooks_beat_files(void **state)
{
	struct run_fixture *f = *state;

	run_fixture_write(f, "our.site.sub.deep",
		"- {hosts: all, gather_facts: no, tasks: [{debug: {msg: a file}}]}\n");
	f->show = "msg";
	const char *seen = run_fixture_play(f, "- import_playbook: our.site.sub.deep\n");
	assert_non_null(strstr(seen, "\"from the role\""));
	assert_null(strstr(seen, "a file"));
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, setup, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(names_lead_to_files),
		RUN(other_names_are_of_files),
		RUN(short_names_in_its_playbooks_are_its_own),
		RUN(plays_beside_are_of_no_collection),
		RUN(a_path_alone_makes_no_collection),
		RUN(names_of_playbooks_beat_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
