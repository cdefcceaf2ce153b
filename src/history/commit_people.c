/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Author and committer, by git's rules: GIT_AUTHOR_NAME before author.name before user.name,
 * and so on. What git would guess, or read in a way of its own, is left to git.
 */
#include "history/commit_internal.h"

struct role {
	const char *name_env, *name_key;
	const char *email_env, *email_key;
	const char *date_env;
};

static const struct role author = {"GIT_AUTHOR_NAME", "author.name", "GIT_AUTHOR_EMAIL",
	"author.email", "GIT_AUTHOR_DATE"};
static const struct role committer = {"GIT_COMMITTER_NAME", "committer.name",
	"GIT_COMMITTER_EMAIL", "committer.email", "GIT_COMMITTER_DATE"};

void commit_people_release(struct commit_people *p)
{
	git_signature_free(p->author);
	git_signature_free(p->committer);
	*p = (struct commit_people){0};
}

int commit_refuse_people(const char *top, const char *words, struct err *err)
{
	return err_set(err, ERR_INPUT,
		"%s: git does not know who commits%s%s%s; tell it: git config --global "
		"user.name \"YOUR NAME\" and git config --global user.email YOU@EXAMPLE.ORG",
		top, words ? " (" : "", words ? words : "", words ? ")" : "");
}

/* The first of: the environment, the role's own setting, the common one; NULL. */
static const char *find(
	git_config *config, const char *env, const char *key, const char *common)
{
	const char *value = getenv(env);

	if (value)
		return *value ? value : NULL;
	if (git_config_get_string(&value, config, key) == 0 && *value)
		return value;
	if (git_config_get_string(&value, config, common) == 0 && *value)
		return value;
	return NULL;
}

/* "[@]SECONDS +HHMM"; false for git's other ways to write a date. */
static bool parse_date(const char *text, git_time_t *seconds, int *offset)
{
	AUTO(strlist_release) struct strlist words = {0};
	int64_t zone;

	strlist_split(&words, *text == '@' ? text + 1 : text, " ");
	if (words.count != 2 || !parse_int(words.items[0], 100000000, INT64_MAX / 2, seconds))
		return false;
	const char *sign = words.items[1];
	if ((*sign != '+' && *sign != '-') || strlen(sign) != 5 ||
		!parse_int(sign + 1, 0, 1400, &zone) || zone % 100 > 59)
		return false;
	*offset = (int)(zone / 100 * 60 + zone % 100) * (*sign == '-' ? -1 : 1);
	return true;
}

static bool make(git_config *config, const struct role *role, git_signature **out)
{
	const char *name = find(config, role->name_env, role->name_key, "user.name");
	const char *email = find(config, role->email_env, role->email_key, "user.email");
	const char *date = getenv(role->date_env);
	git_time_t seconds;
	int offset;

	if (!name || !email)
		return false;
	if (!date || !*date)
		return git_signature_now(out, name, email) == 0;
	return parse_date(date, &seconds, &offset) &&
	       git_signature_new(out, name, email, seconds, offset) == 0;
}

int commit_people_find(const struct commit_job *job, struct commit_people *out)
{
	git_config *config = NULL;

	*out = (struct commit_people){0};
	bool found = git_repository_config_snapshot(&config, job->g->repo) == 0 &&
		     make(config, &author, &out->author) &&
		     make(config, &committer, &out->committer);
	git_config_free(config);
	return found ? 0 : 1;
}
