/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX: a protocol buffer. Its fields, and those of its graph, are walked to the last byte: one
 * that was cut ends inside a field.
 */
#include "source/format_read.h"

/* Of ModelProto. */
#define FIELD_IR_VERSION 1u
#define FIELD_GRAPH      7u
#define FIELD_OPSETS     8u
#define OPSETS_SINCE     3u         /* the version from which on a model has them */
#define FIELD_MAX        536870911u /* that a protocol buffer can have */
#define VARINT_MAX       10

enum wire { WIRE_VARINT, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
	uint64_t number;
	unsigned wire;
	uint64_t value;   /* of a varint */
	uint64_t at, len; /* of bytes */
};

static int read_varint(struct format_file *f, uint64_t *out, struct err *err)
{
	uint64_t byte;

	*out = 0;
	for (unsigned i = 0; i < VARINT_MAX; i++) {
		if (format_next(f, 1, &byte, err) < 0)
			return -1;
		*out |= (byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return 0;
	}
	return format_broken(
		err, "has a number that is too long at byte %llu", (unsigned long long)f->at);
}

/* Reads the field at `at`, which moves behind it, but to bytes' beginning. */
static int next_field(struct format_file *f, struct field *field, struct err *err)
{
	uint64_t begin = f->at, tag;

	if (read_varint(f, &tag, err) < 0)
		return -1;
	field->number = tag >> 3;
	field->wire = (unsigned)(tag & 7);
	if (field->number == 0 || field->number > FIELD_MAX)
		return format_broken(err, "has a field that cannot be at byte %llu",
			(unsigned long long)begin);
	switch (field->wire) {
	case WIRE_VARINT: return read_varint(f, &field->value, err);
	case WIRE_64: return format_skip(f, 8, err);
	case WIRE_32: return format_skip(f, 4, err);
	case WIRE_BYTES:
		if (read_varint(f, &field->len, err) < 0)
			return -1;
		field->at = f->at;
		return 0;
	default:
		return format_broken(err, "has a field that cannot be at byte %llu",
			(unsigned long long)begin);
	}
}

/* Walks the fields of the graph, up to its end. */
static int check_graph(struct format_file *f, uint64_t end, struct err *err)
{
	struct field field = {0};

	for (unsigned count = 0; f->at < end; count++) {
		if (count == FORMAT_PARTS_MAX)
			return err_set(err, ERR_LIMIT, "has a graph of more than %u parts",
				FORMAT_PARTS_MAX);
		if (next_field(f, &field, err) < 0)
			return -1;
		if (field.wire == WIRE_BYTES && format_skip(f, field.len, err) < 0)
			return -1;
		if (f->at > end)
			return format_broken(err, "has a graph whose parts leave it");
	}
	return 0;
}

/* What a model must have. */
struct parts {
	uint64_t version; /* 0: none */
	bool graph, opsets;
};

/* Takes a field of the model; bytes are walked over. */
static int take_field(
	struct format_file *f, const struct field *field, struct parts *parts, struct err *err)
{
	if (field->number == FIELD_IR_VERSION && field->wire == WIRE_VARINT)
		parts->version = field->value;
	if (field->wire != WIRE_BYTES)
		return 0;
	if (format_skip(f, field->len, err) < 0)
		return -1;
	parts->opsets |= field->number == FIELD_OPSETS;
	if (field->number != FIELD_GRAPH)
		return 0;
	uint64_t end = f->at;
	parts->graph = field->len > 0;
	f->at = field->at;
	return check_graph(f, end, err);
}

int format_check_onnx(struct format_file *f, struct err *err)
{
	struct parts parts = {0};
	struct field field = {0};

	for (unsigned count = 0; f->at < f->size; count++) {
		if (count == FORMAT_PARTS_MAX)
			return err_set(
				err, ERR_LIMIT, "has more than %u fields", FORMAT_PARTS_MAX);
		if (next_field(f, &field, err) < 0 || take_field(f, &field, &parts, err) < 0)
			return -1;
	}
	if (!parts.version)
		return format_broken(err, "has no version");
	if (!parts.graph)
		return format_broken(err, "has no graph");
	if (!parts.opsets && parts.version >= OPSETS_SINCE)
		return format_broken(err, "does not say which operators it needs");
	return 0;
}
