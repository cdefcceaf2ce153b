/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What scalars mean: the types of YAML 1.1 (yaml.org/type) as PyYAML's resolver and
 * constructor know them. For the reader, the emitter and the editor; private to value/.
 */
#ifndef VALUE_YAML_SCALAR_H
#define VALUE_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "value/value.h"

enum yaml_tag {
	YAML_TAG_NULL,
	YAML_TAG_BOOL,
	YAML_TAG_INT,
	YAML_TAG_FLOAT,
	YAML_TAG_TIMESTAMP,
	YAML_TAG_STR,
	YAML_TAG_BINARY,
	YAML_TAG_MERGE, /* << */
	YAML_TAG_VALUE, /* = */
	YAML_TAG_SEQ,
	YAML_TAG_MAP,
	YAML_TAG_SET,
	YAML_TAG_OMAP,
	YAML_TAG_PAIRS,
	YAML_TAG_VAULT,
	YAML_TAG_UNSAFE,
	YAML_TAG_UNKNOWN
};

/* The tag that a plain scalar of n bytes, with a NUL behind them, resolves to. */
enum yaml_tag yaml_resolve(const char *s, size_t n);

/*
 * The value of a scalar under a tag. NULL when the text does not fit the tag; *expected then
 * says what would. MERGE and VALUE give strings.
 */
struct value *yaml_construct(
	struct arena *a, enum yaml_tag tag, const char *s, size_t n, const char **expected);

/* A moment or day as a timestamp gives it. */
struct yaml_time {
	int year, month, day;
	bool has_time;
	int hour, minute, second, microsecond;
	bool has_zone;
	bool west;
	int zone_hour, zone_minute;
	bool short_date; /* month or day has one digit */
};

/* Takes a timestamp apart; false if s does not look like one. Fields may be out of range. */
bool yaml_time_parse(const char *s, size_t n, struct yaml_time *out);
/* True if the fields name a real day and time. */
bool yaml_time_valid(const struct yaml_time *t);
/* Appends what Python's isoformat gives. */
void yaml_time_format(const struct yaml_time *t, struct strbuf *out);

#endif
