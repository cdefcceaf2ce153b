/* SPDX-License-Identifier: Apache-2.0 */
/* A module that is a compiled program, for test_foreign: tells the arguments that it got. */
#include <stdio.h>

int main(int argc, char **argv)
{
	char text[4096];
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (!f)
		return 1;
	fclose(f);
	printf("{\"msg\": %.*s}\n", (int)n, text);
	return 0;
}
