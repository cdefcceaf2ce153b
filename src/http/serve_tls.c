/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of servers, and their exchange; see serve_tls.h. */
#include "http/serve_tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/fd.h"

#define PEM_MAX     (256u << 10)
#define KEY_ID_SIZE 64u /* bytes; more than any digest has */

struct http_certificate {
	gnutls_x509_crt_t *chain; /* its own first */
	unsigned count;
	gnutls_x509_privkey_t key;
};

/* ---- reading ---- */

static int refuse(const char *path, int code, const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "%s: expected %s as PEM: %s", path, what,
		gnutls_strerror(code));
}

static int read_chain(struct http_certificate *c, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, PEM_MAX, &text, err) < 0)
		return -1;
	gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
	int code = gnutls_x509_crt_list_import2(
		&c->chain, &c->count, &pem, GNUTLS_X509_FMT_PEM, 0);
	return code < 0 ? refuse(path, code, "a certificate", err) : 0;
}

static int read_key(struct http_certificate *c, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, PEM_MAX, &text, err) < 0)
		return -1;
	gnutls_datum_t pem = {(unsigned char *)text.data, (unsigned)text.len};
	int code = gnutls_x509_privkey_init(&c->key);
	if (code == 0)
		code = gnutls_x509_privkey_import(c->key, &pem, GNUTLS_X509_FMT_PEM);
	mem_wipe(text.data, text.len);
	return code < 0 ? refuse(path, code, "a key without a password", err) : 0;
}

/* A renewal that replaces one file after the other is looked at in between. */
static bool belong_together(const struct http_certificate *c)
{
	unsigned char ids[2][KEY_ID_SIZE];
	size_t sizes[2] = {KEY_ID_SIZE, KEY_ID_SIZE};

	return gnutls_x509_crt_get_key_id(c->chain[0], 0, ids[0], &sizes[0]) == 0 &&
	       gnutls_x509_privkey_get_key_id(c->key, 0, ids[1], &sizes[1]) == 0 &&
	       sizes[0] == sizes[1] && memcmp(ids[0], ids[1], sizes[0]) == 0;
}

struct http_certificate *http_certificate_read(
	const char *cert, const char *key, struct err *err)
{
	struct http_certificate *c = xcalloc(1, sizeof(*c));

	if (read_chain(c, cert, err) == 0 && read_key(c, key, err) == 0) {
		if (belong_together(c))
			return c;
		err_set(err, ERR_INPUT, "%s is not the key of the certificate %s", key, cert);
	}
	http_certificate_free(c);
	return NULL;
}

void http_certificate_free(struct http_certificate *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->count; i++)
		gnutls_x509_crt_deinit(c->chain[i]);
	gnutls_free(c->chain);
	gnutls_x509_privkey_deinit(c->key);
	free(c);
}

/* ---- exchange ---- */

void http_server_renew(struct http_server *s, struct http_certificate *certificate)
{
	pthread_mutex_lock(&s->certificate_lock);
	struct http_certificate *former = s->certificate;
	s->certificate = certificate;
	pthread_mutex_unlock(&s->certificate_lock);
	http_certificate_free(former);
}

/* ---- handshakes ---- */

static void free_copies(gnutls_pcert_st *chain, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		gnutls_pcert_deinit(&chain[i]);
	gnutls_free(chain);
}

static gnutls_pcert_st *copy_chain(const struct http_certificate *c)
{
	gnutls_pcert_st *chain = gnutls_calloc(c->count, sizeof(*chain));

	for (unsigned i = 0; chain && i < c->count; i++)
		if (gnutls_pcert_import_x509(&chain[i], c->chain[i], 0) < 0) {
			free_copies(chain, i);
			return NULL;
		}
	return chain;
}

static gnutls_privkey_t copy_key(const struct http_certificate *c)
{
	gnutls_privkey_t key = NULL;

	if (gnutls_privkey_init(&key) < 0)
		return NULL;
	if (gnutls_privkey_import_x509(key, c->key, GNUTLS_PRIVKEY_IMPORT_COPY) == 0)
		return key;
	gnutls_privkey_deinit(key);
	return NULL;
}

/* gnutls_certificate_retrieve_function3 */
static int give_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **chain, unsigned *count, gnutls_ocsp_data_st **ocsp,
	unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
	struct http_server *s = gnutls_session_get_ptr(session);

	(void)info;
	pthread_mutex_lock(&s->certificate_lock);
	*chain = copy_chain(s->certificate);
	*count = s->certificate->count;
	*key = copy_key(s->certificate);
	pthread_mutex_unlock(&s->certificate_lock);
	*ocsp = NULL;
	*ocsp_count = 0;
	*flags |= GNUTLS_CERT_RETR_DEINIT_ALL;
	if (*chain && *key)
		return 0;
	if (*chain)
		free_copies(*chain, *count);
	gnutls_privkey_deinit(*key);
	return -1;
}

void http_tls_options(struct MHD_OptionItem options[HTTP_TLS_OPTIONS])
{
	static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

	options[0] = (struct MHD_OptionItem){
		MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)give_certificate};
	options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, priorities};
	options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

void http_tls_begin(struct http_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (info && info->tls_session)
		gnutls_session_set_ptr(info->tls_session, s);
}
