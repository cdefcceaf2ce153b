/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What retention asks of a node: what versions take and give back, links that lead to them,
 * half-finished staging, and notes.
 */
#include "node/world.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scratch.h"

static enum err_code on_version(
	struct client *c, uint8_t kind, const char *version, struct answer *a)
{
	uint8_t buffer[8192];
	struct msg_writer writer;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_version_ref(
		&writer, &(struct wire_version_ref){.version = version, .path = ""});
	return client_call(c, kind, 0, &writer, a);
}

static enum err_code on_root(struct client *c, uint8_t kind, struct answer *a)
{
	uint8_t root = 0;
	struct msg_writer writer = {.data = &root, .len = 1, .cap = 1};

	return client_call(c, kind, 0, &writer, a);
}

static struct frame frame_of(const struct answer *a)
{
	return (struct frame){.data = (const uint8_t *)a->data.data, .len = a->data.len};
}

static struct wire_usage usage_of(struct client *c, const char *version)
{
	struct wire_usage usage;
	struct answer a;

	assert_int_equal(on_version(c, WIRE_VERSION_USAGE, version, &a), ERR_NONE);
	struct frame f = frame_of(&a);
	assert_int_equal(wire_get_usage(&f, &usage, NULL), 0);
	answer_release(&a);
	return usage;
}

static uint64_t take_freed(struct answer *a)
{
	struct frame f = frame_of(a);
	struct wire_freed freed;

	assert_int_equal(wire_get_freed(&f, &freed, NULL), 0);
	answer_release(a);
	return freed.bytes;
}

static uint64_t remove_version(struct client *c, const char *version)
{
	struct answer a;

	assert_int_equal(on_version(c, WIRE_VERSION_REMOVE, version, &a), ERR_NONE);
	return take_freed(&a);
}

static void fill(struct world *w, const char *name, size_t n)
{
	autofree uint8_t *data = world_noise(n, n);

	world_file(w->root, name, data, n);
}

static void a_removal_gives_back_what_was_foretold(void **state)
{
	struct world *w = *state;

	fill(w, "m/2025-01-01/a", 100000);
	fill(w, "m/2025-01-01/sub/b", 5);
	struct wire_usage usage = usage_of(&w->client, "m/2025-01-01");
	assert_int_equal(usage.bytes, 100005);
	assert_true(usage.frees >= 100005);
	assert_int_equal(remove_version(&w->client, "m/2025-01-01"), usage.frees);
}

static void shared_files_go_with_their_last_name(void **state)
{
	struct world *w = *state;

	fill(w, "m/2025-01-01/big", 1000000);
	world_text(w->root, "m/2025-01-02/small", "x");
	autofree char *big = path_join(w->root, "m/2025-01-01/big");
	autofree char *other = path_join(w->root, "m/2025-01-02/big");
	autofree char *twin = path_join(w->root, "m/2025-01-02/twin");
	assert_int_equal(link(big, other), 0);
	assert_int_equal(link(big, twin), 0);
	assert_true(usage_of(&w->client, "m/2025-01-01").frees < 100000);
	assert_true(remove_version(&w->client, "m/2025-01-01") < 100000);
	/* Both names that are left lie in one version now. */
	struct wire_usage usage = usage_of(&w->client, "m/2025-01-02");
	assert_true(usage.frees >= 1000000 && usage.frees < 1100000);
	assert_int_equal(remove_version(&w->client, "m/2025-01-02"), usage.frees);
}

static void leavings_of_the_trash_are_counted_once(void **state)
{
	struct world *w = *state;
	struct answer a;

	fill(w, ".fleet/trash/m%2F2025-01-01.1f/file", 500000);
	world_restart(w);
	/* Taking the lease has emptied it already. */
	autofree char *trash = path_join(w->root, ".fleet/trash");
	assert_false(path_exists(trash));
	assert_int_equal(on_root(&w->client, WIRE_TRASH_EMPTY, &a), ERR_NONE);
	assert_in_range(take_freed(&a), 500000, 520000);
	assert_int_equal(on_root(&w->client, WIRE_TRASH_EMPTY, &a), ERR_NONE);
	assert_int_equal(take_freed(&a), 0);
}

static void staging_goes_unless_its_stage_is_open(void **state)
{
	struct world *w = *state;
	struct manifest m;
	struct planned plan;
	struct answer a;
	autofree char *staging = path_join(w->root, ".staging");

	fill(w, ".staging/m%2F2025-01-01/part/x", 200000);
	world_version(w, "m/2025-01-02", 2);
	world_manifest(w, "m/2025-01-02", &m);
	client_begin(&w->client, 0, "m/2025-01-02", &m, 0, 0, &plan);
	assert_int_equal(
		on_version(&w->client, WIRE_STAGING_REMOVE, "m/2025-01-02", &a), ERR_BUSY);
	answer_release(&a);
	assert_int_equal(
		on_version(&w->client, WIRE_STAGING_REMOVE, "m/2025-01-01", &a), ERR_NONE);
	assert_in_range(take_freed(&a), 200000, 220000);
	autofree char *names = scratch_list(staging);
	assert_string_equal(names, "m%2F2025-01-02");
	planned_release(&plan);
	manifest_release(&m);
}

static void what_is_no_directory_stays(void **state)
{
	struct world *w = *state;
	autofree char *file = path_join(w->root, "m/2025-01-02");
	autofree char *link = path_join(w->root, "m/2025-01-03");
	struct stat st;
	struct answer a;

	world_text(w->root, "m/2025-01-01/file", "x");
	world_text(w->root, "m/2025-01-02", "x");
	assert_int_equal(symlink("2025-01-01", link), 0);
	assert_int_equal(
		on_version(&w->client, WIRE_VERSION_REMOVE, "m/2025-01-02", &a), ERR_INPUT);
	answer_release(&a);
	assert_int_equal(
		on_version(&w->client, WIRE_VERSION_REMOVE, "m/2025-01-03", &a), ERR_INPUT);
	answer_release(&a);
	assert_int_equal(
		on_version(&w->client, WIRE_VERSION_REMOVE, "m/2025-01-04", &a), ERR_NOTFOUND);
	answer_release(&a);
	assert_true(path_exists(file));
	assert_int_equal(lstat(link, &st), 0);
}

/* LINKED as a line. */
static char *linked(struct client *c)
{
	struct strbuf out = STRBUF_INIT;
	struct wire_linked l;
	struct msg_reader r;
	struct answer a;

	assert_int_equal(on_root(c, WIRE_LINKED, &a), ERR_NONE);
	msg_read(&r, a.data.data, a.data.len);
	while (wire_get_linked(&r, &l, NULL) > 0)
		strbuf_addf(&out, "%s ", l.version);
	answer_release(&a);
	return strbuf_detach(&out, NULL);
}

static void put_link(const struct world *w, const char *target, const char *name)
{
	autofree char *path = path_join(w->root, name);

	assert_int_equal(symlink(target, path), 0);
}

static void links_tell_what_they_lead_to(void **state)
{
	struct world *w = *state;

	for (unsigned i = 1; i <= 5; i++) {
		autofree char *name = xasprintf("m/2025-01-0%u/deep/file", i);
		world_text(w->root, name, "x");
	}
	world_text(w->root, "n/2025-02-01/file", "x");
	world_text(w->root, "n/2025-02-02/file", "x");
	world_text(w->store, "m/2025-01-01/file", "x");
	autofree char *none = linked(&w->client);
	assert_string_equal(none, "");
	put_link(w, "2025-01-01", "m/current");
	put_link(w, "current", "m/chained");
	put_link(w, "../m/2025-01-02/deep/file", "n/into");
	put_link(w, "nowhere", "m/dangling");
	put_link(w, "loop", "m/loop");
	put_link(w, w->store, "elsewhere");
	put_link(w, "n", "second-name");
	autofree char *found = linked(&w->client);
	assert_string_equal(
		found, "m/2025-01-01 m/2025-01-02 n/2025-02-01 n/2025-02-02 n/into ");
}

static enum err_code note_request(
	struct client *c, uint8_t kind, const char *name, uint32_t len, uint32_t *id)
{
	uint8_t buffer[512];
	struct msg_writer writer;
	struct answer a;

	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_note(&writer, &(struct wire_note){.name = name, .len = len});
	if (id) {
		*id = client_send(c, kind, 0, buffer, writer.len);
		return ERR_NONE;
	}
	enum err_code code = client_call(c, kind, 0, &writer, &a);
	answer_release(&a);
	return code;
}

static enum err_code write_note(
	struct client *c, const char *name, const void *data, size_t n, uint32_t announced)
{
	struct answer a;
	uint32_t id;

	note_request(c, WIRE_NOTE_WRITE, name, announced, &id);
	client_stream(c, id, data, n);
	assert_true(client_answer(c, id, &a));
	enum err_code code = a.code;
	answer_release(&a);
	return code;
}

static void notes_are_replaced_whole(void **state)
{
	struct world *w = *state;
	autofree uint8_t *data = world_noise(100000, 1);
	autofree char *fleet = path_join(w->root, ".fleet");
	uint8_t buffer[512];
	struct msg_writer writer;
	struct answer a;

	assert_int_equal(
		note_request(&w->client, WIRE_NOTE_READ, "r.json", 0, NULL), ERR_NOTFOUND);
	assert_int_equal(write_note(&w->client, "r.json", "old", 3, 3), ERR_NONE);
	assert_int_equal(write_note(&w->client, "r.json", data, 100000, 100000), ERR_NONE);
	/* A stream that is not as long as it said leaves the note as it was. */
	assert_int_equal(write_note(&w->client, "r.json", "new", 3, 4), ERR_PROTOCOL);
	assert_int_equal(write_note(&w->client, "r.json", "newer", 5, 4), ERR_LIMIT);
	msg_begin(&writer, buffer, sizeof(buffer));
	wire_put_note(&writer, &(struct wire_note){.name = "r.json"});
	assert_int_equal(client_call(&w->client, WIRE_NOTE_READ, 0, &writer, &a), ERR_NONE);
	assert_int_equal(a.data.len, 100000);
	assert_memory_equal(a.data.data, data, 100000);
	answer_release(&a);
	autofree char *names = scratch_list(fleet);
	assert_string_equal(names, "lock r.json verified");
}

static void a_note_is_nothing_else_below_the_root(void **state)
{
	static const char *const names[] = {
		"lock", "", ".json", ".x.json", "..", "../a.json", "a/b.json", "verified"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(write_note(&w->client, names[i], "x", 1, 1), ERR_INPUT);
		assert_int_equal(
			note_request(&w->client, WIRE_NOTE_READ, names[i], 0, NULL), ERR_INPUT);
	}
	put_link(w, "lock", ".fleet/linked.json");
	assert_int_not_equal(
		note_request(&w->client, WIRE_NOTE_READ, "linked.json", 0, NULL), ERR_NONE);
	assert_int_equal(
		write_note(&w->client, "big.json", "x", 1, WIRE_NOTE_MAX + 1), ERR_LIMIT);
}

static void a_root_that_was_closed_meanwhile_has_no_note(void **state)
{
	struct world *w = *state;
	struct answer a;
	uint32_t id;

	note_request(&w->client, WIRE_NOTE_WRITE, "r.json", 3, &id);
	assert_int_equal(on_root(&w->client, WIRE_ROOT_CLOSE, &a), ERR_NONE);
	answer_release(&a);
	client_stream(&w->client, id, "abc", 3);
	assert_true(client_answer(&w->client, id, &a));
	assert_int_equal(a.code, ERR_NOTFOUND);
	answer_release(&a);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_removal_gives_back_what_was_foretold),
		WORLD_TEST(shared_files_go_with_their_last_name),
		WORLD_TEST(leavings_of_the_trash_are_counted_once),
		WORLD_TEST(staging_goes_unless_its_stage_is_open),
		WORLD_TEST(what_is_no_directory_stays),
		WORLD_TEST(links_tell_what_they_lead_to),
		WORLD_TEST(notes_are_replaced_whole),
		WORLD_TEST(a_note_is_nothing_else_below_the_root),
		WORLD_TEST(a_root_that_was_closed_meanwhile_has_no_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
