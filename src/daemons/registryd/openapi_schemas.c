/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/openapi_schemas.h"

#include "base/str.h"

#define NAME    "{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$\"}"
#define VERSION "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 9223372036854775807}"
#define PATH    "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 4096}"
#define DATE    "{\"type\": [\"string\", \"null\"], \"format\": \"date\"}"
#define REF(n)  "{\"$ref\": \"#/components/schemas/" n "\"}"

/* Of versions' files. */
#define FILE_SCHEMAS                                                                           \
	"\"File\": {\"type\": \"object\", \"required\": [\"path\", \"size\", \"sha256\"], "    \
	"\"properties\": {\"path\": {\"type\": \"string\"}, \"size\": {\"type\": "             \
	"\"integer\"}, "                                                                       \
	"\"sha256\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\"}}},\n"             \
	"\"FileList\": {\"type\": \"object\", \"required\": [\"model_name\", \"version\", "    \
	"\"date\", "                                                                           \
	"\"files\"], \"properties\": {\"model_name\": " NAME ", \"version\": " VERSION         \
	", \"date\": {\"type\": \"string\", \"format\": \"date\"}, \"files\": {\"type\": "     \
	"\"array\", \"items\": {\"$ref\": \"#/components/schemas/File\"}}}},\n"                \
	"\"Import\": {\"type\": \"object\", \"properties\": {\"name\": {\"type\": "            \
	"[\"string\", "                                                                        \
	"\"null\"]}, \"revision\": {\"type\": [\"string\", \"null\"]}, \"date\": " DATE        \
	", \"note\": {\"type\": [\"string\", \"null\"]}}},\n"                                  \
	"\"Seal\": {\"type\": \"object\", \"properties\": {\"date\": " DATE                    \
	", \"note\": {\"type\": [\"string\", \"null\"]}}},\n"                                  \
	"\"Sealed\": {\"type\": \"object\", \"required\": [\"model_name\", \"version\", "      \
	"\"date\", "                                                                           \
	"\"outcome\", \"files\", \"bytes\"], \"properties\": {\"model_name\": " NAME           \
	", \"version\": " VERSION ", \"date\": {\"type\": \"string\", \"format\": \"date\"}, " \
	"\"outcome\": {\"enum\": [\"made\", \"there\"]}, \"files\": {\"type\": \"integer\"}, " \
	"\"bytes\": {\"type\": \"integer\"}}},\n"

/* Of the catalogue. */
#define CATALOGUE_SCHEMAS                                                                      \
	"\"CatalogueModel\": {\"type\": \"object\", \"required\": [\"id\", "                   \
	"\"name\", \"hf_model_id\", \"origin_repo_url\", \"author_id\", "                      \
	"\"author\", \"task\", \"license_type\", \"license\", \"library\", "                   \
	"\"sha\", \"last_modified\", \"hub_created_at\", \"gated\", "                          \
	"\"created_at\", \"updated_at\", \"vanished_at\", \"downloads\", "                     \
	"\"likes\", \"tags\"], \"properties\": {\"id\": {\"type\": \"integer\"}, "             \
	"\"name\": {\"type\": \"string\"}, \"hf_model_id\": {\"type\": "                       \
	"[\"string\", \"null\"]}, \"origin_repo_url\": {\"type\": [\"string\", "               \
	"\"null\"]}, \"author_id\": {\"type\": \"integer\"}, \"author\": "                     \
	"{\"type\": [\"string\", \"null\"]}, \"task\": {\"type\": [\"string\", "               \
	"\"null\"]}, \"license_type\": {\"type\": \"string\"}, \"license\": "                  \
	"{\"type\": [\"string\", \"null\"]}, \"library\": {\"type\": "                         \
	"[\"string\", \"null\"]}, \"sha\": {\"type\": [\"string\", \"null\"]}, "               \
	"\"last_modified\": {\"type\": [\"string\", \"null\"]}, "                              \
	"\"hub_created_at\": {\"type\": [\"string\", \"null\"]}, \"gated\": "                  \
	"{\"type\": [\"string\", \"null\"]}, \"created_at\": {\"type\": "                      \
	"\"string\"}, \"updated_at\": {\"type\": \"string\"}, \"vanished_at\": "               \
	"{\"type\": [\"string\", \"null\"]}, \"downloads\": {\"type\": "                       \
	"\"integer\"}, \"likes\": {\"type\": \"integer\"}, \"tags\": {\"type\": "              \
	"\"array\", \"items\": {\"type\": \"string\"}}}},\n"                                   \
	"\"CatalogueList\": {\"type\": \"object\", \"required\": [\"models\", "                \
	"\"next\"], \"properties\": {\"models\": {\"type\": \"array\", "                       \
	"\"items\": {\"$ref\": \"#/components/schemas/CatalogueModel\"}}, "                    \
	"\"next\": {\"type\": [\"string\", \"null\"]}}},\n"                                    \
	"\"SyncRun\": {\"type\": \"object\", \"required\": [\"id\", \"cause\", "               \
	"\"status\", \"started_at\", \"finished_at\", \"fetched\", "                           \
	"\"created\", \"updated\", \"unchanged\", \"vanished\", \"skipped\", "                 \
	"\"message\"], \"properties\": {\"id\": {\"type\": \"integer\"}, "                     \
	"\"cause\": {\"type\": \"string\"}, \"status\": {\"enum\": [\"running\", "             \
	"\"success\", \"failed\", \"interrupted\"]}, \"started_at\": "                         \
	"{\"type\": \"string\"}, \"finished_at\": {\"type\": [\"string\", "                    \
	"\"null\"]}, \"fetched\": {\"type\": \"integer\"}, \"created\": "                      \
	"{\"type\": \"integer\"}, \"updated\": {\"type\": \"integer\"}, "                      \
	"\"unchanged\": {\"type\": \"integer\"}, \"vanished\": {\"type\": "                    \
	"\"integer\"}, \"skipped\": {\"type\": \"integer\"}, \"message\": "                    \
	"{\"type\": \"string\"}}},\n"                                                          \
	"\"SyncStatus\": {\"type\": \"object\", \"required\": [\"running\", "                  \
	"\"schedule\", \"next\", \"history\"], \"properties\": {\"running\": "                 \
	"{\"type\": \"boolean\"}, \"schedule\": {\"type\": \"string\"}, "                      \
	"\"next\": {\"type\": [\"string\", \"null\"]}, \"history\": {\"type\": "               \
	"\"array\", \"items\": {\"$ref\": "                                                    \
	"\"#/components/schemas/SyncRun\"}}}},\n"                                              \
	"\"SyncResult\": {\"type\": \"object\", \"required\": [\"status\", "                   \
	"\"created\", \"updated\", \"skipped\", \"message\"], \"properties\": "                \
	"{\"status\": {\"enum\": [\"success\", \"failed\"]}, \"created\": "                    \
	"{\"type\": \"integer\"}, \"updated\": {\"type\": \"integer\"}, "                      \
	"\"skipped\": {\"type\": \"integer\"}, \"message\": {\"type\": "                       \
	"\"string\"}}},\n"

const char openapi_components[] =
	"{\"securitySchemes\": {\n"
	"\"key\": {\"type\": \"apiKey\", \"in\": \"header\", \"name\": \"X-API-Key\"},\n"
	"\"bearer\": {\"type\": \"http\", \"scheme\": \"bearer\"}},\n"
	"\"schemas\": {\n" FILE_SCHEMAS CATALOGUE_SCHEMAS
	"\"Metadata\": {\"type\": \"object\", \"properties\": {"
	"\"description\": {}, \"metrics\": {}}},\n"
	"\"Entry\": {\"type\": \"object\", \"required\": [\"model_name\", \"version\", "
	"\"path\", "
	"\"status\", \"creation_timestamp\", \"metadata\"], \"properties\": {"
	"\"model_name\": " NAME ", \"version\": " VERSION ", \"path\": " PATH ", "
	"\"status\": {\"enum\": [\"staging\", \"production\", \"archived\"]}, "
	"\"creation_timestamp\": {\"type\": \"string\"}, \"metadata\": " REF(
		"Metadata") ", "
			    "\"date\": {\"type\": \"string\", \"format\": \"date\"}}},\n"
			    "\"NewEntry\": {\"type\": \"object\", \"additionalProperties\": "
			    "false, \"required\": "
			    "[\"model_name\", \"version\", \"path\"], \"properties\": {"
			    "\"model_name\": " NAME ", \"version\": " VERSION
			    ", \"path\": " PATH ", "
			    "\"date\": " DATE ", "
			    "\"metadata\": " REF(
				    "Metadata") "}},\n"
						"\"EntryPatch\": {\"type\": \"object\", "
						"\"additionalProperties\": false, "
						"\"required\": "
						"[\"metadata\"], \"properties\": "
						"{\"metadata\": " REF(
							"Metadata") "}},\n"
								    "\"Entries\": {\"type\": "
								    "\"object\", \"required\": "
								    "[\"models\"], "
								    "\"properties\": {"
								    "\"models\": {\"type\": "
								    "\"array\", "
								    "\"items\": " REF(
									    "Entry") "}, "
										     "\"next_"
										     "cursor\":"
										     " {"
										     "\"type\":"
										     " \"string"
										     "\"}}},\n"
										     "\"Status"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"object"
										     "\", "
										     "\"require"
										     "d\": "
										     "[\"status"
										     "\"], "
										     "\"propert"
										     "ies\": {"
										     "\"status"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"string"
										     "\"}}},\n"
										     "\"Problem"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"object"
										     "\", "
										     "\"require"
										     "d\": "
										     "[\"title"
										     "\", "
										     "\"status"
										     "\", "
										     "\"detail"
										     "\"], "
										     "\"propert"
										     "ies\": "
										     "{\"title"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"string"
										     "\"}, "
										     "\"status"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"integer"
										     "\"}, "
										     "\"detail"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"string"
										     "\"}, "
										     "\"errors"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"array\""
										     ", "
										     "\"items\""
										     ": "
										     "{\"type\""
										     ": "
										     "\"object"
										     "\", "
										     "\"require"
										     "d\": "
										     "[\"field"
										     "\", "
										     "\"detail"
										     "\"], "
										     "\"propert"
										     "ies\": "
										     "{\"field"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"string"
										     "\"}, "
										     "\"detail"
										     "\": "
										     "{\"type\""
										     ": "
										     "\"string"
										     "\"}}}}}}}"
										     "}";

bool openapi_has_schema(const char *name)
{
	autofree char *quoted = xasprintf("\n\"%s\": {", name);

	return strstr(openapi_components, quoted) != NULL;
}

const char *openapi_segment(const char *name)
{
	static const struct {
		const char *name, *schema;
	} segments[] = {
		{"model_name", NAME},
		{"version", VERSION},
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
