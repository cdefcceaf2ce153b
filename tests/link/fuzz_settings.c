/* SPDX-License-Identifier: Apache-2.0 */
/* What ssh -G could print, and command lines: settings that are accepted make sense. */
#include "link/settings.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strlist_release) struct strlist words = {0};
	autofree char *line = xstrndup((const char *)data, size);
	struct ssh_settings s;

	ssh_settings_defaults(&s, "host");
	if (ssh_settings_parse(&s, (const char *)data, size, NULL) == 0 &&
		(s.port < 1 || s.port > 65535 || !s.host || *s.host == '-' ||
			s.checking == LINK_HOST_KEY_CONFIGURED))
		abort();
	ssh_settings_release(&s);
	shell_split(&words, line, NULL);
	return 0;
}
