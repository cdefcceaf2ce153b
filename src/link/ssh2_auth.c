/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in over libssh2: keys first, without asking the host what it would like (that is a
 * round trip, and the answer to the first key tells the same); then, if there is one, the
 * password. Keys that libssh2 cannot use (certificates, security keys) are left out, and RSA
 * keys come last, since a current server refuses the only signature that libssh2 1.10 can
 * make with them. When all failed, the ssh program may know more.
 */
#include "link/ssh2.h"

#include "base/log.h"
#include "base/vec.h"
#include "link/agent.h"
#include "link/key_file.h"

/* A key that can be tried: in the agent, in a file, or both. */
struct candidate {
	const struct agent_key *agent; /* NULL: the file */
	const char *file;
	bool rsa;
};

struct candidates {
	struct agent_keys agent;
	struct candidate *items;
	size_t count;
	size_t cap;
};

static void candidates_release(struct candidates *c)
{
	agent_keys_release(&c->agent);
	free(c->items);
}

/* True for the key types that libssh2 can sign with. */
static bool is_usable(const char *type)
{
	static const char *const usable[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"};

	for (size_t i = 0; i < ARRAY_SIZE(usable); i++)
		if (strcmp(type, usable[i]) == 0)
			return true;
	return false;
}

/* Asks the agent for its keys. An agent that is not there or fails is no error. */
static void ask_agent(struct ssh2_transport *t, struct agent_keys *keys)
{
	const char *path = t->settings->identity_agent;
	struct err err = {0};

	if (!path || strcmp(path, "SSH_AUTH_SOCK") == 0)
		path = getenv("SSH_AUTH_SOCK");
	if (!path || !*path || strcmp(path, "none") == 0)
		return;
	t->agent_fd = agent_connect(path, &err);
	if (t->agent_fd < 0 || agent_list(t->agent_fd, keys, t->until, t->cancel, &err) < 0)
		log_info("%s: %s", t->options->name, err.text);
}

static void add_candidate(
	struct candidates *c, const struct agent_key *agent, const char *file, const char *type)
{
	if (!is_usable(type))
		return;
	for (size_t i = 0; i < c->count; i++)
		if (agent && c->items[i].agent == agent)
			return;
	*VEC_PUSH(c) = (struct candidate){agent, file, strcmp(type, "ssh-rsa") == 0};
}

/* The agent's key that has this public part, or NULL. */
static const struct agent_key *find_in_agent(
	const struct agent_keys *keys, const struct strbuf *blob)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->items[i].len == blob->len &&
			memcmp(keys->items[i].blob, blob->data, blob->len) == 0)
			return &keys->items[i];
	return NULL;
}

/* Configured keys that the agent has, other keys of the agent, and key files, as ssh does. */
static void collect(struct ssh2_transport *t, struct candidates *c)
{
	const struct strlist *files = &t->settings->identity_files;

	ask_agent(t, &c->agent);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < files->count; i++) {
			AUTO(strbuf_release) struct strbuf type = STRBUF_INIT;
			AUTO(strbuf_release) struct strbuf blob = STRBUF_INIT;
			bool public = key_file_public(files->items[i], &type, &blob);
			const struct agent_key *key =
				public ? find_in_agent(&c->agent, &blob) : NULL;
			if (pass == 0 && key)
				add_candidate(c, key, files->items[i], key->type);
			if (pass == 1 && !key &&
				key_file_look(files->items[i]) != KEY_FILE_ABSENT)
				add_candidate(c, NULL, files->items[i],
					public ? type.data : "ssh-ed25519");
		}
		for (size_t i = 0; pass == 0 && i < c->agent.count; i++)
			if (!t->settings->identities_only)
				add_candidate(
					c, &c->agent.items[i], NULL, c->agent.items[i].type);
	}
}

/* Called by libssh2 for a signature by the agent's key. */
static int sign_by_agent(LIBSSH2_SESSION *session, unsigned char **signature, size_t *len,
	const unsigned char *data, size_t data_len, void **abstract)
{
	struct ssh2_transport *t = *abstract;
	AUTO(strbuf_release) struct strbuf made = STRBUF_INIT;

	(void)session;
	if (agent_sign(t->agent_fd, t->signing_key, data, data_len, &made, t->until, t->cancel,
		    &t->callback_err) < 0)
		return -1;
	*signature = xmemdup(made.data, made.len);
	*len = made.len;
	return 0;
}

/* Asks for the passphrase of a key file: 1 with one, 0 without, -1 with err. */
static int ask_passphrase(
	struct ssh2_transport *t, const char *file, struct strbuf *out, struct err *err)
{
	if (!t->options->secret)
		return 0;
	return t->options->secret(
		t->options->secret_data, LINK_SECRET_PASSPHRASE, file, out, err);
}

/* Tries a key file. Gives libssh2's result; 1 when the key cannot be used. */
static int try_file(struct ssh2_transport *t, const char *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf passphrase = STRBUF_INIT;
	const char *user = t->settings->user;
	bool encrypted = key_file_look(file) == KEY_FILE_ENCRYPTED;

	if (encrypted) {
		int given = ask_passphrase(t, file, &passphrase, err);
		if (given <= 0) {
			log_info("%s: key %s needs a passphrase, and there is none",
				t->options->name, file);
			return 1;
		}
	}
	int result = SSH2_CALL(t, t->until, err,
		libssh2_userauth_publickey_fromfile_ex(t->session, user, (unsigned)strlen(user),
			NULL, file, encrypted ? passphrase.data : NULL));
	mem_wipe(passphrase.data, passphrase.len);
	return result;
}

static int try_candidate(struct ssh2_transport *t, const struct candidate *c, struct err *err)
{
	void *abstract = t;

	log_debug("%s: trying key %s", t->options->name, c->file ? c->file : c->agent->comment);
	if (!c->agent)
		return try_file(t, c->file, err);
	t->signing_key = c->agent;
	return SSH2_CALL(t, t->until, err,
		libssh2_userauth_publickey(t->session, t->settings->user, c->agent->blob,
			c->agent->len, sign_by_agent, &abstract));
}

/* True for results after which the connection is not good for another try. */
static bool is_fatal(int result)
{
	return result == LIBSSH2_ERROR_EAGAIN || result == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	       result == LIBSSH2_ERROR_SOCKET_RECV || result == LIBSSH2_ERROR_SOCKET_SEND;
}

/* Tries all keys: 0 when let in, 1 when not, -1 with err. */
static int try_keys(struct ssh2_transport *t, unsigned *tried, struct err *err)
{
	AUTO(candidates_release) struct candidates c = {0};

	collect(t, &c);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < c.count; i++) {
			if (c.items[i].rsa != (pass == 1))
				continue;
			int result = try_candidate(t, &c.items[i], err);
			if (result == 0)
				return 0;
			if (is_fatal(result))
				return ssh2_fail(t, ERR_AUTH, "logging in by key", err);
			++*tried;
		}
	}
	return 1;
}

/* Answers every question of keyboard-interactive that hides its answer with the password. */
static void answer_questions(const char *name, int name_len, const char *instruction,
	int instruction_len, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
	LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
	struct ssh2_transport *t = *abstract;

	(void)name, (void)name_len, (void)instruction, (void)instruction_len;
	for (int i = 0; i < count; i++) {
		const struct strbuf *answer = t->password;
		responses[i].text = xstrndup(answer->data, prompts[i].echo ? 0 : answer->len);
		responses[i].length = (unsigned)strlen(responses[i].text);
	}
}

/* Which methods the host offers; NULL when it let us in without any, or on failure. */
static const char *offered_methods(struct ssh2_transport *t, struct err *err)
{
	const char *user = t->settings->user;
	const char *list;

	while (!(list = libssh2_userauth_list(t->session, user, (unsigned)strlen(user)))) {
		bool again = libssh2_session_last_errno(t->session) == LIBSSH2_ERROR_EAGAIN;
		if (!again || ssh2_wait(t, t->until, err) < 0)
			return NULL;
	}
	return list;
}

/* Tries the password by the methods that the host offers: 0 when let in, 1 when not, -1. */
static int send_password(struct ssh2_transport *t, const char *methods, struct err *err)
{
	const char *user = t->settings->user;
	unsigned n = (unsigned)strlen(user);
	int result = 1;

	if (t->settings->password && strstr(methods, "password"))
		result = SSH2_CALL(t, t->until, err,
			libssh2_userauth_password_ex(t->session, user, n, t->password->data,
				(unsigned)t->password->len, NULL));
	if (result != 0 && !is_fatal(result) && t->settings->keyboard_interactive &&
		strstr(methods, "keyboard-interactive"))
		result = SSH2_CALL(t, t->until, err,
			libssh2_userauth_keyboard_interactive_ex(
				t->session, user, n, answer_questions));
	if (is_fatal(result))
		return ssh2_fail(t, ERR_AUTH, "logging in by password", err);
	return result == 0 ? 0 : 1;
}

/* Asks for the password and tries it: 0 when let in, 1 when not, -1 with err. */
static int try_password(struct ssh2_transport *t, const char *methods, struct err *err)
{
	AUTO(strbuf_release) struct strbuf password = STRBUF_INIT;
	autofree char *subject = xasprintf("%s@%s", t->settings->user, t->settings->host);

	if (!t->options->secret ||
		(!strstr(methods, "password") && !strstr(methods, "keyboard")))
		return 1;
	int given = t->options->secret(
		t->options->secret_data, LINK_SECRET_PASSWORD, subject, &password, err);
	if (given <= 0)
		return given < 0 ? -1 : 1;
	t->password = &password;
	int result = send_password(t, methods, err);
	t->password = NULL;
	mem_wipe(password.data, password.len);
	return result;
}

int ssh2_authenticate(
	struct ssh2_transport *t, bool *fall_back, deadline until, struct err *err)
{
	unsigned tried = 0;

	t->until = until;
	int result = t->settings->public_key ? try_keys(t, &tried, err) : 1;
	if (result <= 0) {
		*fall_back =
			result < 0 && err->code != ERR_TIMEOUT && err->code != ERR_CANCELLED;
		return result;
	}
	const char *methods = offered_methods(t, err);
	if (!methods && libssh2_userauth_authenticated(t->session))
		return 0;
	if (!methods)
		return ssh2_fail(t, ERR_AUTH, "logging in", err);
	result = try_password(t, methods, err);
	if (result <= 0)
		return result;
	*fall_back = true;
	return err_set(err, ERR_AUTH,
		"%s is not let in: the host offers %s; %u key%s tried, %s", t->settings->user,
		methods, tried, tried == 1 ? " was" : "s were",
		t->options->secret ? "and the password, if there is one"
				   : "and there is no password");
}
