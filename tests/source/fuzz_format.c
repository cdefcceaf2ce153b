/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of every format: whole or not, and never read beyond. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "source/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"m.pt", "m.onnx", "m.tflite", "m.safetensors", "m.gguf"};
	autofd int fd = memfd_create("model", MFD_CLOEXEC);
	char path[32];

	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct err err = {0};
		int rc = format_check(path, names[i], &err);
		if ((rc == 0) != (err.code == ERR_NONE))
			abort();
		if (rc < 0 && err.code != ERR_INTEGRITY && err.code != ERR_LIMIT)
			abort();
	}
	return 0;
}
