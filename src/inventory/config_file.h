/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of ansible.cfg: sections, `key = value` or `key: value`, values that go on in
 * indented lines, comments in lines of their own (# or ;) and behind values (" ;"). By the
 * rules of Python's configparser as Ansible sets it up; keys are lower-cased, a section or a
 * key given twice is an error.
 */
#ifndef INVENTORY_CONFIG_FILE_H
#define INVENTORY_CONFIG_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "base/strmap.h"

#define CONFIG_MAX_FILE (1u << 20)

struct config_entry {
	struct strbuf value;
	unsigned line;
};

/* "section.key" -> struct config_entry *. An all-zero struct is empty. */
struct config_entries {
	struct strmap map;
};

/* Parses a text; `file` is its name for errors. */
int config_entries_parse(struct config_entries *entries, const char *text, size_t len,
	const char *file, struct err *err);
/* The entry of a section's key (also from [DEFAULT]), or NULL. */
const struct config_entry *config_entries_get(
	const struct config_entries *entries, const char *section, const char *key);
/* Frees all entries. */
void config_entries_release(struct config_entries *entries);

#endif
