/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure of TLS means to whoever operates this, and what can be done about it.
 *
 * libcurl tells OpenSSL's verdict on a certificate as a number (X509_V_ERR_... of its
 * x509_vfy.h, part of its ABI); of all else there are words alone.
 */
#include "http/private.h"

/* OpenSSL's verdicts. */
enum verdict {
	ANY = 0,
	ISSUER_MISSING = 2,
	NOT_YET_VALID = 9,
	EXPIRED = 10,
	SELF_SIGNED = 18,
	SELF_SIGNED_IN_CHAIN = 19,
	ISSUER_UNKNOWN = 20,
	LEAF_UNVERIFIED = 21,
	OTHER_PURPOSE = 26
};

/* What a remedy names. */
enum named { NOTHING, OF_CAS, OF_CLIENT, CLOCK };

static const struct trouble {
	CURLcode code;
	enum verdict verdict;
	const char *part; /* of libcurl's words; NULL: any */
	enum err_code err;
	const char *what; /* NULL: libcurl's words say it */
	enum named named;
	const char *how;
} troubles[] = {
#define UNTRUSTED(verdict)                                                                     \
	{                                                                                      \
		CURLE_PEER_FAILED_VERIFICATION, verdict, NULL, ERR_AUTH,                       \
			"no CA that is trusted here has signed it", OF_CAS,                    \
			"name a file of the CAs to trust"                                      \
	}
	UNTRUSTED(ISSUER_MISSING),
	UNTRUSTED(SELF_SIGNED),
	UNTRUSTED(SELF_SIGNED_IN_CHAIN),
	UNTRUSTED(ISSUER_UNKNOWN),
	UNTRUSTED(LEAF_UNVERIFIED),
#undef UNTRUSTED
	{CURLE_PEER_FAILED_VERIFICATION, EXPIRED, NULL, ERR_AUTH, "the server needs a new one",
		CLOCK, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, NOT_YET_VALID, NULL, ERR_AUTH, NULL, CLOCK, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, OTHER_PURPOSE, NULL, ERR_AUTH,
		"the server needs one that is for servers (serverAuth)", NOTHING, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, ANY, "match", ERR_AUTH,
		"ask for it by a name that its certificate has, or give it one with this name",
		NOTHING, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, ANY, NULL, ERR_AUTH, NULL, NOTHING, NULL},
	{CURLE_SSL_ISSUER_ERROR, ANY, NULL, ERR_AUTH, NULL, NOTHING, NULL},
	{CURLE_SSL_CACERT_BADFILE, ANY, NULL, ERR_INPUT, "the CAs to trust cannot be read",
		OF_CAS, "name a file in PEM, or a directory made by openssl rehash"},
	{CURLE_SSL_CERTPROBLEM, ANY, NULL, ERR_AUTH,
		"the certificate of this client cannot be used", OF_CLIENT,
		"name a file in PEM that holds it and its key"},
	{CURLE_SSL_CONNECT_ERROR, ANY, "wrong version number", ERR_AUTH,
		"no TLS is spoken at this address: is it one of http://?", NOTHING, NULL},
#define UNWANTED(code, part)                                                                   \
	{                                                                                      \
		code, ANY, part, ERR_AUTH,                                                     \
			"the server does not take this client's certificate", OF_CLIENT,       \
			"name one that it takes"                                               \
	}
#define ANONYMOUS(code, part)                                                                  \
	{                                                                                      \
		code, ANY, part, ERR_AUTH,                                                     \
			"the server serves clients with a certificate alone", OF_CLIENT,       \
			"name a file in PEM that holds one and its key"                        \
	}
	ANONYMOUS(CURLE_RECV_ERROR, "alert certificate required"),
	ANONYMOUS(CURLE_SSL_CONNECT_ERROR, "alert certificate required"),
	{CURLE_SSL_CONNECT_ERROR, ANY, "alert handshake failure", ERR_AUTH,
		"the server serves clients with a certificate alone, or has no cipher in "
		"common with this machine",
		OF_CLIENT, "name a file in PEM that holds a certificate and its key"},
	UNWANTED(CURLE_RECV_ERROR, "alert unknown ca"),
	UNWANTED(CURLE_RECV_ERROR, "alert certificate"),
	UNWANTED(CURLE_RECV_ERROR, "alert bad certificate"),
	UNWANTED(CURLE_SSL_CONNECT_ERROR, "alert unknown ca"),
	UNWANTED(CURLE_SSL_CONNECT_ERROR, "alert certificate"),
	UNWANTED(CURLE_SSL_CONNECT_ERROR, "alert bad certificate"),
#undef UNWANTED
#undef ANONYMOUS
	{CURLE_SSL_CONNECT_ERROR, ANY, NULL, ERR_AUTH, NULL, NOTHING, NULL},
};

static const struct trouble *find(CURLcode code, long verdict, const char *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		const struct trouble *t = &troubles[i];
		if (t->code == code && (t->verdict == ANY || (long)t->verdict == verdict) &&
			(!t->part || strstr(words, t->part)))
			return t;
	}
	return NULL;
}

static void add_remedy(const struct trouble *t, const struct http_tls *tls, struct strbuf *out)
{
	const char *setting = t->named == OF_CAS ? tls->ca_setting : tls->client_setting;
	char now[32];

	if (t->what)
		strbuf_addf(out, ": %s", t->what);
	if (t->named == CLOCK) {
		clock_rfc3339(time(NULL), now);
		strbuf_addf(out, "; or this machine's clock is wrong: it is %s here", now);
	} else if (t->named == OF_CAS) {
		strbuf_addf(out, "; let %s %s", setting ? setting : HTTP_CA_VARIABLE, t->how);
	} else if (t->named == OF_CLIENT && setting) {
		strbuf_addf(out, "; let %s %s", setting, t->how);
	}
}

bool http_tls_trouble(
	const struct http_transfer *t, CURLcode code, const char *words, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	long verdict = 0;

	curl_easy_getinfo(t->client->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	const struct trouble *trouble = find(code, verdict, words);
	if (!trouble)
		return false;
	strbuf_addstr(&text, words);
	add_remedy(trouble, &t->request->tls, &text);
	err_set(err, trouble->err, "%s", text.data);
	return true;
}
