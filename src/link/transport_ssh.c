/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transport by the OpenSSH program, for everything that libssh2 cannot do. Each process
 * on the host is one run of ssh, so connecting happens in start, and whether it worked shows
 * when the first bytes come. Run without a terminal and in batch mode, it cannot ask.
 */
#include "link/askpass.h"
#include "link/process.h"
#include "link/ssh_cache.h"

#define EXIT_LOST 255 /* of ssh: no connection, or it was lost */

struct ssh_transport {
	struct process_transport process;
	struct askpass askpass;
	struct strlist argv; /* without the command */
};

static void ssh_close(struct transport *t, deadline until)
{
	struct ssh_transport *s = (struct ssh_transport *)t;

	process_stop(t, until);
	askpass_close(&s->askpass);
	strlist_release(&s->argv);
	free(s);
}

/* What the host key checking of the options is called by ssh. */
static const char *checking_word(enum link_host_key_checking checking)
{
	switch (checking) {
	case LINK_HOST_KEY_ACCEPT_NEW: return "StrictHostKeyChecking=accept-new";
	case LINK_HOST_KEY_OFF: return "StrictHostKeyChecking=no";
	default: return "StrictHostKeyChecking=yes";
	}
}

/* The first word for a keyword wins, so ours stand in front of the user's. */
static void build_argv(struct ssh_transport *t, const struct transport_target *target)
{
	const struct ssh_settings *s = target->settings;
	const struct link_options *o = target->options;
	const char *const fixed[] = {"-T", "-x", "-a", "-o", "ControlMaster=no", "-o",
		"ControlPath=none", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no",
		"-o", "ClearAllForwardings=yes", "-o", "EscapeChar=none", "-o",
		"LogLevel=ERROR"};

	strlist_add(&t->argv, o->ssh_program ? o->ssh_program : "ssh");
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strlist_add(&t->argv, fixed[i]);
	strlist_add(&t->argv, "-o");
	strlist_add(&t->argv, checking_word(s->checking));
	strlist_add(&t->argv, "-o");
	strlist_add(&t->argv, t->askpass.dir ? "NumberOfPasswordPrompts=1" : "BatchMode=yes");
	if (o->known_hosts) {
		strlist_add(&t->argv, "-o");
		strlist_add(&t->argv, "GlobalKnownHostsFile=none");
		AUTO(strbuf_release) struct strbuf files = STRBUF_INIT;
		for (size_t i = 0; i < s->user_known_hosts.count; i++)
			strbuf_addf(&files, " \"%s\"", s->user_known_hosts.items[i]);
		strlist_add(&t->argv, "-o");
		strlist_addf(
			&t->argv, "UserKnownHostsFile=%s", files.len ? files.data + 1 : "none");
	}
	ssh_arguments(s, o, &t->argv);
	strlist_add(&t->argv, "--");
	strlist_add(&t->argv, o->address ? o->address : o->name);
}

static int ssh_connect(struct transport **out, struct transport_target *target, deadline until,
	struct err *err)
{
	struct ssh_transport *t = xcalloc(1, sizeof(*t));

	(void)until;
	t->process.base.ops = &transport_ssh;
	t->process.child = (struct spawn_child){.pid = -1, .in = -1, .out = -1, .err = -1};
	t->askpass.password_fd = t->askpass.passphrase_fd = -1;
	if (askpass_open(&t->askpass, target->options, target->settings, err) < 0) {
		ssh_close(&t->process.base, 0);
		return -1;
	}
	build_argv(t, target);
	*out = &t->process.base;
	return 0;
}

static int ssh_start(struct transport *t, const char *command, deadline until, struct err *err)
{
	struct ssh_transport *s = (struct ssh_transport *)t;
	autofree const char **argv = xcalloc(s->argv.count + 2, sizeof(*argv));

	(void)until;
	for (size_t i = 0; i < s->argv.count; i++)
		argv[i] = s->argv.items[i];
	argv[s->argv.count] = command;
	return process_start(&s->process, argv, (const char *const *)s->askpass.env.items, err);
}

/* What ssh says when it is not a matter of the network. */
static const struct {
	const char *said;
	enum err_code code;
	const char *meaning;
} complaints[] = {
	{"IDENTIFICATION HAS CHANGED", ERR_AUTH,
		"the host's key is not the one in known_hosts"},
	{"REVOKED HOST KEY", ERR_AUTH, "the host's key is revoked"},
	{"Host key verification failed", ERR_AUTH,
		"the host's key is not in known_hosts, or another one is"},
	{"host key is known for", ERR_AUTH, "the host's key is not in known_hosts"},
	{"Permission denied (", ERR_AUTH, "not let in"},
	{"Too many authentication failures", ERR_AUTH, "not let in"},
	{"Bad configuration option", ERR_INPUT, "the ssh configuration is wrong"},
	{"Bad owner or permissions", ERR_INPUT, "the ssh configuration is wrong"},
};

static int ssh_lost(struct transport *t, int exit_code, const char *said, struct err *err)
{
	(void)t;
	if (exit_code != EXIT_LOST)
		return err_set(err, ERR_UNREACHABLE,
			"the program on the host ended by itself (exit code %d)%s%s", exit_code,
			*said ? "; it said: " : "", said);
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++)
		if (strstr(said, complaints[i].said))
			return err_set(err, complaints[i].code, "%s (ssh said: %s)",
				complaints[i].meaning, said);
	return err_set(err, ERR_UNREACHABLE, "the ssh program lost the connection%s%s",
		*said ? ": " : "", said);
}

const struct transport_ops transport_ssh = {
	.kind = LINK_SSH,
	.name = "ssh",
	.exit_lost = EXIT_LOST,
	.connect = ssh_connect,
	.start = ssh_start,
	.read = process_read,
	.read_errors = process_read_errors,
	.write = process_write,
	.has_input = process_has_input,
	.poll = process_poll,
	.end_input = process_end_input,
	.stop = process_stop,
	.lost = ssh_lost,
	.close = ssh_close,
};
