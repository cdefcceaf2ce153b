/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vault passwords: which ones there are, where they come from, and decrypting with them.
 *
 * A vault identity is written ID@SOURCE or SOURCE; the source is a file with the password, an
 * executable that prints it (one named *-client is also given --vault-id ID), or the word
 * "prompt". Passwords are read when the list is built, as Ansible does, so that a prompt comes
 * before any work. They are wiped from memory on release and appear in no error.
 *
 * An envelope that names an identity is first tried with the passwords of that identity, then
 * with all others (unless `match_id` is set).
 */
#ifndef INVENTORY_SECRETS_H
#define INVENTORY_SECRETS_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/vault.h"
#include "inventory/config.h"
#include "value/value.h"

/*
 * Asks a person for a password; `question` has no colon at its end. Stores it in `password`
 * (released and wiped by the caller) and returns 0, or -1 with err when there is nobody to ask.
 */
typedef int (*secret_prompt)(
	void *context, const char *question, struct strbuf *password, struct err *err);

/* An all-zero struct holds no password. Immutable once built; threads may share it. */
struct secrets {
	struct vault_secrets passwords; /* in the order they are tried */
	bool match_id;                  /* only passwords of the envelope's own identity */
};

struct secrets_options {
	const struct config *config;          /* may be NULL */
	const struct strlist *vault_ids;      /* --vault-id; may be NULL */
	const struct strlist *password_files; /* --vault-password-file; may be NULL */
	bool ask;                             /* --ask-vault-pass */
	secret_prompt prompt;                 /* NULL: nobody can be asked */
	void *prompt_context;
};

/*
 * Collects passwords: identities of the settings, then --vault-id, then password files, then
 * the prompt. A source that cannot be read is a warning as long as another one works, else an
 * error.
 */
int secrets_load(struct secrets *secrets, const struct secrets_options *options,
	struct diags *diags, struct err *err);
/*
 * Decrypts an envelope ("$ANSIBLE_VAULT;1.1;AES256\n..."). On success the plain text is
 * appended to `out`. The error says how many passwords were tried, never their text.
 */
int secrets_decrypt(const struct secrets *secrets, const char *envelope, size_t len,
	struct strbuf *out, struct err *err);
/* Decrypts one VALUE_VAULT to a string at the same place. NULL with err (place included). */
const struct value *secrets_open(const struct secrets *secrets, struct arena *arena,
	const struct value *vault, struct err *err);
/*
 * A value in which every inline !vault is decrypted to a string with the same place. Shares
 * all that holds none; returns NULL with err (place included) when one cannot be decrypted.
 */
const struct value *secrets_reveal(const struct secrets *secrets, struct arena *arena,
	const struct value *value, struct err *err);
/* Wipes and frees all passwords. */
void secrets_release(struct secrets *secrets);

#endif
