/* SPDX-License-Identifier: Apache-2.0 */
#include "link/settings.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/path.h"
#include "base/spawn.h"
#include "base/log.h"
#include "link/ssh_cache.h"

#define WORD_MAX 4096

/* Files that ssh looks for when no IdentityFile is configured, and that libssh2 can read. */
static const char *const default_identities[] = {
	"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};

void ssh_settings_defaults(struct ssh_settings *s, const char *host)
{
	*s = (struct ssh_settings){
		.port = 22, .family = AF_UNSPEC, .checking = LINK_HOST_KEY_STRICT};
	s->host = xstrdup(host);
	s->public_key = s->password = s->keyboard_interactive = true;
}

void ssh_settings_release(struct ssh_settings *s)
{
	free(s->host);
	free(s->user);
	free(s->host_key_alias);
	free(s->identity_agent);
	free(s->needs_program);
	strlist_release(&s->identity_files);
	strlist_release(&s->user_known_hosts);
	strlist_release(&s->global_known_hosts);
	strlist_release(&s->words);
	*s = (struct ssh_settings){0};
}

/* Replaces an owned string. */
static int set_string(char **where, const char *value)
{
	free(*where);
	*where = xstrdup(value);
	return 0;
}

static int fail_value(const char *keyword, const char *value, struct err *err)
{
	return err_set(
		err, ERR_INPUT, "ssh -G: \"%s %.100s\" has no meaning here", keyword, value);
}

/* ssh prints both pairs of words, whatever the configuration says. */
static int parse_bool(const char *keyword, const char *value, bool *out, struct err *err)
{
	static const char *const yes[] = {"yes", "true"}, *const no[] = {"no", "false"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*out = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return fail_value(keyword, value, err);
}

static int set_host(struct ssh_settings *s, const char *value, struct err *err)
{
	if (strpbrk(value, " \t") || *value == '-')
		return fail_value("hostname", value, err);
	return set_string(&s->host, value);
}

static int set_user(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	return set_string(&s->user, value);
}

static int set_port(struct ssh_settings *s, const char *value, struct err *err)
{
	int64_t port;

	if (!parse_int(value, 1, 65535, &port))
		return fail_value("port", value, err);
	s->port = (unsigned)port;
	return 0;
}

static int set_family(struct ssh_settings *s, const char *value, struct err *err)
{
	if (strcmp(value, "any") == 0)
		s->family = AF_UNSPEC;
	else if (strcmp(value, "inet") == 0)
		s->family = AF_INET;
	else if (strcmp(value, "inet6") == 0)
		s->family = AF_INET6;
	else
		return fail_value("addressfamily", value, err);
	return 0;
}

static int set_alias(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	return set_string(&s->host_key_alias, value);
}

static int set_agent(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	return set_string(&s->identity_agent, value);
}

static int set_identities_only(struct ssh_settings *s, const char *value, struct err *err)
{
	return parse_bool("identitiesonly", value, &s->identities_only, err);
}

static int set_hash(struct ssh_settings *s, const char *value, struct err *err)
{
	return parse_bool("hashknownhosts", value, &s->hash_known_hosts, err);
}

static int set_public_key(struct ssh_settings *s, const char *value, struct err *err)
{
	/* Besides yes and no: which of its two forms is allowed. */
	s->public_key = true;
	if (strcmp(value, "unbound") == 0 || strcmp(value, "host-bound") == 0)
		return 0;
	return parse_bool("pubkeyauthentication", value, &s->public_key, err);
}

static int set_password(struct ssh_settings *s, const char *value, struct err *err)
{
	return parse_bool("passwordauthentication", value, &s->password, err);
}

static int set_keyboard(struct ssh_settings *s, const char *value, struct err *err)
{
	return parse_bool("kbdinteractiveauthentication", value, &s->keyboard_interactive, err);
}

static int set_checking(struct ssh_settings *s, const char *value, struct err *err)
{
	static const struct {
		const char *word;
		enum link_host_key_checking checking;
	} words[] = {
		{"ask", LINK_HOST_KEY_STRICT},
		{"yes", LINK_HOST_KEY_STRICT},
		{"true", LINK_HOST_KEY_STRICT},
		{"accept-new", LINK_HOST_KEY_ACCEPT_NEW},
		{"no", LINK_HOST_KEY_OFF},
		{"false", LINK_HOST_KEY_OFF},
		{"off", LINK_HOST_KEY_OFF},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i].word) == 0) {
			s->checking = words[i].checking;
			return 0;
		}
	}
	return fail_value("stricthostkeychecking", value, err);
}

static int add_identity(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	if (s->identity_files.count < 100)
		strlist_add(&s->identity_files, value);
	return 0;
}

static int set_user_files(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	strlist_release(&s->user_known_hosts);
	strlist_split(&s->user_known_hosts, value, " ");
	return 0;
}

static int set_global_files(struct ssh_settings *s, const char *value, struct err *err)
{
	(void)err;
	strlist_release(&s->global_known_hosts);
	strlist_split(&s->global_known_hosts, value, " ");
	return 0;
}

/* What each keyword does. Those without a function need the ssh program unless "none". */
static const struct {
	const char *keyword;
	int (*set)(struct ssh_settings *s, const char *value, struct err *err);
} keywords[] = {
	{"hostname", set_host},
	{"user", set_user},
	{"port", set_port},
	{"addressfamily", set_family},
	{"hostkeyalias", set_alias},
	{"identityagent", set_agent},
	{"identitiesonly", set_identities_only},
	{"identityfile", add_identity},
	{"hashknownhosts", set_hash},
	{"pubkeyauthentication", set_public_key},
	{"passwordauthentication", set_password},
	{"kbdinteractiveauthentication", set_keyboard},
	{"stricthostkeychecking", set_checking},
	{"userknownhostsfile", set_user_files},
	{"globalknownhostsfile", set_global_files},
	{"proxyjump", NULL},
	{"proxycommand", NULL},
	{"certificatefile", NULL},
	{"pkcs11provider", NULL},
	{"knownhostscommand", NULL},
	{"revokedhostkeys", NULL},
	{"bindaddress", NULL},
	{"bindinterface", NULL},
};

static int parse_line(
	struct ssh_settings *s, const char *keyword, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (strcmp(keyword, keywords[i].keyword) != 0)
			continue;
		if (keywords[i].set)
			return keywords[i].set(s, value, err);
		if (strcmp(value, "none") != 0 && *value)
			set_string(&s->needs_program, keyword);
		return 0;
	}
	return 0;
}

int ssh_settings_parse(struct ssh_settings *s, const char *text, size_t len, struct err *err)
{
	if (len > SSH_SETTINGS_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "ssh -G printed more than %u bytes",
			SSH_SETTINGS_MAX_BYTES);
	if (memchr(text, '\0', len))
		return err_set(err, ERR_INPUT, "ssh -G printed a NUL byte");
	autofree char *copy = xstrndup(text, len);
	char *state = NULL;
	for (char *line = strtok_r(copy, "\n", &state); line;
		line = strtok_r(NULL, "\n", &state)) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		if (parse_line(s, line, value, err) < 0)
			return -1;
	}
	return 0;
}

/* Replaces the tokens that ssh -G leaves in a file name; false for one we do not know. */
static bool expand_tokens(
	const struct ssh_settings *s, const char *home, const char *name, struct strbuf *out)
{
	if (str_starts(name, "~/")) {
		strbuf_addstr(out, home);
		name++;
	}
	for (const char *c = name; *c; c++) {
		if (*c == '$' && c[1] == '{')
			return false;
		if (*c != '%') {
			strbuf_addch(out, *c);
			continue;
		}
		switch (*++c) {
		case '%': strbuf_addch(out, '%'); break;
		case 'd': strbuf_addstr(out, home); break;
		case 'h': strbuf_addstr(out, s->host); break;
		case 'r': strbuf_addstr(out, s->user); break;
		case 'p': strbuf_addf(out, "%u", s->port); break;
		default: return false;
		}
	}
	return true;
}

/* Expands every name of a list; what only ssh can expand needs the ssh program. */
static void expand_list(struct ssh_settings *s, struct strlist *names, const char *home)
{
	for (size_t i = 0; i < names->count; i++) {
		AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
		if (!expand_tokens(s, home, names->items[i], &path))
			set_string(&s->needs_program, "identityfile");
		set_string(&names->items[i], path.data);
	}
}

/* What the options say stands above the configuration. */
static void apply_options(struct ssh_settings *s, const struct link_options *o)
{
	if (o->port)
		s->port = o->port;
	if (o->user)
		set_string(&s->user, o->user);
	if (o->host_key_checking != LINK_HOST_KEY_CONFIGURED)
		s->checking = o->host_key_checking;
	if (o->known_hosts) {
		strlist_release(&s->user_known_hosts);
		strlist_release(&s->global_known_hosts);
		for (const char *const *file = o->known_hosts; *file; file++)
			strlist_add(&s->user_known_hosts, *file);
	}
}

/* Without an ssh program: what it would do without a configuration. */
static void fill_defaults(struct ssh_settings *s, const struct link_options *o)
{
	for (const char *const *key = o->key_files; key && *key; key++)
		strlist_add(&s->identity_files, *key);
	if (s->identity_files.count == 0)
		for (size_t i = 0; i < ARRAY_SIZE(default_identities); i++)
			strlist_add(&s->identity_files, default_identities[i]);
	strlist_add(&s->user_known_hosts, "~/.ssh/known_hosts");
	strlist_add(&s->global_known_hosts, "/etc/ssh/ssh_known_hosts");
}

int ssh_settings_load(struct ssh_settings *s, const struct link_options *o, deadline until,
	const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct passwd pw, *found = NULL;
	char names[4096];

	ssh_settings_defaults(s, o->address ? o->address : o->name);
	getpwuid_r(getuid(), &pw, names, sizeof(names), &found);
	const char *home = found ? found->pw_dir : "/";
	set_string(&s->user, found ? found->pw_name : "root");
	if (shell_split(&s->words, o->ssh_common_args ? o->ssh_common_args : "", err) < 0 ||
		shell_split(&s->words, o->ssh_extra_args ? o->ssh_extra_args : "", err) < 0)
		return err_wrap(err, "ssh arguments");
	int asked = ssh_configuration(s, o, home, until, cancel, &text, err);
	if (asked < 0)
		return -1;
	if (asked == 0)
		fill_defaults(s, o);
	else if (ssh_settings_parse(s, text.data, text.len, err) < 0)
		return -1;
	apply_options(s, o);
	expand_list(s, &s->identity_files, home);
	expand_list(s, &s->user_known_hosts, home);
	expand_list(s, &s->global_known_hosts, home);
	return 0;
}
