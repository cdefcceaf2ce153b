/* SPDX-License-Identifier: Apache-2.0 */
#include "link/key_file.h"

#include "base/base64.h"
#include "base/fd.h"

#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1"

/* The format openssh-key-v1 names its cipher right behind its magic. */
static enum key_file_state look_openssh(const char *body)
{
	AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	size_t magic = sizeof(OPENSSH_MAGIC);

	for (const char *c = body; *c && *c != '-' && head.len < 64; c++)
		if (*c != '\n' && *c != '\r')
			strbuf_addch(&head, *c);
	if (head.len < 64 || !base64_decode(BASE64_STANDARD, head.data, 64, &key))
		return KEY_FILE_ABSENT;
	if (memcmp(key.data, OPENSSH_MAGIC, magic) != 0)
		return KEY_FILE_ABSENT;
	static const char none[] = "\0\0\0\4none";
	bool plain = memcmp(key.data + magic, none, sizeof(none) - 1) == 0;
	return plain ? KEY_FILE_PLAIN : KEY_FILE_ENCRYPTED;
}

enum key_file_state key_text_look(const char *text, size_t len)
{
	autofree char *copy = xstrndup(text, len);
	const char *openssh = strstr(copy, OPENSSH_BEGIN);
	enum key_file_state state = KEY_FILE_ABSENT;

	if (openssh)
		state = look_openssh(openssh + strlen(OPENSSH_BEGIN));
	else if (strstr(copy, "-----BEGIN ENCRYPTED PRIVATE KEY-----") ||
		 strstr(copy, "\nProc-Type: 4,ENCRYPTED"))
		state = KEY_FILE_ENCRYPTED;
	else if (strstr(copy, "PRIVATE KEY-----"))
		state = KEY_FILE_PLAIN;
	mem_wipe(copy, len);
	return state;
}

enum key_file_state key_file_look(const char *path)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(path, KEY_FILE_MAX_BYTES, &text, NULL) < 0)
		return KEY_FILE_ABSENT;
	enum key_file_state state = key_text_look(text.data, text.len);
	mem_wipe(text.data, text.len);
	return state;
}

bool key_file_public(const char *path, struct strbuf *type, struct strbuf *blob)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *file = xasprintf("%s.pub", path);

	if (file_read(file, KEY_FILE_MAX_BYTES, &text, NULL) < 0)
		return false;
	size_t type_len = strcspn(text.data, " \n");
	if (text.data[type_len] != ' ')
		return false;
	const char *key = text.data + type_len + 1;
	if (!base64_decode(BASE64_STANDARD, key, strcspn(key, " \r\n"), blob) || blob->len == 0)
		return false;
	strbuf_add(type, text.data, type_len);
	return true;
}
