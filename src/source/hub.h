/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside source/: how the Hugging Face Hub is spoken to.
 *
 * Environment: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_OFFLINE. A token goes to
 * the endpoint alone: not where it redirects to, nor where a page of a list leads to.
 */
#ifndef SOURCE_HUB_H
#define SOURCE_HUB_H

#include "source/kind.h"

/*
 * Opens the Hub at the options' uri, else at HF_ENDPOINT, else at its own address, with the
 * user's token if there is one. ERR_INPUT for what is no URL, ERR_DENIED where HF_HUB_OFFLINE
 * says that nothing is asked of it. The caller closes it, also after an error.
 */
int hub_open(struct source_server *s, const struct source_options *options, struct err *err);
/*
 * The URL of the next page of a list, in new memory, from the header Link (RFC 8288); *next is
 * NULL behind the last page. ERR_PROTOCOL when it is another server's.
 */
int hub_next_page(const struct source_server *s, const struct http_response *r, char **next,
	struct err *err);
/*
 * Seconds that a RateLimit header asks to wait: `"api";r=0;t=55` gives 55; -1 when it does not
 * say.
 */
double hub_rate_limit(const char *header);

#endif
