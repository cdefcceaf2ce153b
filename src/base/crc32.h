/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32 of ISO-HDLC, the checksum of zip archives. It finds accidents, not intentions.
 */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `sum` is of (0: nothing) and n bytes behind it. */
uint32_t crc32_add(uint32_t sum, const void *data, size_t n);

#endif
