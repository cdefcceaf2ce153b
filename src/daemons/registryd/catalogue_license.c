/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/catalogue_license.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

const char *const license_types[] = {"agpl", "apache-2.0", "bsd", "cc-by", "cc-by-nc",
	"cc-by-nd", "cc-by-sa", "cc0", "deepseek", "gemma", "gpl", "lgpl", "llama", "mit",
	"mpl", "openrail", "other", "unlicense", NULL};

struct family {
	const char *prefix; /* of the Hub's word; the first that fits counts */
	const char *type;
};

/* A word that another one begins with stands below it. */
static const struct family families[] = {
	{"agpl", "agpl"},
	{"apache-2.0", "apache-2.0"},
	{"bigcode-openrail", "openrail"},
	{"bigscience-", "openrail"},
	{"bsd", "bsd"},
	{"cc-by-nc", "cc-by-nc"},
	{"cc-by-nd", "cc-by-nd"},
	{"cc-by-sa", "cc-by-sa"},
	{"cc-by", "cc-by"},
	{"cc0", "cc0"},
	{"creativeml-openrail", "openrail"},
	{"deepseek", "deepseek"},
	{"gemma", "gemma"},
	{"gpl", "gpl"},
	{"lgpl", "lgpl"},
	{"llama", "llama"},
	{"mit", "mit"},
	{"mpl", "mpl"},
	{"openrail", "openrail"},
	{"unlicense", "unlicense"},
};

/* Whether a word is a family's: "mit" is "mit" and "mit-0", not "mitigated". */
static bool is_of(const char *license, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncasecmp(license, prefix, n) != 0)
		return false;
	return prefix[n - 1] == '-' || strchr("-+.0123456789", license[n]);
}

const char *license_type(const char *license)
{
	for (size_t i = 0; license && i < ARRAY_SIZE(families); i++)
		if (is_of(license, families[i].prefix))
			return families[i].type;
	return "other";
}
