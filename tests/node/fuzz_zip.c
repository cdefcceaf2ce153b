/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as a zip archive: what is told of it has names, and no more members than are
 * allowed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/zip_directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena a = {0};
	AUTO(zip_directory_release) struct zip_directory z = {0};
	autofd int fd = memfd_create("zip", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		return 0;
	if (zip_directory_read(fd, &z, &a, NULL) < 0)
		return 0;
	if (z.count > ZIP_MEMBERS_MAX)
		abort();
	for (size_t i = 0; i < z.count; i++)
		if (!*z.items[i].name)
			abort();
	return 0;
}
