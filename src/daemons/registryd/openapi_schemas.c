/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/openapi_schemas.h"

#include "base/str.h"

#define REF(n) "{\"$ref\": \"#/components/schemas/" n "\"}"

bool openapi_has_schema(const char *name)
{
	/* As the file is written: schemas stand at the third level. */
	autofree char *quoted = xasprintf("\n    \"%s\": {", name);

	return strstr(openapi_components, quoted) != NULL;
}

const char *openapi_segment(const char *name)
{
	static const struct {
		const char *name, *schema;
	} segments[] = {
		{"model_name", REF("ModelName")},
		{"version", REF("Version")},
		{"id", "{\"type\": \"integer\", \"minimum\": 1}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		if (strcmp(segments[i].name, name) == 0)
			return segments[i].schema;
	return "{\"type\": \"string\", \"minLength\": 1}";
}

const char *openapi_status(unsigned status)
{
	static const struct {
		unsigned status;
		const char *words;
	} all[] = {
		{200, "As asked for"},
		{201, "Created"},
		{202, "There so far, and not whole"},
		{204, "Done"},
		{206, "The range that is asked for"},
		{304, "Not changed since"},
		{400, "The body is not JSON"},
		{401, "Who is asking?"},
		{403, "The caller's role does not suffice"},
		{404, "There is no such thing"},
		{409, "It cannot be so as things stand"},
		{412, "It has changed since"},
		{413, "Too long"},
		{415, "The body is of another type"},
		{416, "Beyond the end"},
		{422, "A field is not what it may be; `errors` says which"},
		{502, "The Hub has not given what was asked for"},
		{507, "The disk is full"},
		{503, "Not now; Retry-After says when"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].status == status)
			return all[i].words;
	return "Another answer";
}
