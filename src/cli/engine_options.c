/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the options of an engine say, and the settings where an option is silent.
 */
#include "cli/engine.h"
#include "crypto/vault.h"

#define FORKS_DEFAULT   100
#define STALL_DEFAULT   60.0
#define CONNECT_SECONDS 10.0

int engine_read_seconds(const char *text, const char *option, double *out, struct err *err)
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

const struct engine_word engine_transports[] = {{"auto", LINK_AUTO}, {"libssh2", LINK_LIBSSH2},
	{"ssh", LINK_SSH}, {"local", LINK_LOCAL}, {0}};
const struct engine_word engine_host_key_checkings[] = {{"strict", LINK_HOST_KEY_STRICT},
	{"accept-new", LINK_HOST_KEY_ACCEPT_NEW}, {"off", LINK_HOST_KEY_OFF}, {0}};

static int read_word(const char *text, const char *option, const struct engine_word *words,
	int *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	if (!text)
		return 0;
	for (const struct engine_word *w = words; w->text; w++) {
		if (strcmp(w->text, text) == 0) {
			*out = w->number;
			return 0;
		}
		strbuf_addf(&all, "%s%s", w > words ? ", " : "", w->text);
	}
	return err_set(
		err, ERR_USAGE, "--%s: found '%s', expected one of %s", option, text, all.data);
}

static int read_forks(struct engine *e, const struct config *config, struct err *err)
{
	e->forks = FORKS_DEFAULT;
	if (config->settings[CONFIG_FORKS].origin != CONFIG_DEFAULT)
		e->forks = config_int(config, CONFIG_FORKS, FORKS_DEFAULT);
	if (e->o.forks && !parse_int(e->o.forks, 1, 10000, &e->forks))
		return err_set(err, ERR_USAGE,
			"--forks: found '%s', expected a number from 1 to 10000", e->o.forks);
	return 0;
}

static int read_timeouts(struct engine *e, const struct config *config, struct err *err)
{
	e->connect_timeout = CONNECT_SECONDS;
	e->stall = STALL_DEFAULT;
	if (config->settings[CONFIG_TIMEOUT].origin != CONFIG_DEFAULT)
		e->connect_timeout =
			(double)config_int(config, CONFIG_TIMEOUT, (int64_t)CONNECT_SECONDS);
	if (engine_read_seconds(e->o.timeout, "timeout", &e->connect_timeout, err) < 0 ||
		engine_read_seconds(e->o.timeout, "timeout", &e->stall, err) < 0)
		return -1;
	return engine_read_seconds(e->o.host_timeout, "host-timeout", &e->host_timeout, err);
}

static int read_connect(struct engine *e, const struct config *config, struct err *err)
{
	struct connection_defaults *c = &e->connect;
	int transport = LINK_AUTO, checking = LINK_HOST_KEY_CONFIGURED;
	uint64_t rate = 0;

	if (read_word(e->o.transport, "transport", engine_transports, &transport, err) < 0 ||
		read_word(e->o.host_key_checking, "host-key-checking",
			engine_host_key_checkings, &checking, err) < 0)
		return -1;
	if (e->o.bwlimit && (!parse_size(e->o.bwlimit, &rate) || rate == 0))
		return err_set(err, ERR_USAGE,
			"--bwlimit: found '%s', expected bytes per second, e.g. 500k or 5M",
			e->o.bwlimit);
	link_limiter_init(&e->limiter, rate);
	c->config = config;
	c->user = e->o.user;
	c->private_key = e->o.private_key;
	c->become = e->o.become;
	c->become_user = e->o.become_user;
	c->become_method = e->o.become_method;
	c->connection = e->o.connection;
	c->ssh_common_args = e->o.ssh_common_args;
	c->ssh_extra_args = e->o.ssh_extra_args;
	c->transport = (enum link_transport)transport;
	c->host_key_checking = (enum link_host_key_checking)checking;
	c->limiter = &e->limiter;
	return 0;
}

static int ask_passphrase(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err)
{
	autofree char *question = xasprintf("Passphrase of %s", subject);

	(void)kind;
	return site_prompt(data, question, out, err) < 0 ? 0 : 1;
}

/* A password that a file holds, or that it prints if it is a program. */
static int read_password_file(
	const char *what, const char *path, struct strbuf *out, struct err *err)
{
	AUTO(vault_secrets_release) struct vault_secrets read = {0};

	if (vault_secrets_add_file(&read, what, path, err) < 0)
		return err_wrap(err, "%s password file %s", what, path);
	strbuf_add(out, read.items[0].password, read.items[0].len);
	return 0;
}

/* One password: asked for, or out of a file of the command line or else of the settings. */
static int find_password(struct engine *e, const char *what, bool ask, const char *file,
	enum config_key setting, struct strbuf *out, struct err *err)
{
	if (ask) {
		autofree char *question = xasprintf("%s password", what);
		return site_prompt(NULL, question, out, err);
	}
	if (!file)
		file = config_text(&e->site.config, setting);
	return file ? read_password_file(what, file, out, err) : 0;
}

int engine_ask_passwords(struct engine *e, struct err *err)
{
	const struct engine_options *o = &e->o;
	bool ask_become =
		o->ask_become_pass || config_bool(&e->site.config, CONFIG_BECOME_ASK_PASS);

	e->connect.ask = ask_passphrase;
	if (find_password(e, "SSH", o->ask_pass, o->connection_password_file,
		    CONFIG_CONNECTION_PASSWORD_FILE, &e->password, err) < 0 ||
		find_password(e, "BECOME", ask_become && !o->become_password_file,
			o->become_password_file, CONFIG_BECOME_PASSWORD_FILE,
			&e->become_password, err) < 0)
		return -1;
	if (e->password.len || o->ask_pass)
		e->connect.password = e->password.data;
	if (e->become_password.len || ask_become)
		e->connect.become_password = e->become_password.data;
	return 0;
}

int engine_apply_options(struct engine *e, const struct config *config, struct err *err)
{
	if (read_forks(e, config, err) < 0 || read_timeouts(e, config, err) < 0)
		return -1;
	return read_connect(e, config, err);
}
