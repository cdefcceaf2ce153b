/* SPDX-License-Identifier: Apache-2.0 */
#include "play/modules/web_file.h"

#include <string.h>

#include "base/path.h"
#include "http/download.h"
#include "play/modules/modules.h"
#include "play/modules/web.h"

#define ATTEMPTS 3u

static int make_directory(struct web_file *f, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	f->directory = xasprintf("%s/modelfleet-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (mkdtemp(f->directory))
		return 0;
	err_sys(err, "%s", f->directory);
	free(STEAL(f->directory));
	return -1;
}

/* The same call with the arguments that get_url has for this URL. */
static int make_call(struct module_call *call, const struct module_call *c, const char *url,
	bool validate_certs, struct err *err)
{
	struct value *given = value_new_dict(c->arena);

	value_dict_set(c->arena, given, "url", value_new_string(c->arena, url));
	value_dict_set(c->arena, given, "dest", value_new_string(c->arena, "/"));
	value_dict_set(
		c->arena, given, "validate_certs", validate_certs ? &value_true : &value_false);
	*call = *c;
	call->args = module_arguments(&module_get_url, given, c->arena, err);
	return call->args ? 0 : -1;
}

static int download(struct web *web, const char *path, struct err *err)
{
	AUTO(http_download_release)
	struct http_download d = {
		.request = web->request, .path = path, .mode = 0600, .attempts = ATTEMPTS};

	d.request.headers = (const char *const *)web->headers.items;
	return http_download(web->client, &d, err);
}

int web_file_fetch(struct web_file *f, struct module_call *c, const char *url,
	bool validate_certs, struct err *err)
{
	struct module_call call;
	AUTO(web_end) struct web web = {0};

	if (make_call(&call, c, url, validate_certs, err) < 0 || make_directory(f, err) < 0)
		return -1;
	f->path = path_join(f->directory, web_file_name(c, url));
	if (web_begin(&web, &call, err) < 0 || download(&web, f->path, err) < 0)
		return err_wrap(err, "%s", url);
	return 0;
}

void web_file_release(struct web_file *f)
{
	if (f->directory)
		path_remove_tree(f->directory, NULL);
	free(f->directory);
	free(f->path);
	*f = (struct web_file){0};
}
