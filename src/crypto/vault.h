/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ansible-vault's envelope, formats 1.1 and 1.2, cipher AES256:
 *
 *     $ANSIBLE_VAULT;1.2;AES256;ID      (1.1: without ;ID)
 *     hex, 80 characters a line, of: hex(salt) \n hex(hmac) \n hex(ciphertext)
 *
 * Keys: PBKDF2-HMAC-SHA256 of the password, 10000 rounds, 80 bytes: 32 cipher key, 32 HMAC
 * key, 16 initial counter. Cipher: AES-256-CTR over the text padded as PKCS#7 says. The HMAC
 * (SHA-256 of the ciphertext) is checked before anything is decrypted.
 *
 * Source of the format: the chapter "Ansible Vault payload format" of Ansible's user guide.
 * Secrets and keys are wiped when they are released; no error holds one.
 */
#ifndef CRYPTO_VAULT_H
#define CRYPTO_VAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define VAULT_MAX_BYTES  (64u << 20) /* of an envelope */
#define VAULT_MAX_SECRET (1u << 20)  /* of a password */
#define VAULT_DEFAULT_ID "default"

/* A password and the vault id that it belongs to. */
struct vault_secret {
	char *id;
	char *password;
	size_t len;
};

/* Passwords in the order in which they are tried. An all-zero struct is an empty list. */
struct vault_secrets {
	struct vault_secret *items;
	size_t count;
	size_t cap;
};

/* Adds a password; id NULL means "default". -1 with ERR_INPUT when it is empty. */
int vault_secrets_add(struct vault_secrets *s, const char *id, const void *password, size_t len,
	struct err *err);
/*
 * Adds the password that a file holds (white space at both ends is cut), or, if the file is
 * executable, that it prints; one whose name ends in "-client" is called with --vault-id ID.
 */
int vault_secrets_add_file(
	struct vault_secrets *s, const char *id, const char *path, struct err *err);
/* Wipes and frees all passwords. */
void vault_secrets_release(struct vault_secrets *s);

/* True if a text begins as an envelope does. */
bool vault_is_encrypted(const char *text, size_t len);
/*
 * Appends the plain bytes of an envelope. The secrets with its id are tried first, then all
 * others, as Ansible does. -1 with err: ERR_AUTH when no secret fits (or there is none),
 * ERR_INPUT when the envelope is damaged, ERR_UNSUPPORTED for another version or cipher,
 * ERR_LIMIT. The caller wipes out when it is done with it.
 */
int vault_decrypt(const char *text, size_t len, const struct vault_secrets *secrets,
	struct strbuf *out, struct err *err);
/* Appends an envelope of n bytes: format 1.1 for id NULL or "default", else 1.2. */
int vault_encrypt(const void *data, size_t n, const struct vault_secret *secret,
	struct strbuf *out, struct err *err);
/* Wipes and empties a buffer that held a secret; for AUTO() as well. */
void vault_wipe(struct strbuf *b);

#endif
