/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/model_origin.h"

#include "base/path.h"
#include "source/source.h"
#include "text/glob.h"

/* What a kind of source needs to be told; kinds that are not here have an address of their own.
 */
static const struct needs {
	const char *kind, *uri;
	bool path;       /* its uri is none on the network */
	bool no_aliases; /* what it has in production is all that it can be asked for */
} needs[] = {
	{"directory", "the directory of versions", .path = true},
	{"registry", "the address of model-registryd", .no_aliases = true},
};

static const struct needs *needs_of(const char *kind)
{
	static const struct needs none = {0};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (strcmp(needs[i].kind, kind) == 0)
			return &needs[i];
	return &none;
}

bool model_origin_is_url(const char *text)
{
	return str_starts(text, "http://") || str_starts(text, "https://");
}

static void check_uri(
	const struct model_origin *o, const struct needs *needed, struct diags *diags)
{
	if (!o->uri && needed->uri)
		diag_error(diags, o->place, "uri is missing: %s", needed->uri);
	if (o->uri && !needed->path && !model_origin_is_url(o->uri))
		diag_error(diags, o->place,
			"%s: found \"%s\", expected what begins with http:// or https://",
			o->uri == o->common ? "mlflow_uri" : "uri", o->uri);
}

void model_origin_check(const struct model_origin *o, struct diags *diags)
{
	const struct needs *needed = needs_of(o->source);

	if (source_is_kind(o->source))
		check_uri(o, needed, diags);
	else
		diag_error(diags, o->place,
			"source: found \"%s\", expected mlflow, huggingface, directory or "
			"registry",
			o->source);
	if (o->stage && o->alias)
		diag_error(diags, o->place, "alias and stage exclude each other");
	if (o->alias && needed->no_aliases)
		diag_error(diags, o->place,
			"alias: the registry has none; its version in production is taken");
	if (o->artifact && !glob_is_pattern(o->artifact) && !path_is_contained(o->artifact))
		diag_error(diags, o->place, "artifact: \"%s\" leaves the version", o->artifact);
}
