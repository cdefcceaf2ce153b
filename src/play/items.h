/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as the wire has them: arguments of the node's modules go out as item trees, results
 * come back as values that are unsafe.
 */
#ifndef PLAY_ITEMS_H
#define PLAY_ITEMS_H

#include "value/value.h"
#include "wire/item.h"

/*
 * Writes a dict of plain values (no objects, no closed vaults) as an item tree. ERR_INPUT names
 * what cannot be sent, ERR_LIMIT what is too large.
 */
int items_write(const struct value *dict, struct strbuf *out, struct err *err);
/*
 * Makes a value of an item. Every string is unsafe; what is not UTF-8 in a text becomes
 * U+FFFD. The value is a copy in the arena.
 */
struct value *items_read(struct arena *arena, const struct item *item);

#endif
