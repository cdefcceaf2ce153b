/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/vault.h"

#include <openssl/evp.h>

#include "crypto/hmac.h"

#define MAGIC       "$ANSIBLE_VAULT"
#define ROUNDS      10000
#define KEY_SIZE    32
#define IV_SIZE     16
#define BLOCK_SIZE  16
#define HMAC_SIZE   32
#define SALT_SIZE   32
#define LINE_LENGTH 80

/* What PBKDF2 gives, in this order. */
struct keys {
	unsigned char cipher[KEY_SIZE];
	unsigned char hmac[KEY_SIZE];
	unsigned char iv[IV_SIZE];
};

/* An envelope taken apart. */
struct envelope {
	struct strbuf body; /* the outer hex decoded: three parts in hex */
	struct strbuf salt;
	struct strbuf ciphertext;
	unsigned char hmac[HMAC_SIZE];
	char id[256];
};

static void keys_wipe(struct keys *k)
{
	mem_wipe(k, sizeof(*k));
}

void vault_wipe(struct strbuf *b)
{
	if (b->cap)
		mem_wipe(b->data, b->cap);
	strbuf_release(b);
}

static void envelope_release(struct envelope *e)
{
	strbuf_release(&e->body);
	strbuf_release(&e->salt);
	strbuf_release(&e->ciphertext);
}

bool vault_is_encrypted(const char *text, size_t len)
{
	return len >= strlen(MAGIC) && !memcmp(text, MAGIC, strlen(MAGIC));
}

static int derive_keys(const struct vault_secret *secret, const struct strbuf *salt,
	struct keys *out, struct err *err)
{
	_Static_assert(sizeof(struct keys) == 2 * KEY_SIZE + IV_SIZE, "no padding");
	return pbkdf2(DIGEST_SHA256, secret->password, secret->len, salt->data, salt->len,
		ROUNDS, out, sizeof(*out), err);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Appends the bytes of hex text; white space is skipped. False if there is anything else. */
static bool unhex(const char *text, size_t n, struct strbuf *out)
{
	char pair[3] = "";
	size_t have = 0;

	strbuf_reserve(out, n / 2);
	for (size_t i = 0; i < n; i++) {
		unsigned char byte;

		if (is_space(text[i]))
			continue;
		pair[have++] = text[i];
		if (have < 2)
			continue;
		if (!parse_hex(pair, &byte, 1))
			return false;
		strbuf_addch(out, (char)byte);
		have = 0;
	}
	return have == 0;
}

/* Reads the first line; *body is where the next one begins. */
static int parse_header(
	const char *text, size_t len, struct envelope *e, size_t *body, struct err *err)
{
	AUTO(strlist_release) struct strlist fields = {0};
	const char *end = memchr(text, '\n', len);
	size_t n = end ? (size_t)(end - text) : len;

	if (!vault_is_encrypted(text, len))
		return err_set(err, ERR_INPUT, "not a vault: expected it to begin with " MAGIC);
	if (n > 300)
		return err_set(
			err, ERR_INPUT, "the vault's first line is longer than 300 bytes");
	autofree char *header = xstrndup(text, n);
	strlist_split(&fields, header, ";");
	if (fields.count < 3 || fields.count > 4)
		return err_set(err, ERR_INPUT,
			"the vault's first line is damaged, expected " MAGIC ";1.1;AES256");
	if (strcmp(fields.items[1], "1.1") != 0 && strcmp(fields.items[1], "1.2") != 0)
		return err_set(err, ERR_UNSUPPORTED,
			"vault format %s; expected 1.1 or 1.2: run ansible-vault rekey",
			fields.items[1]);
	if (strcmp(fields.items[2], "AES256") != 0)
		return err_set(err, ERR_UNSUPPORTED, "vault cipher %s; expected AES256",
			fields.items[2]);
	snprintf(e->id, sizeof(e->id), "%s",
		fields.count == 4 ? fields.items[3] : VAULT_DEFAULT_ID);
	*body = end ? n + 1 : n;
	return 0;
}

static int parse_envelope(const char *text, size_t len, struct envelope *e, struct err *err)
{
	size_t at = 0;

	if (len > VAULT_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "a vault of %zu bytes; the limit is %u", len,
			VAULT_MAX_BYTES);
	if (parse_header(text, len, e, &at, err) < 0)
		return -1;
	if (!unhex(text + at, len - at, &e->body))
		return err_set(err, ERR_INPUT, "the vault is damaged: not all of it is hex");
	const char *salt = e->body.data, *end = salt + e->body.len;
	const char *hmac = memchr(salt, '\n', (size_t)(end - salt));
	const char *ciphertext = hmac ? memchr(hmac + 1, '\n', (size_t)(end - hmac - 1)) : NULL;
	if (!ciphertext)
		return err_set(err, ERR_INPUT, "the vault is damaged: parts of it are missing");
	AUTO(strbuf_release) struct strbuf mac = STRBUF_INIT;
	if (!unhex(salt, (size_t)(hmac - salt), &e->salt) ||
		!unhex(hmac + 1, (size_t)(ciphertext - hmac - 1), &mac) ||
		mac.len != HMAC_SIZE ||
		!unhex(ciphertext + 1, (size_t)(end - ciphertext - 1), &e->ciphertext))
		return err_set(err, ERR_INPUT, "the vault is damaged: a part of it is not hex");
	memcpy(e->hmac, mac.data, HMAC_SIZE);
	return 0;
}

/* AES-256-CTR, which is the same in both directions, from one buffer into another. */
static int cipher(const struct keys *keys, const void *in, size_t n, void *out, struct err *err)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int len;
	bool ok =
		context &&
		EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, keys->cipher, keys->iv) &&
		EVP_EncryptUpdate(context, out, &len, in, (int)n);

	EVP_CIPHER_CTX_free(context);
	return ok ? 0 : err_set(err, ERR_SYSTEM, "libcrypto refuses AES-256-CTR");
}

/* Takes the PKCS#7 padding off; false if it is none. */
static bool unpad(struct strbuf *b, size_t start)
{
	size_t n = b->len - start;
	unsigned char pad = n ? (unsigned char)b->data[b->len - 1] : 0;

	if (n % BLOCK_SIZE || !pad || pad > BLOCK_SIZE)
		return false;
	for (size_t i = 1; i <= pad; i++)
		if ((unsigned char)b->data[b->len - i] != pad)
			return false;
	mem_wipe(b->data + b->len - pad, pad);
	strbuf_truncate(b, b->len - pad);
	return true;
}

/* Tries one secret: 1 and the plain bytes appended, 0 if it does not fit, -1 with err. */
static int try_secret(const struct envelope *e, const struct vault_secret *secret,
	struct strbuf *out, struct err *err)
{
	AUTO(keys_wipe) struct keys keys;
	unsigned char mac[HMAC_SIZE];
	size_t start = out->len, n = e->ciphertext.len;

	if (derive_keys(secret, &e->salt, &keys, err) < 0 ||
		hmac_data(DIGEST_SHA256, keys.hmac, sizeof(keys.hmac), e->ciphertext.data, n,
			mac, err) < 0)
		return -1;
	if (!crypto_equal(mac, e->hmac, HMAC_SIZE))
		return 0;
	strbuf_reserve(out, n);
	if (cipher(&keys, e->ciphertext.data, n, out->data + start, err) < 0)
		return -1;
	out->len += n;
	out->data[out->len] = '\0';
	if (unpad(out, start))
		return 1;
	strbuf_truncate(out, start);
	return err_set(err, ERR_INPUT, "the vault is damaged: its padding is wrong");
}

/* Tries all secrets with (or without) the envelope's id. */
static int try_secrets(const struct envelope *e, const struct vault_secrets *secrets,
	bool same_id, struct strbuf *out, struct err *err)
{
	for (size_t i = 0; i < secrets->count; i++) {
		if (!strcmp(secrets->items[i].id, e->id) != same_id)
			continue;
		int rc = try_secret(e, &secrets->items[i], out, err);
		if (rc)
			return rc;
	}
	return 0;
}

int vault_decrypt(const char *text, size_t len, const struct vault_secrets *secrets,
	struct strbuf *out, struct err *err)
{
	AUTO(envelope_release)
	struct envelope e = {
		.body = STRBUF_INIT, .salt = STRBUF_INIT, .ciphertext = STRBUF_INIT};

	if (parse_envelope(text, len, &e, err) < 0)
		return -1;
	if (!secrets || !secrets->count)
		return err_set(err, ERR_AUTH,
			"encrypted by vault id %s, and no vault password is given; use "
			"--vault-password-file, --vault-id or --ask-vault-pass",
			e.id);
	int rc = try_secrets(&e, secrets, true, out, err);
	if (rc == 0)
		rc = try_secrets(&e, secrets, false, out, err);
	if (rc == 0)
		return err_set(err, ERR_AUTH, "none of %zu vault passwords fits (vault id %s)",
			secrets->count, e.id);
	return rc < 0 ? -1 : 0;
}

/* Appends the envelope: header, then hex of the body in lines. */
static void add_envelope(const struct strbuf *body, const char *id, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf hex = STRBUF_INIT;

	if (strcmp(id, VAULT_DEFAULT_ID) != 0)
		strbuf_addf(out, MAGIC ";1.2;AES256;%s\n", id);
	else
		strbuf_addstr(out, MAGIC ";1.1;AES256\n");
	strbuf_addhex(&hex, body->data, body->len);
	for (size_t at = 0; at < hex.len; at += LINE_LENGTH) {
		size_t left = hex.len - at;

		strbuf_add(out, hex.data + at, left < LINE_LENGTH ? left : LINE_LENGTH);
		strbuf_addch(out, '\n');
	}
}

/* Pads and encrypts into ciphertext. */
static int encrypt(const struct keys *keys, const void *data, size_t n,
	struct strbuf *ciphertext, struct err *err)
{
	AUTO(vault_wipe) struct strbuf padded = STRBUF_INIT;
	unsigned char pad = (unsigned char)(BLOCK_SIZE - n % BLOCK_SIZE);

	strbuf_reserve(&padded, n + BLOCK_SIZE);
	strbuf_add(&padded, data, n);
	for (int i = 0; i < pad; i++)
		strbuf_addch(&padded, (char)pad);
	strbuf_reserve(ciphertext, padded.len);
	if (cipher(keys, padded.data, padded.len, ciphertext->data, err) < 0)
		return -1;
	ciphertext->len = padded.len;
	ciphertext->data[ciphertext->len] = '\0';
	return 0;
}

int vault_encrypt(const void *data, size_t n, const struct vault_secret *secret,
	struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf salt = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf ciphertext = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(keys_wipe) struct keys keys;
	unsigned char random[SALT_SIZE], mac[HMAC_SIZE];

	/* Two layers of hex make four characters of a byte. */
	if (n > VAULT_MAX_BYTES / 5)
		return err_set(err, ERR_LIMIT, "%zu bytes are too many for a vault", n);
	if (strpbrk(secret->id, ";\n") || strlen(secret->id) > 200)
		return err_set(err, ERR_INPUT, "a vault id holds no ; and no line break");
	if (crypto_random(random, sizeof(random), err) < 0)
		return -1;
	strbuf_add(&salt, random, sizeof(random));
	if (derive_keys(secret, &salt, &keys, err) < 0 ||
		encrypt(&keys, data, n, &ciphertext, err) < 0 ||
		hmac_data(DIGEST_SHA256, keys.hmac, sizeof(keys.hmac), ciphertext.data,
			ciphertext.len, mac, err) < 0)
		return -1;
	strbuf_addhex(&body, salt.data, salt.len);
	strbuf_addch(&body, '\n');
	strbuf_addhex(&body, mac, sizeof(mac));
	strbuf_addch(&body, '\n');
	strbuf_addhex(&body, ciphertext.data, ciphertext.len);
	add_envelope(&body, secret->id, out);
	return 0;
}
