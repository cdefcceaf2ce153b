/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a fuzzer's corpus without libFuzzer: every file named, or found in a directory
 * named, on the command line is given to LLVMFuzzerTestOneInput once.
 */
#include <dirent.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	struct err err = {0};

	if (file_read(path, 16u << 20, &content, &err) < 0) {
		fprintf(stderr, "replay: %s\n", err.text);
		return -1;
	}
	/* An exact copy lets AddressSanitizer see reads beyond the end. */
	autofree uint8_t *exact = xmemdup(content.data, content.len);
	LLVMFuzzerTestOneInput(exact, content.len);
	return 0;
}

static int replay_dir(const char *path)
{
	int count = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return -1;
	for (struct dirent *entry; (entry = readdir(dir));) {
		autofree char *file = path_join(path, entry->d_name);
		if (entry->d_name[0] != '.' && !path_is_dir(file) && replay_file(file) == 0)
			count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++)
		total += path_is_dir(argv[i]) ? replay_dir(argv[i]) : replay_file(argv[i]) + 1;
	printf("replayed %d inputs\n", total);
	return total > 0 ? 0 : 1;
}
