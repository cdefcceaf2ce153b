/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing single values of a YAML file that people keep: only the bytes of the values named
 * are changed; comments, order, quotes, blank lines, line ends and a byte-order mark stay.
 *
 *     const char *path[] = {"sentinelcam_models", "face_recognition", "current_version", NULL};
 *     struct yaml_change change = {.path = path, .value = version};
 *     if (yaml_edit(text, len, "model_registry.yaml", &change, 1, &out, err) < 0)
 *             return -1;
 *
 * The result is read again and compared with what was intended before it is handed out.
 */
#ifndef VALUE_YAML_EDIT_H
#define VALUE_YAML_EDIT_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "value/value.h"

/* The largest number of changes in one call, and the deepest path. */
#define YAML_EDIT_MAX_CHANGES 1000
#define YAML_EDIT_MAX_PATH    64

enum yaml_change_kind {
	YAML_SET, /* replace the value, or insert the key (and mappings above it) if absent */
	YAML_CHANGE, /* replace the value; ERR_NOTFOUND if the key is absent */
	YAML_REMOVE, /* take the key out of its block mapping; absent is fine */
};

struct yaml_change {
	const char *const *path; /* keys from the top, NULL at the end; digits index a list */
	enum yaml_change_kind kind;
	const struct value *value; /* a scalar: STRING, DATE, INT, FLOAT, BOOL or NULL */
	char quotes; /* '"' or '\'': for a text where there was none; 0: those that it needs */
};

/*
 * Applies changes to a text, one after the other, and appends the new text to out.
 *
 * The style of the old scalar is kept where it can hold the new value: quotes stay quotes, a
 * plain date stays plain. A STRING that would be read as something else when plain gets
 * quotes. A DATE takes the quotes that the old value had, and is a string then, as before.
 *
 * An inserted key goes behind the last entry of its mapping: in a block mapping on a line of
 * its own, indented as that mapping is; in a flow mapping behind a comma. A removed key takes
 * its lines along, and the key above it when nothing else was below that.
 *
 * Returns -1 with err and adds nothing to out: ERR_INPUT when the text cannot be read (or
 * holds several documents) or the value is no scalar, ERR_NOTFOUND when the path is not
 * there, ERR_LIMIT, ERR_UNSUPPORTED when the place cannot be changed safely (an anchor, an
 * alias, a tag, a block scalar, a key given twice, a change that would show elsewhere too):
 * the error names the place and the cause.
 */
int yaml_edit(const char *text, size_t len, const char *file, const struct yaml_change *changes,
	size_t count, struct strbuf *out, struct err *err);

#endif
