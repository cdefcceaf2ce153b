/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/connection.h"

/* Reading one host's variables; the first error sticks. */
struct reader {
	struct vars_view *view;
	struct err *err;
	bool failed;
};

/* Notes an error, unless there was one before. */
PRINTF_LIKE(3, 4)
static void refuse(struct reader *r, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	if (!r->failed)
		err_set(r->err, code, "%s", text);
	r->failed = true;
}

/* Variables name their host in errors, and so do our callers. */
static const char *without_host(const struct reader *r, const char *text)
{
	autofree char *prefix = xasprintf("host %s: ", vars_view_host(r->view)->name);

	return str_starts(text, prefix) ? text + strlen(prefix) : text;
}

/* The value of the first variable of several names that is defined, or NULL. */
static const struct value *read_any(
	struct reader *r, const char *const *names, const char **name)
{
	for (; *names && !r->failed; names++) {
		struct err why = {0};
		const struct value *v = vars_find(r->view, *names, &why);
		*name = *names;
		if (v && v->kind != VALUE_NULL)
			return v;
		if (why.code)
			refuse(r, why.code, "%s", without_host(r, why.text));
	}
	return NULL;
}

static void wrong(struct reader *r, enum err_code code, const struct value *v, const char *name,
	const char *expected)
{
	AUTO(strbuf_release) struct strbuf at = STRBUF_INIT;

	place_format(&v->place, &at);
	refuse(r, code, "%s%s: found %s, expected %s", at.data, name,
		value_is_string(v) ? v->text : value_kind_name(v), expected);
}

static const char *read_text(struct reader *r, const char *const *names)
{
	const char *name;
	const struct value *v = read_any(r, names, &name);

	if (!v)
		return NULL;
	if (!value_is_string(v) || strlen(v->text) != v->len) {
		wrong(r, ERR_INPUT, v, name, "a string");
		return NULL;
	}
	return v->text;
}

static const char *read_secret(struct reader *r, const char *const *names)
{
	const char *name;
	const struct value *v = read_any(r, names, &name);

	if (!v)
		return NULL;
	if (!value_is_string(v)) {
		refuse(r, ERR_INPUT, "%s: found %s, expected a string in quotes", name,
			value_kind_name(v));
		return NULL;
	}
	return v->text;
}

/* Ansible's words for true and false, as a boolean setting takes them. */
static int boolean_of(const struct value *v)
{
	static const char *const yes[] = {"true", "yes", "on", "1", "y", "t"};
	static const char *const no[] = {"false", "no", "off", "0", "n", "f"};

	if (v->kind == VALUE_BOOL)
		return v->boolean;
	if (v->kind == VALUE_INT && (v->integer == 0 || v->integer == 1))
		return (int)v->integer;
	for (size_t i = 0; value_is_string(v) && i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(v->text, yes[i]) == 0)
			return 1;
		if (strcasecmp(v->text, no[i]) == 0)
			return 0;
	}
	return -1;
}

static bool read_bool(struct reader *r, const char *const *names, bool otherwise)
{
	const char *name;
	const struct value *v = read_any(r, names, &name);
	int b = v ? boolean_of(v) : otherwise;

	if (b < 0)
		wrong(r, ERR_INPUT, v, name, "yes or no");
	return b > 0;
}

static unsigned read_port(struct reader *r, const struct config *config)
{
	static const char *const names[] = {"ansible_port", "ansible_ssh_port", NULL};
	const char *name;
	const struct value *v = read_any(r, names, &name);
	int64_t port = config ? config_int(config, CONFIG_REMOTE_PORT, 0) : 0;

	if (v && v->kind == VALUE_INT)
		port = v->integer;
	else if (v && !(value_is_string(v) && parse_int(v->text, 1, 65535, &port)))
		port = -1;
	if (v && (port < 1 || port > 65535)) {
		wrong(r, ERR_INPUT, v, name, "a port from 1 to 65535");
		return 0;
	}
	if (!v && (port < 0 || port > 65535))
		refuse(r, ERR_INPUT, "remote_port of the settings: found %lld, expected a port",
			(long long)port);
	return (unsigned)port;
}

static const char *setting(const struct connection_defaults *d, enum config_key key)
{
	return d->config ? config_text(d->config, key) : NULL;
}

static const char *default_transport(const struct connection_defaults *d)
{
	const char *configured = setting(d, CONFIG_TRANSPORT);

	if (d->connection)
		return d->connection;
	return configured ? configured : "ssh";
}

static enum link_transport read_transport(struct reader *r, const struct connection_defaults *d)
{
	static const char *const names[] = {"ansible_connection", NULL};
	static const struct {
		const char *word;
		enum link_transport transport;
	} words[] = {
		{"smart", LINK_AUTO},
		{"ssh", LINK_AUTO},
		{"ansible.builtin.ssh", LINK_AUTO},
		{"paramiko", LINK_AUTO},
		{"paramiko_ssh", LINK_AUTO},
		{"local", LINK_LOCAL},
		{"ansible.builtin.local", LINK_LOCAL},
	};
	const char *name;
	const struct value *v = read_any(r, names, &name);
	const char *word = v && value_is_string(v) ? v->text : "";

	if (!v)
		word = vars_view_host(r->view)->implicit ? "local" : default_transport(d);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		return words[i].transport == LINK_AUTO ? d->transport : words[i].transport;
	}
	if (v)
		wrong(r, ERR_UNSUPPORTED, v, name,
			"ssh or local (no other connection is supported)");
	else
		refuse(r, ERR_UNSUPPORTED,
			"%s: found %s, expected ssh or local (no other connection is "
			"supported)",
			d->connection ? "--connection" : "transport of the settings", word);
	return LINK_AUTO;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

/* ssh_args and ssh_common_args both apply; Ansible's own default of ssh_args does not. */
static const char *common_args(
	struct reader *r, struct connection *c, const struct connection_defaults *d)
{
	static const char *const names[] = {"ansible_ssh_common_args", NULL};
	static const char *const args_names[] = {"ansible_ssh_args", NULL};
	const char *args = read_text(r, args_names);
	const char *common = read_text(r, names);

	if (!args && d->config && d->config->settings[CONFIG_SSH_ARGS].origin != CONFIG_DEFAULT)
		args = setting(d, CONFIG_SSH_ARGS);
	if (!common)
		common = first_of(d->ssh_common_args, setting(d, CONFIG_SSH_COMMON_ARGS), NULL);
	if (!args || !common)
		return args ? args : common;
	int n = snprintf(c->ssh_args, sizeof(c->ssh_args), "%s %s", args, common);
	if (n >= (int)sizeof(c->ssh_args))
		refuse(r, ERR_LIMIT, "ssh's arguments are longer than %zu bytes",
			sizeof(c->ssh_args) - 1);
	return c->ssh_args;
}

static enum link_host_key_checking read_checking(
	struct reader *r, const struct connection_defaults *d)
{
	static const char *const names[] = {
		"ansible_host_key_checking", "ansible_ssh_host_key_checking", NULL};

	if (d->host_key_checking != LINK_HOST_KEY_CONFIGURED)
		return d->host_key_checking;
	bool configured = !d->config || config_bool(d->config, CONFIG_HOST_KEY_CHECKING);
	return read_bool(r, names, configured) ? LINK_HOST_KEY_CONFIGURED : LINK_HOST_KEY_OFF;
}

static void read_ssh(
	struct reader *r, struct connection *c, const struct connection_defaults *d)
{
	static const char *const host[] = {"ansible_host", "ansible_ssh_host", NULL};
	static const char *const user[] = {"ansible_user", "ansible_ssh_user", NULL};
	static const char *const key[] = {
		"ansible_private_key_file", "ansible_ssh_private_key_file", NULL};
	static const char *const extra[] = {"ansible_ssh_extra_args", NULL};
	static const char *const program[] = {"ansible_ssh_executable", NULL};
	static const char *const password[] = {
		"ansible_password", "ansible_ssh_pass", "ansible_ssh_password", NULL};

	c->link.address = read_text(r, host);
	c->link.user = first_of(read_text(r, user), d->user, setting(d, CONFIG_REMOTE_USER));
	c->link.port = read_port(r, d->config);
	c->key_files[0] = first_of(
		read_text(r, key), d->private_key, setting(d, CONFIG_PRIVATE_KEY_FILE));
	c->link.ssh_common_args = common_args(r, c, d);
	c->link.ssh_extra_args = first_of(
		read_text(r, extra), d->ssh_extra_args, setting(d, CONFIG_SSH_EXTRA_ARGS));
	c->link.ssh_program =
		first_of(read_text(r, program), setting(d, CONFIG_SSH_EXECUTABLE), NULL);
	c->password = first_of(read_secret(r, password), d->password, NULL);
	c->link.host_key_checking = read_checking(r, d);
}

static void read_become(
	struct reader *r, struct connection *c, const struct connection_defaults *d)
{
	static const char *const become[] = {"ansible_become", NULL};
	static const char *const user[] = {"ansible_become_user", "ansible_sudo_user", NULL};
	static const char *const method[] = {"ansible_become_method", NULL};
	static const char *const flags[] = {"ansible_become_flags", "ansible_sudo_flags", NULL};
	static const char *const exe[] = {"ansible_become_exe", "ansible_sudo_exe", NULL};
	static const char *const password[] = {"ansible_become_password", "ansible_become_pass",
		"ansible_sudo_pass", "ansible_sudo_password", NULL};

	c->become = read_bool(
		r, become, d->become || (d->config && config_bool(d->config, CONFIG_BECOME)));
	c->become_user =
		first_of(read_text(r, user), d->become_user, setting(d, CONFIG_BECOME_USER));
	if (!c->become_user)
		c->become_user = "root";
	c->link.become_method = first_of(
		read_text(r, method), d->become_method, setting(d, CONFIG_BECOME_METHOD));
	c->link.become_flags =
		first_of(read_text(r, flags), setting(d, CONFIG_BECOME_FLAGS), NULL);
	c->link.become_exe = first_of(read_text(r, exe), setting(d, CONFIG_BECOME_EXE), NULL);
	c->become_password = first_of(read_secret(r, password), d->become_password, NULL);
}

/* Directories on the node for its helper: a string, or a list of them. */
static void read_remote_dirs(struct reader *r, struct connection *c)
{
	static const char *const names[] = {"modelfleet_remote_dirs", NULL};
	const char *name;
	const struct value *v = read_any(r, names, &name);
	size_t count = 0;

	if (!v)
		return;
	const struct value *const *items = &v;
	size_t given = 1;
	if (v->kind == VALUE_LIST) {
		items = (const struct value *const *)v->items;
		given = v->count;
	}
	for (size_t i = 0; i < given; i++) {
		if (count + 1 >= ARRAY_SIZE(c->remote_dirs) || !value_is_string(items[i])) {
			wrong(r, ERR_INPUT, items[i], name, "at most 7 directories");
			return;
		}
		c->remote_dirs[count++] = items[i]->text;
	}
	c->link.remote_dirs = c->remote_dirs;
}

/* Gives the secrets that are known; a passphrase is asked of a person. */
static int give_secret(void *data, enum link_secret kind, const char *subject,
	struct strbuf *out, struct err *err)
{
	const struct connection *c = data;
	const struct connection_defaults *d = c->defaults;
	const char *known = kind == LINK_SECRET_PASSWORD ? c->password
			    : kind == LINK_SECRET_BECOME ? c->become_password
							 : NULL;

	if (known) {
		strbuf_addstr(out, known);
		return 1;
	}
	if (kind == LINK_SECRET_PASSPHRASE && d->ask)
		return d->ask(d->ask_data, kind, subject, out, err);
	return 0;
}

int connection_read(struct connection *c, struct vars_view *view,
	const struct connection_defaults *d, struct err *err)
{
	struct reader r = {.view = view, .err = err};

	*c = (struct connection){.defaults = d};
	c->link = (struct link_options){
		.name = vars_view_host(view)->name,
		.helpers = d->helpers,
		.limiter = d->limiter,
		.secret = give_secret,
		.secret_data = c,
	};
	c->link.transport = read_transport(&r, d);
	read_ssh(&r, c, d);
	read_become(&r, c, d);
	read_remote_dirs(&r, c);
	if (c->key_files[0])
		c->link.key_files = c->key_files;
	return r.failed ? -1 : 0;
}

int connection_open(struct connection *c, struct link **link, uint16_t *ctx, deadline until,
	const struct cancel *cancel, struct err *err)
{
	*ctx = 0;
	if (link_open(link, &c->link, until, cancel, err) < 0)
		return -1;
	if (!c->become || strcmp(link_hello(*link)->user, c->become_user) == 0)
		return 0;
	int got = link_become(*link, c->become_user, until, err);
	if (got < 0) {
		link_close(*link, deadline_in(1));
		*link = NULL;
		return -1;
	}
	*ctx = (uint16_t)got;
	return 0;
}
