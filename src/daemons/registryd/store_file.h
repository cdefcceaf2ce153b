/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of registry.json: read into a list, and written from one.
 *
 *     {"models": [ENTRY, ...], ...}
 *
 * What else stands in it is kept: keys beside "models", and keys of an entry that are no field
 * of it. Numbers keep their digits. The layout is ours: an indentation of two.
 */
#ifndef REGISTRYD_STORE_FILE_H
#define REGISTRYD_STORE_FILE_H

#include "base/str.h"
#include "daemons/registryd/store_list.h"

#define REGISTRY_FILE_MAX   (64u << 20) /* bytes */
#define REGISTRY_FILE_NODES 4000000u    /* values in it */
#define REGISTRY_FILE_EMPTY "{\"models\": []}\n"

/* What stands around the list of entries. */
struct registry_frame {
	char *head; /* to the "[" */
	char *tail; /* from behind the "]" */
};

/*
 * Reads a text; `file` names it in messages. NULL with err: ERR_INPUT with line and column, or
 * ERR_LIMIT. The frame is filled anew, and released before; it is all zero in the beginning.
 */
struct entry_list *registry_file_read(const char *text, size_t n, const char *file,
	struct registry_frame *frame, struct err *err);
/* Writes a list whose entries have a file_text. ERR_LIMIT where it could not be read again. */
int registry_file_write(const struct entry_list *list, const struct registry_frame *frame,
	struct strbuf *out, struct err *err);
/* Frees the texts. */
void registry_frame_release(struct registry_frame *frame);

#endif
