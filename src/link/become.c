/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other users on the node. A root helper is started by sudo (or another method), and one for
 * any other user is a root helper that drops to that user before it speaks, because root can
 * read the helper in the login user's cache. Where the login user may not become root, the
 * helper is copied to where the other user can run it, and the method names that user.
 */
#include "link/private.h"

#include "base/log.h"
#include "crypto/hmac.h"

#define BECOME_SECONDS 30
#define WORDS_MAX      16 /* of become_flags */

/* How a method runs a program as another user. */
struct become_method {
	const char *name;
	const char *program;
	const char *flags;        /* unless become_flags says otherwise */
	const char *no_password;  /* flag that makes it fail rather than ask */
	const char *by_password;  /* flag that makes it read a password from its input */
	const char *prompt;       /* flag in front of a prompt of ours; NULL: fixed_prompt */
	const char *fixed_prompt; /* what it asks with; NULL: it cannot be answered */
	const char *user;         /* flag in front of the user */
	const char *end;          /* word in front of the program */
	bool line;                /* the program is one word, a line for the user's shell */
};

static const struct become_method methods[] = {
	{"sudo", "sudo", "-H", "-n", "-S", "-p", NULL, "-u", "--", false},
	{"doas", "doas", "", "-n", NULL, NULL, NULL, "-u", "--", false},
	{"runuser", "runuser", "", NULL, NULL, NULL, NULL, "-u", "--", false},
	/* Its prompt is the system's: in another language it is not recognised. */
	{"su", "su", "", NULL, NULL, NULL, "Password: ", NULL, "-c", true},
};

const char *link_become_method(size_t i)
{
	return i < ARRAY_SIZE(methods) ? methods[i].name : NULL;
}

static const struct become_method *find_method(const char *name, struct err *err)
{
	AUTO(strbuf_release) struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
		strbuf_addf(&known, "%s%s", i ? ", " : "", methods[i].name);
	}
	err_set(err, ERR_UNSUPPORTED, "become method %s is not one of %s", name, known.data);
	return NULL;
}

/* One attempt: which user the method is asked for, and what is run. */
struct attempt {
	const char *method_user;
	const char *program;
	const char *drop_to; /* for `modelfleet-node --user`, or NULL */
};

/* The method's own words, up to the program. */
static int build_method(const struct link *link, const struct become_method *m,
	const struct attempt *a, const char *mark, bool password, struct strlist *words,
	struct err *err)
{
	const char *flags = link->options.become_flags ? link->options.become_flags : m->flags;
	const char *program = link->options.become_exe ? link->options.become_exe : m->program;

	if (shell_split(words, program, err) < 0)
		return err_wrap(err, "become_exe");
	if (shell_split(words, flags, err) < 0)
		return err_wrap(err, "become flags");
	const char *asking = password ? m->by_password : m->no_password;
	if (asking && !strlist_has(words, asking))
		strlist_add(words, asking);
	if (password && m->prompt) {
		strlist_add(words, m->prompt);
		strlist_add(words, mark);
	}
	if (m->user)
		strlist_add(words, m->user);
	strlist_add(words, a->method_user);
	strlist_add(words, m->end);
	return 0;
}

/* The program as a line for a shell. */
static void add_line(const struct attempt *a, struct strlist *words)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	strbuf_addstr(&line, "exec ");
	strbuf_addshell(&line, a->program);
	if (a->drop_to) {
		strbuf_addstr(&line, " --user ");
		strbuf_addshell(&line, a->drop_to);
	}
	strlist_add(words, line.data);
}

/* The words of an attempt. `password` tells whether there is one to answer with. */
static int build_words(const struct link *link, const struct become_method *m,
	const struct attempt *a, const char *mark, bool password, struct strlist *words,
	struct err *err)
{
	if (a->method_user && build_method(link, m, a, mark, password, words, err) < 0)
		return -1;
	if (a->method_user && m->line) {
		add_line(a, words);
	} else {
		strlist_add(words, a->program);
		if (a->drop_to) {
			strlist_add(words, "--user");
			strlist_add(words, a->drop_to);
		}
	}
	if (words->count > WIRE_ARGV_MAX)
		return err_set(
			err, ERR_LIMIT, "become flags are more than %d words", WIRE_ARGV_MAX);
	return 0;
}

/* Sends BECOME and waits for its answer; the request is wiped. */
static int call_become(
	struct link *link, const struct wire_become *become, deadline until, struct err *err)
{
	uint8_t request[8192];
	struct msg_writer w;
	struct frame reply;

	msg_begin(&w, request, sizeof(request));
	wire_put_become(&w, become);
	if (w.overflow)
		return err_set(err, ERR_LIMIT, "the become command is too long");
	struct frame f = {.kind = WIRE_BECOME, .data = request, .len = w.len};
	int failed = link_call(link, &f, &reply, until, err);
	mem_wipe(request, sizeof(request));
	return failed;
}

/* Makes one attempt. `password` may be empty. */
static int try_attempt(struct link *link, const struct become_method *m,
	const struct attempt *a, uint16_t ctx, const struct strbuf *password, deadline until,
	struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};
	unsigned char random[8];
	char mark[64] = "modelfleet-become-";
	bool answer = password->len > 0 && (m->by_password || m->fixed_prompt);

	if (crypto_random(random, sizeof(random), err) < 0)
		return -1;
	hex_encode(random, sizeof(random), mark + strlen(mark));
	if (build_words(link, m, a, mark, answer, &words, err) < 0)
		return -1;
	/* A method that cannot be told not to ask is at least understood when it does. */
	const char *asked = m->fixed_prompt ? m->fixed_prompt : answer ? mark : "";
	struct wire_become become = {
		.ctx = ctx,
		.seconds = BECOME_SECONDS,
		.mark = a->method_user ? asked : "",
		.password = answer && a->method_user ? password->data : "",
		.argc = (uint16_t)words.count,
	};
	for (size_t i = 0; i < words.count; i++)
		become.argv[i] = words.items[i];
	return call_become(link, &become, until, err);
}

/* Has the helper copied to where any user can run it; gives the copy's path. */
static int copy_helper(struct link *link, struct strbuf *path, deadline until, struct err *err)
{
	static const char *const dirs[] = {"/var/tmp", "/tmp"};
	uint8_t request[64];
	struct frame reply;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct msg_writer w;
		struct msg_reader r;
		msg_begin(&w, request, sizeof(request));
		msg_put_string(&w, dirs[i]);
		struct frame f = {.kind = WIRE_COPY_SELF, .data = request, .len = w.len};
		if (link_call(link, &f, &reply, until, err) < 0)
			continue;
		msg_read(&r, reply.data, reply.len);
		strbuf_addstr(path, msg_string(&r, WIRE_PATH_MAX));
		return msg_end(&r, "a COPY_SELF answer", err);
	}
	return -1;
}

/* Asks for the password, if there is one. */
static int ask_password(
	struct link *link, const char *user, struct strbuf *password, struct err *err)
{
	if (!link->options.secret)
		return 0;
	return link->options.secret(
		       link->options.secret_data, LINK_SECRET_BECOME, user, password, err) < 0
		       ? -1
		       : 0;
}

/* The attempts in their order, until one succeeds. */
static int become(
	struct link *link, const char *user, uint16_t ctx, deadline until, struct err *err)
{
	AUTO(strbuf_release) struct strbuf password = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf copy = STRBUF_INIT;
	const char *name = link->options.become_method ? link->options.become_method : "sudo";
	const struct become_method *m = find_method(name, err);
	bool to_root = strcmp(user, "root") == 0, from_root = link->hello.uid == 0;
	struct attempt a = {
		.method_user = from_root ? NULL : "root",
		.program = link->helper_file,
		.drop_to = to_root ? NULL : user,
	};

	if (!m || (!from_root && ask_password(link, user, &password, err) < 0))
		return -1;
	int failed = try_attempt(link, m, &a, ctx, &password, until, err);
	if (failed && !to_root && !from_root && err->code != ERR_CANCELLED) {
		log_debug("%s: not by root: %s", link->options.name, err->text);
		failed = copy_helper(link, &copy, until, err);
		a = (struct attempt){.method_user = user, .program = copy.data};
		if (!failed)
			failed = try_attempt(link, m, &a, ctx, &password, until, err);
	}
	mem_wipe(password.data, password.len);
	return failed;
}

int link_become(struct link *link, const char *user, deadline until, struct err *err)
{
	if (strcmp(user, link->hello.user) == 0)
		return 0;
	for (int ctx = 1; ctx < LINK_CTX_MAX; ctx++) {
		if (link->become[ctx] && strcmp(link->become[ctx], user) == 0)
			return ctx;
		if (link->become[ctx])
			continue;
		struct err why = {0};
		if (become(link, user, (uint16_t)ctx, until, &why) < 0)
			return err_set(err, why.code, "cannot become %s: %s", user, why.text);
		link->become[ctx] = arena_strdup(&link->arena, user);
		return ctx;
	}
	return err_set(err, ERR_LIMIT, "more than %d users on one host", LINK_CTX_MAX - 1);
}
