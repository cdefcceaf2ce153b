/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modes as text. The grammar is chmod's; where Ansible's reading of it differs from chmod's,
 * it is Ansible's that counts: "u=g", "g+X" and the like look at the mode that the file had
 * before the first operation, and without a letter for whom, the umask takes bits away.
 */
#include "node/attributes.h"

#include "base/str.h"

/* Whom an operation concerns, by one of its letters. */
struct class
{
	char letter;
	unsigned shift; /* of its rwx bits */
	mode_t special; /* the bit that s or t sets */
	char special_letter;
};

static const struct class classes[] = {
	{'u', 6, S_ISUID, 's'}, {'g', 3, S_ISGID, 's'}, {'o', 0, S_ISVTX, 't'}};

static bool parse_octal(const char *text, mode_t *mode)
{
	unsigned value = 0;

	if (text[0] == '0' && (text[1] == 'o' || text[1] == 'O'))
		text += 2;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '7' || value > 07777)
			return false;
		value = value * 8 + (unsigned)(*text - '0');
	}
	*mode = value;
	return value <= 07777;
}

/* The bits of one letter of permissions for one class. */
static mode_t bits_of(char letter, const struct class *k, mode_t current, mode_t mask)
{
	bool runs = S_ISDIR(current) || current & 0111;

	switch (letter) {
	case 'r': return (04u << k->shift) & ~mask;
	case 'w': return (02u << k->shift) & ~mask;
	case 'x': return (01u << k->shift) & ~mask;
	case 'X': return runs ? 01u << k->shift : 0;
	case 'u': return (current >> 6 & 7) << k->shift;
	case 'g': return (current >> 3 & 7) << k->shift;
	case 'o': return (current & 7) << k->shift;
	default: return letter == k->special_letter ? k->special : 0;
	}
}

static mode_t operate(mode_t mode, char operation, const struct class *k, mode_t bits)
{
	switch (operation) {
	case '+': return mode | bits;
	case '-': return mode & ~bits;
	default: return (mode & ~((07u << k->shift) | k->special)) | bits;
	}
}

/* One clause between commas: whom, then operations; behind it afterwards, NULL if malformed. */
static const char *apply_clause(const char *at, mode_t current, mode_t mask, mode_t *mode)
{
	size_t whom = strspn(at, "ugo");
	const char *letters = at;

	if (whom == 0 && *at == 'a')
		at++;
	else
		at += whom;
	bool masked = at == letters;
	if (!*at || !strchr("+-=", *at))
		return NULL;
	while (*at && strchr("+-=", *at)) {
		char operation = *at++;
		size_t n = strspn(at, "rwxXstugo");
		for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
			const struct class *k = &classes[i];
			mode_t bits = 0;
			if (whom > 0 && !memchr(letters, k->letter, whom))
				continue;
			for (size_t j = 0; j < n; j++)
				bits |= bits_of(at[j], k, current, masked ? mask : 0);
			*mode = operate(*mode, operation, k, bits);
		}
		at += n;
	}
	return *at == ',' || !*at ? at : NULL;
}

int mode_parse(const char *text, mode_t current, mode_t umask, mode_t *mode, struct err *err)
{
	const char *at = text;

	if (parse_octal(text, mode))
		return 0;
	*mode = current & 07777;
	while (at && (at = apply_clause(at, current, umask, mode)) && *at)
		at++;
	if (!at)
		return err_set(err, ERR_INPUT,
			"mode must be in octal or symbolic form, and \"%s\" is not", text);
	return 0;
}
