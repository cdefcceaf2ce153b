/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a model's file is whole, by the structure that its kind has:
 *
 *     .pt .pth .zip   a zip archive: end record, directory, and each entry's own header
 *     .onnx           protocol buffers: a model with a graph, to the last byte
 *     .tflite         a flatbuffer "TFL3" with subgraphs, whose buffers lie inside the file
 *     .safetensors    a header of JSON whose tensors cover the rest of the file
 *     .gguf           key-value pairs and tensors, which lie inside the file
 *     .engine         more than 1 MiB: what TensorRT writes is nobody else's to read
 *
 * A file of another kind is taken as it is. Nothing is executed or unpacked, and numbers are
 * not looked at: a digest tells whether content is right, this whether it is a model at all,
 * and not a page of HTML or half of one.
 *
 * Sources of the formats: PKWARE's APPNOTE 6.3.10; onnx.proto3; TensorFlow Lite's schema.fbs
 * v3; the safetensors and GGUF (2 and 3) specifications.
 */
#ifndef SOURCE_FORMAT_H
#define SOURCE_FORMAT_H

#include "base/err.h"

/*
 * Checks the file at a path as the kind that `name` ends in. ERR_INTEGRITY says what is wrong
 * with it, ERR_LIMIT that it has more parts than we look through; else as opening and reading.
 */
int format_check(const char *path, const char *name, struct err *err);

#endif
