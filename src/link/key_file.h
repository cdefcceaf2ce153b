/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be told of a private key file without its passphrase.
 *
 * Private to link/.
 */
#ifndef LINK_KEY_FILE_H
#define LINK_KEY_FILE_H

#include <stdbool.h>

#include "base/str.h"

#define KEY_FILE_MAX_BYTES 65536u

enum key_file_state {
	KEY_FILE_ABSENT, /* not there, not readable, or no private key */
	KEY_FILE_PLAIN,
	KEY_FILE_ENCRYPTED /* needs a passphrase */
};

/* Looks at a key file. */
enum key_file_state key_file_look(const char *path);
/* The same for a text that was read already. */
enum key_file_state key_text_look(const char *text, size_t len);
/*
 * Reads the public key beside a private one (PATH.pub): its type, and its blob. False when it
 * is not there.
 */
bool key_file_public(const char *path, struct strbuf *type, struct strbuf *blob);

#endif
