/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's own types, for the files of this room only.
 */
#ifndef CRYPTO_EVP_H
#define CRYPTO_EVP_H

#include <openssl/evp.h>

#include "crypto/digest.h"

/* libcrypto's description of a digest. */
const EVP_MD *digest_evp(enum digest_kind kind);

#endif
