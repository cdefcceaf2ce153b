/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of module a file is: by marks in its text, as Ansible tells them. */
#include <ctype.h>

#include "play/foreign.h"

/* Bytes that text may have; any other makes a file a program. */
static bool is_binary(const char *data, size_t n)
{
	size_t looked = n < 1024 ? n : 1024;

	for (size_t i = 0; i < looked; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c < 0x20 && !strchr("\a\b\t\n\f\r\033", c))
			return true;
		if (c == 0 || c == 0x7f)
			return true;
	}
	return false;
}

static bool has(const char *data, size_t n, const char *mark)
{
	return memmem(data, n, mark, strlen(mark)) != NULL;
}

/* Without regard to case. */
static bool has_word(const char *data, size_t n, const char *mark)
{
	size_t len = strlen(mark);

	for (size_t i = 0; i + len <= n; i++)
		if (strncasecmp(data + i, mark, len) == 0)
			return true;
	return false;
}

/* True if an import is one of Ansible's helpers, which only come in its archive. */
static bool is_helper(const char *name)
{
	return str_starts(name, "ansible.module_utils") ||
	       (str_starts(name, "ansible_collections.") && strstr(name, ".module_utils"));
}

static bool imports_helpers(const char *data)
{
	struct arena arena = {0};
	struct foreign_imports imports = {0};
	bool found = false;

	foreign_imports_read(data, "ansible_collections.a.b.plugins.modules", &arena, &imports);
	for (size_t i = 0; !found && i < imports.count; i++)
		found = is_helper(imports.items[i].name);
	foreign_imports_release(&imports);
	arena_release(&arena);
	return found;
}

static bool is_powershell(const char *data, size_t n)
{
	static const char *const marks[] = {"#Requires -Module", "#Requires -Version",
		"#AnsibleRequires -OSVersion", "#AnsibleRequires -Powershell",
		"#AnsibleRequires -CSharpUtil"};

	if (has(data, n, "# POWERSHELL_COMMON"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (has_word(data, n, marks[i]))
			return true;
	return false;
}

enum foreign_style foreign_style_of(const char *data, size_t n)
{
	if (is_binary(data, n))
		return FOREIGN_BINARY;
	if (has(data, n, "#<<INCLUDE_ANSIBLE_MODULE_COMMON>>") || imports_helpers(data))
		return FOREIGN_PYTHON;
	if (is_powershell(data, n))
		return FOREIGN_POWERSHELL;
	if (has(data, n, FOREIGN_EMBEDDED_MARK))
		return FOREIGN_EMBEDDED;
	return has(data, n, "WANT_JSON") ? FOREIGN_JSON : FOREIGN_PAIRS;
}

bool foreign_checks(enum foreign_style style, const char *data, size_t n)
{
	/* Python's helper looks by itself, and skips what does not say that it can. */
	return style == FOREIGN_PYTHON || has(data, n, "_ansible_check_mode");
}
