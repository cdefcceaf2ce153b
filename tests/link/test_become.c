/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other users on the node, with the real helper. As root it drops to any user by itself. For
 * a login user without rights, the helper is a script that gives root's rights up, and the
 * sudo in PATH is one of ours that asks, checks and logs as sudo does.
 */
#include "link/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define PASSWORD "open sesame"

struct scene {
	struct link_fixture link;
	char *path; /* PATH before */
};

static const char false_sudo[] =
	"#!/bin/sh\n"
	"echo \"$*\" >>LOG\n"
	"asks=\n"
	"while [ \"$1\" != -- ]; do\n"
	"	case $1 in -S) asks=1 ;; -p) mark=$2; shift ;; -u) user=$2; shift ;; esac\n"
	"	shift\n"
	"done\n"
	"shift\n"
	"[ \"$user\" != root ] || [ ! -e NOROOT ] || { echo 'not allowed' >&2; exit 1; }\n"
	"[ -n \"$asks\" ] || { echo 'a password is required' >&2; exit 1; }\n"
	"printf %s \"$mark\" >&2\n"
	"IFS= read -r given\n"
	"[ \"$given\" = '" PASSWORD "' ] || { echo 'Sorry, try again.' >&2; exit 1; }\n"
	"exec \"$@\"\n";

/* Copies the real helper into the scratch directory, where any user can run it. */
static void copy_node(const struct link_fixture *f)
{
	AUTO(strbuf_release) struct strbuf program = STRBUF_INIT;
	autofree char *to = scratch_path(&f->scratch, "real-node");

	assert_int_equal(file_read(NODE_HELPER, 64 << 20, &program, NULL), 0);
	assert_int_equal(file_replace(to, program.data, program.len, 0755, NULL), 0);
	assert_int_equal(chmod(f->scratch.dir, 0711), 0);
}

static int set_up(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	link_fixture_init(&s->link);
	link_helpers_release(&s->link.helpers);
	copy_node(&s->link);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	if (s->path)
		setenv("PATH", s->path, 1);
	free(s->path);
	link_fixture_release(&s->link);
	free(s);
	return 0;
}

static struct link *open_link(const struct scene *s)
{
	struct link *link = NULL;
	struct err err = {0};

	if (link_open(&link, &s->link.options, deadline_in(30), NULL, &err) < 0)
		fail_msg("%s", err.text);
	return link;
}

/* Asks the helper of a ctx who it is. */
static void expect_user(struct link *link, int ctx, const char *user)
{
	struct frame request = {.kind = WIRE_HELLO, .ctx = (uint16_t)ctx}, reply;
	struct wire_hello hello;
	struct err err = {0};

	if (link_call(link, &request, &reply, deadline_in(10), &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(reply.ctx, ctx);
	assert_int_equal(wire_get_hello(&reply, &hello, &err), 0);
	assert_string_equal(hello.user, user);
}

static void test_root_becomes_anybody(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	autofree char *node = scratch_path(&s->link.scratch, "real-node");
	assert_int_equal(link_helpers_add(&s->link.helpers, "x86_64", node, &err), 0);
	struct link *link = open_link(s);
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), 0);
	int ctx = link_become(link, "nobody", deadline_in(10), &err);
	if (ctx <= 0)
		fail_msg("%s", err.text);
	assert_int_equal(link_become(link, "nobody", deadline_in(10), &err), ctx);
	expect_user(link, ctx, "nobody");
	expect_user(link, 0, "root");
	assert_int_equal(link_become(link, "no.such.user", deadline_in(10), &err), -1);
	expect_user(link, 0, "root");
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

/* Makes the login user one without rights, and sudo ours. */
static void lose_rights(struct scene *s)
{
	const struct scratch *dir = &s->link.scratch;
	AUTO(strbuf_release) struct strbuf script = STRBUF_INIT;
	autofree char *bin = scratch_path(dir, "bin");
	autofree char *helper = scratch_path(dir, "helper");
	autofree char *log = scratch_path(dir, "log");

	autofree char *drop =
		xasprintf("#!/bin/sh\n[ $(id -u) = 0 ] || exec %s/real-node \"$@\"\n"
			  "exec setpriv --reuid=1 --regid=1 "
			  "--clear-groups %s/real-node \"$@\"\n",
			dir->dir, dir->dir);
	scratch_write(dir, "helper", drop, 0755);
	assert_int_equal(link_helpers_add(&s->link.helpers, "x86_64", helper, NULL), 0);
	for (const char *c = false_sudo; *c; c++) {
		if (str_starts(c, "LOG")) {
			strbuf_addstr(&script, log);
			c += 2;
		} else if (str_starts(c, "NOROOT")) {
			strbuf_addf(&script, "%s/noroot", dir->dir);
			c += 5;
		} else {
			strbuf_addch(&script, *c);
		}
	}
	assert_int_equal(path_mkdirs(bin, 0755, NULL), 0);
	assert_int_equal(chmod(bin, 0755), 0);
	scratch_write(dir, "bin/sudo", script.data, 0755);
	scratch_write(dir, "log", "", 0666);
	assert_int_equal(chmod(log, 0666), 0);
	s->path = xstrdup(getenv("PATH"));
	autofree char *path = xasprintf("%s:%s", bin, s->path);
	setenv("PATH", path, 1);
}

static int give_secret(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err)
{
	(void)subject, (void)err;
	if (!data || kind != LINK_SECRET_BECOME)
		return 0;
	strbuf_addstr(out, data);
	return 1;
}

/* A link whose login user has no rights, and the answer that sudo will get. */
static struct link *open_without_rights(struct scene *s, const char *answer)
{
	lose_rights(s);
	s->link.options.secret = give_secret;
	s->link.options.secret_data = (void *)(uintptr_t)answer;
	return open_link(s);
}

static void test_sudo_with_a_password(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_without_rights(s, PASSWORD);
	run_program("chmod", "-R", "a+rX", s->link.remote, NULL);
	assert_string_not_equal(link_hello(link)->user, "root");
	/* Our sudo does not make anybody root; a real one could read the helper's directory. */
	int ctx = link_become(link, "root", deadline_in(10), &err);
	if (ctx != 1)
		fail_msg("%s", err.text);
	expect_user(link, ctx, link_hello(link)->user);
	autofree char *log = scratch_read(&s->link.scratch, "log");
	assert_true(str_starts(log, "-H -S -p modelfleet-become-"));
	assert_non_null(strstr(log, " -u root -- "));
	assert_null(strstr(log, "sesame"));
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

static void test_sudo_with_a_wrong_password(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_without_rights(s, "shazam");
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), -1);
	assert_non_null(strstr(err.text, "cannot become root"));
	assert_null(strstr(err.text, "shazam"));
	expect_user(link, 0, link_hello(link)->user);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

static void test_sudo_without_a_password(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_without_rights(s, NULL);
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), -1);
	assert_non_null(strstr(err.text, "a password is required"));
	autofree char *log = scratch_read(&s->link.scratch, "log");
	assert_true(str_starts(log, "-H -n -u root -- "));
	link_close(link, deadline_in(5));
}

static void test_another_user_without_root(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	scratch_write(&s->link.scratch, "noroot", "", 0644);
	struct link *link = open_without_rights(s, PASSWORD);
	int ctx = link_become(link, "nobody", deadline_in(10), &err);
	if (ctx != 1)
		fail_msg("%s", err.text);
	autofree char *log = scratch_read(&s->link.scratch, "log");
	const char *second = strchr(log, '\n') + 1;
	assert_non_null(strstr(second, " -u nobody -- /var/tmp/"));
	link_close(link, deadline_in(5));
	autofree char *copy = xstrndup(
		strstr(second, "/var/tmp/"), strcspn(strstr(second, "/var/tmp/"), " \n"));
	/* It went as soon as it ran. */
	autofree char *dir = path_dirname(copy);
	assert_false(path_exists(dir));
}

/* A su that asks, and runs a line of the shell, as the real one does. */
static const char false_su[] = "#!/bin/sh\n"
			       "[ \"$1 $2\" = 'root -c' ] || exit 2\n"
			       "printf 'Password: ' >&2\n"
			       "IFS= read -r given\n"
			       "[ \"$given\" = '" PASSWORD "' ] ||\n"
			       "{ echo 'su: Authentication failure' >&2; exit 1; }\n"
			       "exec /bin/sh -c \"$3\"\n";

static struct link *open_with_su(struct scene *s, const char *answer)
{
	s->link.options.become_method = "su";
	struct link *link = open_without_rights(s, answer);
	scratch_write(&s->link.scratch, "bin/su", false_su, 0755);
	run_program("chmod", "-R", "a+rX", s->link.remote, NULL);
	return link;
}

static void test_su_with_a_password(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_with_su(s, PASSWORD);
	int ctx = link_become(link, "root", deadline_in(10), &err);
	if (ctx != 1)
		fail_msg("%s", err.text);
	expect_user(link, ctx, link_hello(link)->user);
	assert_int_equal(link_close(link, deadline_in(5)), 0);
}

static void test_su_that_refuses(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_with_su(s, "shazam");
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), -1);
	assert_non_null(strstr(err.text, "Authentication failure"));
	link_close(link, deadline_in(5));
}

static void test_su_without_a_password(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	struct link *link = open_with_su(s, NULL);
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), -1);
	assert_non_null(strstr(err.text, "asks for a password, and none was given"));
	link_close(link, deadline_in(5));
}

static void test_unknown_method(void **state)
{
	struct scene *s = *state;
	struct err err = {0};

	if (getuid() != 0)
		skip();
	s->link.options.become_method = "magic";
	struct link *link = open_without_rights(s, PASSWORD);
	assert_int_equal(link_become(link, "root", deadline_in(10), &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "magic"));
	link_close(link, deadline_in(5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_root_becomes_anybody),
		TEST(test_sudo_with_a_password),
		TEST(test_sudo_with_a_wrong_password),
		TEST(test_sudo_without_a_password),
		TEST(test_another_user_without_root),
		TEST(test_su_with_a_password),
		TEST(test_su_that_refuses),
		TEST(test_su_without_a_password),
		TEST(test_unknown_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
