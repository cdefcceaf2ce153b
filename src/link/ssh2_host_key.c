/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which host key is asked for follows from what is known: a host that has an ed25519 key in
 * known_hosts must be asked for that one, or it presents another that nobody knows. Where
 * certificates or key types are involved that libssh2 lacks, the ssh program takes over.
 */
#include "link/ssh2.h"

#include "base/log.h"

/* Host key types of libssh2, in the order in which they are asked for by default. */
static const char *const host_key_types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"};

/* Known types first, then the others. */
static void preference(const struct known_hosts *known, struct strbuf *out)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ARRAY_SIZE(host_key_types); i++) {
			bool first = known_hosts_has_type(known, host_key_types[i]);
			if (first == (pass == 0))
				strbuf_addf(
					out, "%s%s", out->len ? "," : "", host_key_types[i]);
		}
	}
}

int ssh2_prefer_host_keys(
	struct ssh2_transport *t, struct known_hosts *known, bool *fall_back, struct err *err)
{
	AUTO(strbuf_release) struct strbuf order = STRBUF_INIT;
	const struct ssh_settings *s = t->settings;
	const struct strlist *lists[] = {&s->user_known_hosts, &s->global_known_hosts};

	known_hosts_init(known, s->host_key_alias ? s->host_key_alias : s->host,
		s->host_key_alias ? 22 : s->port);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
		for (size_t i = 0; i < lists[l]->count; i++)
			if (known_hosts_read(known, lists[l]->items[i], err) < 0)
				return err_wrap(err, "known hosts");
	for (size_t i = 0; i < known->warnings.count; i++) {
		const struct diag *d = &known->warnings.items[i];
		log_warning("%s:%u: %s", d->file, d->line, d->text);
	}
	if (known->has_authority) {
		*fall_back = true;
		return err_set(err, ERR_UNSUPPORTED,
			"a certificate authority is known for this host, and libssh2 cannot "
			"check certificates");
	}
	preference(known, &order);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_HOSTKEY, order.data);
	return 0;
}

/* The host's name as known_hosts has it. */
static void host_label(const struct ssh2_transport *t, struct strbuf *out)
{
	const struct ssh_settings *s = t->settings;

	if (s->host_key_alias)
		strbuf_addstr(out, s->host_key_alias);
	else if (s->port == 22)
		strbuf_addstr(out, s->host);
	else
		strbuf_addf(out, "[%s]:%u", s->host, s->port);
}

/* A key that is not known: refused, added, or let pass. */
static int judge_unknown(struct ssh2_transport *t, const char *label, const char *type,
	const char *blob, size_t len, struct err *err)
{
	const struct ssh_settings *s = t->settings;

	if (s->checking == LINK_HOST_KEY_OFF)
		return 0;
	if (s->checking == LINK_HOST_KEY_STRICT)
		return err_set(err, ERR_AUTH,
			"the host's %s key is not in known_hosts (as %s); add it with "
			"ssh-keyscan, or use --host-key-checking accept-new",
			type, label);
	if (s->user_known_hosts.count == 0)
		return 0;
	log_info("adding the %s key of %s to %s", type, label, s->user_known_hosts.items[0]);
	return known_hosts_add(s->user_known_hosts.items[0],
		s->host_key_alias ? s->host_key_alias : s->host,
		s->host_key_alias ? 22 : s->port, s->hash_known_hosts, type, blob, len, err);
}

int ssh2_check_host_key(struct ssh2_transport *t, const struct known_hosts *known,
	bool *fall_back, struct err *err)
{
	AUTO(strbuf_release) struct strbuf label = STRBUF_INIT;
	const struct known_key *why;
	size_t len = 0;
	int ignored;
	const char *blob = libssh2_session_hostkey(t->session, &len, &ignored);
	const char *method = libssh2_session_methods(t->session, LIBSSH2_METHOD_HOSTKEY);
	/* The key's own type: with rsa-sha2 the method has another name. */
	const char *type = method && str_starts(method, "rsa-sha2-") ? "ssh-rsa" : method;

	if (!blob || !type)
		return err_set(err, ERR_PROTOCOL, "the host gave no key");
	host_label(t, &label);
	switch (known_hosts_check(known, type, blob, len, &why)) {
	case KNOWN_OK: return 0;
	case KNOWN_REVOKED:
		return err_set(err, ERR_AUTH, "the host's %s key is revoked (%s:%u)", type,
			why->file, why->line);
	case KNOWN_CHANGED:
		if (t->settings->checking == LINK_HOST_KEY_OFF)
			return 0;
		return err_set(err, ERR_AUTH,
			"the host's %s key is not the one in %s:%u: somebody may be listening, "
			"or the host was installed anew; then remove the line with ssh-keygen "
			"-R \"%s\"",
			type, why->file, why->line, label.data);
	case KNOWN_OTHER: *fall_back = t->settings->checking != LINK_HOST_KEY_OFF; break;
	case KNOWN_NONE: break;
	}
	return judge_unknown(t, label.data, type, blob, len, err);
}
