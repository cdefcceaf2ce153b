/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of modelfleet deploy, and what settings say where an option is silent.
 */
#include "cli/deploy_command.h"

#define FORKS_DEFAULT   100
#define STALL_DEFAULT   60.0
#define CONNECT_SECONDS 10.0

static const char epilogue[] =
	"exit codes: 0 all hosts as wanted, 1 could not run, 2 a host failed or drifted,\n"
	"4 a host was unreachable, 130 interrupted";

void deploy_read_options(const struct command *cmd, struct deploy_options *o, int argc,
	char **argv, struct strlist *rest)
{
	const struct option_spec options[] = {
		SITE_OPTIONS(&o->site),
		{'m', "models", OPTION_STRING, "A,B", "only these models", &o->models},
		{'t', "tags", OPTION_STRING, "A,B", "only these models", &o->tags},
		{'C', "check", OPTION_FLAG, NULL, "change nothing; say what would be done",
			&o->check},
		{0, "repair", OPTION_FLAG, NULL,
			"also put right what is newer or extra on a host", &o->repair},
		{0, "verify", OPTION_FLAG, NULL, "read every file on the hosts again",
			&o->verify},
		{0, "limit-failed", OPTION_FLAG, NULL, "only hosts that the last run failed",
			&o->limit_failed},
		{'f', "forks", OPTION_STRING, "N", "hosts in work at a time (100)", &o->forks},
		{0, "bwlimit", OPTION_STRING, "RATE",
			"bytes per second for all hosts together, e.g. 5M", &o->bwlimit},
		{'T', "timeout", OPTION_STRING, "SECONDS",
			"to connect, and without a sign of life (10, 60)", &o->timeout},
		{0, "host-timeout", OPTION_STRING, "SECONDS", "for a whole host (no limit)",
			&o->host_timeout},
		{'u', "user", OPTION_STRING, "USER", "log in as", &o->user},
		{0, "private-key", OPTION_STRING, "FILE", "log in with", &o->private_key},
		{'k', "ask-pass", OPTION_FLAG, NULL, "ask for the login password",
			&o->ask_pass},
		{'b', "become", OPTION_FLAG, NULL, "work as another user (root)", &o->become},
		{0, "become-user", OPTION_STRING, "USER", "which one", &o->become_user},
		{0, "become-method", OPTION_STRING, "METHOD", "sudo, doas or runuser",
			&o->become_method},
		{'K', "ask-become-pass", OPTION_FLAG, NULL, "ask for its password",
			&o->ask_become_pass},
		{0, "transport", OPTION_STRING, "KIND", "auto, libssh2, ssh or local",
			&o->transport},
		{0, "host-key-checking", OPTION_STRING, "HOW", "strict, accept-new or off",
			&o->host_key_checking},
		{0, "json", OPTION_FLAG, NULL, "one JSON event a line", &o->json},
		{0, "color", OPTION_STRING, "WHEN", "auto, always or never", &o->color},
		{0},
	};

	cli_parse(cmd, "[-i INVENTORY] [-l PATTERN] [OPTIONS]", epilogue, options, argc, argv,
		rest);
}

/* Sets *out from a number of seconds; NULL leaves it. */
static int read_seconds(const char *text, const char *option, double *out, struct err *err)
{
	char *end;

	if (!text)
		return 0;
	double seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0) || seconds > 1e6)
		return err_set(err, ERR_USAGE, "--%s: found '%s', expected a number of seconds",
			option, text);
	*out = seconds;
	return 0;
}

struct word {
	const char *text;
	int number;
};

static int read_word(const char *text, const char *option, const struct word *words,
	size_t count, int *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	if (!text)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i].text, text) == 0) {
			*out = words[i].number;
			return 0;
		}
		strbuf_addf(&all, "%s%s", i ? ", " : "", words[i].text);
	}
	return err_set(
		err, ERR_USAGE, "--%s: found '%s', expected one of %s", option, text, all.data);
}

static int read_forks(struct deploy *d, struct err *err)
{
	const struct config *config = &d->site.config;

	d->forks = FORKS_DEFAULT;
	if (config->settings[CONFIG_FORKS].origin != CONFIG_DEFAULT)
		d->forks = config_int(config, CONFIG_FORKS, FORKS_DEFAULT);
	if (d->o.forks && !parse_int(d->o.forks, 1, 10000, &d->forks))
		return err_set(err, ERR_USAGE,
			"--forks: found '%s', expected a number from 1 to 10000", d->o.forks);
	return 0;
}

static int read_timeouts(struct deploy *d, struct err *err)
{
	const struct config *config = &d->site.config;

	d->run.connect_timeout = CONNECT_SECONDS;
	d->run.sync.stall = STALL_DEFAULT;
	if (config->settings[CONFIG_TIMEOUT].origin != CONFIG_DEFAULT)
		d->run.connect_timeout =
			(double)config_int(config, CONFIG_TIMEOUT, (int64_t)CONNECT_SECONDS);
	if (read_seconds(d->o.timeout, "timeout", &d->run.connect_timeout, err) < 0 ||
		read_seconds(d->o.timeout, "timeout", &d->run.sync.stall, err) < 0)
		return -1;
	return read_seconds(d->o.host_timeout, "host-timeout", &d->host_timeout, err);
}

static int read_connect(struct deploy *d, struct err *err)
{
	static const struct word transports[] = {{"auto", LINK_AUTO}, {"libssh2", LINK_LIBSSH2},
		{"ssh", LINK_SSH}, {"local", LINK_LOCAL}};
	static const struct word checkings[] = {{"strict", LINK_HOST_KEY_STRICT},
		{"accept-new", LINK_HOST_KEY_ACCEPT_NEW}, {"off", LINK_HOST_KEY_OFF}};
	struct connection_defaults *c = &d->connect;
	int transport = LINK_AUTO, checking = LINK_HOST_KEY_CONFIGURED;
	uint64_t rate = 0;

	if (read_word(d->o.transport, "transport", transports, ARRAY_SIZE(transports),
		    &transport, err) < 0 ||
		read_word(d->o.host_key_checking, "host-key-checking", checkings,
			ARRAY_SIZE(checkings), &checking, err) < 0)
		return -1;
	if (d->o.bwlimit && (!parse_size(d->o.bwlimit, &rate) || rate == 0))
		return err_set(err, ERR_USAGE,
			"--bwlimit: found '%s', expected bytes per second, e.g. 500k or 5M",
			d->o.bwlimit);
	link_limiter_init(&d->limiter, rate);
	c->config = &d->site.config;
	c->user = d->o.user;
	c->private_key = d->o.private_key;
	c->become = d->o.become;
	c->become_user = d->o.become_user;
	c->become_method = d->o.become_method;
	c->transport = (enum link_transport)transport;
	c->host_key_checking = (enum link_host_key_checking)checking;
	c->limiter = &d->limiter;
	return 0;
}

static int ask_passphrase(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err)
{
	autofree char *question = xasprintf("Passphrase of %s", subject);

	(void)kind;
	return site_prompt(data, question, out, err) < 0 ? 0 : 1;
}

int deploy_ask_passwords(struct deploy *d, struct err *err)
{
	if (d->o.ask_pass) {
		if (site_prompt(NULL, "SSH password", &d->password, err) < 0)
			return -1;
		d->connect.password = d->password.data;
	}
	if (d->o.ask_become_pass) {
		if (site_prompt(NULL, "BECOME password", &d->become_password, err) < 0)
			return -1;
		d->connect.become_password = d->become_password.data;
	}
	d->connect.ask = ask_passphrase;
	return 0;
}

int deploy_apply_options(struct deploy *d, struct err *err)
{
	if (read_forks(d, err) < 0 || read_timeouts(d, err) < 0)
		return -1;
	return read_connect(d, err);
}
