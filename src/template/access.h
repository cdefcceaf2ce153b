/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into values: attributes, items, slices, length, iteration. Promises are kept on the
 * way, so that callers see only what is evaluated.
 */
#ifndef TEMPLATE_ACCESS_H
#define TEMPLATE_ACCESS_H

#include "template/object.h"

/*
 * a.name: a method or attribute, else an item; undefined if there is neither. Here and below,
 * err must not hold an error yet: what fails is told from what is not there by its code.
 */
const struct value *get_attribute(struct eval *ev, const struct value *v, const char *name,
	const struct node *at, struct err *err);
/* a[key]: an item, else an attribute; undefined if there is neither. */
const struct value *get_item(struct eval *ev, const struct value *v, const struct value *key,
	const struct node *at, struct err *err);
/* "a.b.0", as map and sort take it, read; it remembers where its names were found last. */
struct path;
/* Reads a path: dotted names and numbers in a text, or a value that is a key. */
struct path *path_read(struct eval *ev, const struct value *text);
/* What a path leads to; undefined if there is nothing. */
const struct value *get_path(
	struct eval *ev, const struct value *v, struct path *path, struct err *err);
/* a[start:stop:step]; each may be NULL. */
const struct value *get_slice(struct eval *ev, const struct value *v, const struct value *start,
	const struct value *stop, const struct value *step, struct err *err);

/* Item i of a LIST or TUPLE. */
const struct value *list_item(
	struct eval *ev, const struct value *list, size_t i, struct err *err);
/* The value of pair i of a DICT. */
const struct value *dict_item(
	struct eval *ev, const struct value *dict, size_t i, struct err *err);
/* The value of a key of a DICT; NULL with err untouched when it is not there. */
const struct value *dict_lookup(
	struct eval *ev, const struct value *dict, const char *key, struct err *err);

/* Walks what can be iterated: items, keys, characters. */
struct iter {
	struct eval *ev;
	const struct value *v;
	size_t i;
	size_t count; /* bytes of a string */
};

/* Begins; -1 with err when v cannot be iterated. */
int iter_begin(struct iter *it, struct eval *ev, const struct value *v, struct err *err);
/* The next one: 1, 0 at the end, -1 with err. */
int iter_next(struct iter *it, const struct value **out, struct err *err);
/* All of it as a new list. */
struct value *iter_list(struct eval *ev, const struct value *v, struct err *err);
/* The same, but a list or tuple is returned as it is. */
const struct value *iter_sequence(struct eval *ev, const struct value *v, struct err *err);
/* len(v); -1 with err when it has none. */
int value_length(struct eval *ev, const struct value *v, size_t *out, struct err *err);
/* Keeps all promises in a value, at any depth; fails where something is undefined. */
const struct value *resolve_all(struct eval *ev, const struct value *v, struct err *err);
/* A deep copy that may be changed: lists and dicts new, the rest shared. */
const struct value *mutable_copy(struct eval *ev, const struct value *v, struct err *err);
/* The number of UTF-8 characters from a Python index: clamps, counts from the end. */
size_t clamp_index(int64_t i, size_t length);

#endif
