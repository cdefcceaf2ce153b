/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file on its way into a stage (FILE_PUT): the stream goes through decompression and a
 * patch, where it has them, into a file under construction.
 */
#ifndef NODE_PUT_H
#define NODE_PUT_H

#include "base/err.h"
#include "wire/op.h"

struct stage;
struct put;

/* Opens the file that FILE_PUT names in its stage. */
struct put *put_new(struct stage *s, const struct wire_file_put *p, struct err *err);
/* Takes the next piece of the stream. */
int put_piece(struct put *p, const uint8_t *data, size_t n, struct err *err);
/* Verifies the file and moves it into the staging tree. */
int put_end(struct put *p, struct err *err);
/* Closes the file; what was received stays for a resumption. NULL is fine. */
void put_free(struct put *p);

#endif
