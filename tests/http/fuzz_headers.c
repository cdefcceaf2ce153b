/* SPDX-License-Identifier: Apache-2.0 */
/* Any lines as the headers of an answer: kept or refused, and every header can be found. */
#include "http/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_request request = {.headers_max = 4096};
	AUTO(http_response_release) struct http_response response = {0};
	struct http_transfer t = {.request = &request, .response = &response, .method = "GET"};

	http_response_begin(&response);
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - data) + 1 - at : size - at;
		autofree char *line = xmemdup(data + at, n);
		if (http_take_header(line, 1, n, &t) != n)
			break;
		at += n;
	}
	if (response.status < 0 || (t.header_bytes > 4096) != (t.failure.code == ERR_LIMIT))
		abort();
	for (size_t i = 0; i < response.headers.count; i++)
		if (!http_header_get(&response, response.headers.items[i].name))
			abort();
	http_redirect_method(&t);
	return 0;
}
