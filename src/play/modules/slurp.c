/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slurp: a file's content, as base64.
 */
#include "base/base64.h"
#include "play/modules/modules.h"
#include "play/modules/remote.h"
#include "play/runner.h"

static const char *const src_aliases[] = {"path", NULL};

static const struct argument arguments[] = {
	{.name = "src", .type = ARGUMENT_PATH, .required = true, .aliases = src_aliases},
	{0},
};

static int run(struct module_call *c, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (remote_text(c, argument_text(c, "src"), &content, err) < 0)
		return -1;
	base64_encode(BASE64_STANDARD, content.data, content.len, &text);
	call_set_bool(c, "changed", false);
	call_set_text(c, "content", text.data);
	call_set_text(c, "encoding", "base64");
	call_set_text(c, "source", argument_text(c, "src"));
	return 0;
}

const struct module module_slurp = {
	.name = "slurp",
	.arguments = arguments,
	.flags = MODULE_CHECKS,
	.run = run,
};
