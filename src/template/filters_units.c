/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters for sizes, dates, identifiers and passwords.
 */
#include <crypt.h>
#include <math.h>
#include <time.h>

#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "template/args.h"
#include "template/bigint.h"
#include "template/datetime.h"
#include "template/ops.h"
#include "template/repr.h"
#include "template/tables.h"

/* Units of sizes, the largest first; 2^exponent. */
static const struct unit {
	char letter;
	int exponent;
	const char *byte_name;
	const char *bit_name;
} units[] = {
	{'Y', 80, "yottabyte", "yottabit"},
	{'Z', 70, "zetabyte", "zetabit"},
	{'E', 60, "exabyte", "exabit"},
	{'P', 50, "petabyte", "petabit"},
	{'T', 40, "terabyte", "terabit"},
	{'G', 30, "gigabyte", "gigabit"},
	{'M', 20, "megabyte", "megabit"},
	{'K', 10, "kilobyte", "kilobit"},
	{'B', 0, "byte", "bit"},
};

static const struct unit *find_unit(char letter)
{
	if (letter >= 'a' && letter <= 'z')
		letter = (char)(letter - 32);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter == letter)
			return &units[i];
	}
	return NULL;
}

static const struct value *filter_human_readable(struct args *a, struct err *err)
{
	int bits = arg_bool(a, 0, false, err);
	const char *wanted = a->v[1] ? value_text(a->v[1]) : NULL;
	const struct unit *unit = &units[ARRAY_SIZE(units) - 1];

	if (bits < 0)
		return NULL;
	if (!is_number(a->self))
		return args_fail(a, err, "a number is needed, not '%s'", type_name(a->self));
	double size = number_real(a->self);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		bool fits = wanted && *wanted ? (units[i].letter | 0x20) == (*wanted | 0x20)
					      : size >= ldexp(1, units[i].exponent);
		if (fits) {
			unit = &units[i];
			break;
		}
	}
	const char *base = bits ? "bits" : "Bytes";
	double shown = size / ldexp(1, unit->exponent);
	if (unit->letter == 'B')
		return value_new_stringf(a->ev->arena, "%.2f %s", shown, base);
	return value_new_stringf(
		a->ev->arena, "%.2f %c%s", shown, unit->letter, bits ? "b" : "B");
}

/* A unit of more than one letter must be "KB" or "kilobyte" (for bits "Kb", "kilobit"). */
static bool unit_is_valid(const struct unit *unit, const char *text, bool bits)
{
	char both[3] = {unit->letter, bits ? 'b' : 'B', '\0'};
	const char *name = bits ? unit->bit_name : unit->byte_name;

	if (strlen(text) == 1)
		return true;
	if (unit->letter == 'B')
		return strcasecmp(text, name) == 0;
	return strcmp(text, both) == 0 || strcasecmp(text, name) == 0;
}

static const struct value *filter_human_to_bytes(struct args *a, struct err *err)
{
	const struct value *self = self_text(a, err);
	const char *fallback = arg_given(a, 0) ? value_text(a->v[0]) : NULL;
	int bits = arg_bool(a, 1, false, err);
	char *end;

	if (!self || bits < 0)
		return NULL;
	size_t n = strspn(self->text, "0123456789.");
	double number = strtod(self->text, &end);
	if (n == 0 || end != self->text + n || self->text[n - 1] == '.')
		return args_fail(a, err, "can't interpret '%.60s' as a size", self->text);
	const char *text = end + strspn(end, " \t\n");
	autofree char *name = xstrndup(text, strcspn(text, " \t\n"));
	const char *unit_text = *name ? name : fallback;
	if (text[strlen(name) + strspn(text + strlen(name), " \t\n")])
		return args_fail(a, err, "can't interpret '%.60s' as a size", self->text);
	if (!unit_text || !*unit_text)
		return bigint_from_real(a->ev->arena, nearbyint(number), err);
	const struct unit *unit = find_unit(*unit_text);
	if (!unit || !unit_is_valid(unit, unit_text, bits))
		return args_fail(a, err, "'%.60s' is not a unit of %s", unit_text,
			bits ? "bits" : "bytes");
	return bigint_from_real(
		a->ev->arena, nearbyint(number * ldexp(1, unit->exponent)), err);
}

static const struct value *filter_strftime(struct args *a, struct err *err)
{
	const struct value *format = self_text(a, err);
	int utc = arg_bool(a, 1, false, err);
	time_t seconds = time(NULL);
	struct tm tm;
	char *end;

	if (!format || utc < 0)
		return NULL;
	if (!value_is_string(a->self))
		return args_fail(a, err, "a format is needed, not '%s'", type_name(a->self));
	if (arg_given(a, 0)) {
		const char *text = value_text(a->v[0]);
		double d = text ? strtod(text, &end) : 0;
		if (text ? (end == text || *end) : !is_number(a->v[0]))
			return args_fail(a, err, "this is no number of seconds");
		d = floor(text ? d : number_real(a->v[0]));
		if (!(fabs(d) < 1e18)) /* also for what is no number */
			return args_fail(a, err, "the time is out of range");
		seconds = (time_t)d;
	}
	if (!(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)))
		return args_fail(a, err, "the time is out of range");
	return datetime_format(a->ev, format->text, &tm, err);
}

static const struct value *filter_to_datetime(struct args *a, struct err *err)
{
	const struct value *text = self_text(a, err);
	const struct value *format = text ? arg_string(a, 0, "%Y-%m-%d %H:%M:%S", err) : NULL;

	return format ? datetime_parse(a->ev, text->text, format->text, err) : NULL;
}

#define UUID_BYTES 16

static bool parse_uuid(const char *text, uint8_t out[UUID_BYTES])
{
	AUTO(strbuf_release) struct strbuf hex = STRBUF_INIT;

	for (; *text; text++) {
		if (*text != '-' && *text != '{' && *text != '}')
			strbuf_addch(&hex, *text);
	}
	return hex.len == 2 * UUID_BYTES && parse_hex(hex.data, out, UUID_BYTES);
}

/* A UUID of version 5: SHA-1 of a namespace and a name (RFC 4122). */
static const struct value *filter_to_uuid(struct args *a, struct err *err)
{
	AUTO(strbuf_release) struct strbuf data = STRBUF_INIT;
	const struct value *name = self_text(a, err);
	const struct value *space =
		name ? arg_string(a, 0, "361E6D51-FAEC-444A-9079-341386DA8E2E", err) : NULL;
	uint8_t bytes[DIGEST_MAX];
	char hex[2 * UUID_BYTES + 1];

	if (!space)
		return NULL;
	if (!parse_uuid(space->text, bytes))
		return args_fail(a, err, "the namespace '%.60s' is no UUID", space->text);
	strbuf_add(&data, bytes, UUID_BYTES);
	strbuf_add(&data, name->text, name->len);
	if (digest_data(DIGEST_SHA1, data.data, data.len, bytes, err) < 0)
		return NULL;
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x50);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	hex_encode(bytes, UUID_BYTES, hex);
	return value_new_stringf(a->ev->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		hex + 12, hex + 16, hex + 20);
}

/* The ways in which crypt(3) hashes passwords, with Ansible's names and rounds. */
static const struct crypt_method {
	const char *names[2];
	const char *prefix;
	unsigned salt_size;
	int64_t rounds;
	bool rounds_first; /* bcrypt: $2b$12$ */
} crypt_methods[] = {
	{{"sha512", "sha512_crypt"}, "$6$", 16, 656000, false},
	{{"sha256", "sha256_crypt"}, "$5$", 16, 535000, false},
	{{"md5", "md5_crypt"}, "$1$", 8, 0, false},
	{{"blowfish", "bcrypt"}, "$2b$", 22, 12, true},
};

static const struct crypt_method *find_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(crypt_methods); i++) {
		for (size_t j = 0; j < 2; j++) {
			if (strcmp(crypt_methods[i].names[j], name) == 0)
				return &crypt_methods[i];
		}
	}
	return NULL;
}

static int random_salt(struct args *a, const char **salt, size_t n, struct err *err)
{
	static const char letters[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t bytes[64];
	char *text = arena_alloc(a->ev->arena, sizeof(bytes) + 1);

	if (n > sizeof(bytes))
		return err_set(
			err, ERR_INPUT, "a salt of more than %zu characters", sizeof(bytes));
	if (crypto_random(bytes, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		text[i] = letters[bytes[i] % 64];
	*salt = text;
	return 0;
}

static const char *crypt_setting(
	struct args *a, const struct crypt_method *method, const char *salt, int64_t rounds)
{
	struct arena *arena = a->ev->arena;

	if (method->rounds_first)
		return arena_printf(
			arena, "%s%02lld$%s", method->prefix, (long long)rounds, salt);
	if (rounds == 0 || rounds == 5000)
		return arena_printf(arena, "%s%s$", method->prefix, salt);
	return arena_printf(
		arena, "%srounds=%lld$%s$", method->prefix, (long long)rounds, salt);
}

static const struct value *filter_password_hash(struct args *a, struct err *err)
{
	const struct value *password = self_text(a, err);
	const struct value *name = password ? arg_string(a, 0, "sha512", err) : NULL;
	const struct crypt_method *method = name ? find_method(name->text) : NULL;
	int64_t size, rounds;

	if (!name)
		return NULL;
	if (!method)
		return args_fail(
			a, err, "'%.60s' is none of sha512, sha256, md5, blowfish", name->text);
	const char *salt = arg_given(a, 1) ? value_text(a->v[1]) : NULL;
	if (arg_int(a, 2, method->salt_size, &size, err) < 0 ||
		arg_int(a, 3, method->rounds, &rounds, err) < 0)
		return NULL;
	if (!salt && random_salt(a, &salt, size > 0 ? (size_t)size : 0, err) < 0)
		return NULL;
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	const char *hash =
		crypt_r(password->text, crypt_setting(a, method, salt, rounds), data);
	const struct value *v =
		hash && *hash != '*' ? value_new_string(a->ev->arena, hash) : NULL;
	mem_wipe(data, sizeof(*data));
	free(data);
	return v ? v : args_fail(a, err, "the salt or the number of rounds is not accepted");
}

static const struct callable entries[] = {
	{"human_readable", filter_human_readable, "isbits unit", 0},
	{"human_to_bytes", filter_human_to_bytes, "default_unit isbits", 0},
	{"password_hash", filter_password_hash, "hashtype salt salt_size rounds ident", 0},
	{"strftime", filter_strftime, "second utc", 0},
	{"to_datetime", filter_to_datetime, "format", 0},
	{"to_uuid", filter_to_uuid, "namespace", 0},
};

CALLABLES(filters_units, entries);
