/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same through the git program: where the repository has hooks, signs its commits, or is
 * one that libgit2 refuses.
 */
#include <unistd.h>

#include "base/path.h"
#include "base/vec.h"
#include "history/commit_internal.h"

#define WORDS_MAX 600 /* of what git says, in an error */

/* ---- running git ---- */

/* What the environment says about a repository would win over the directory. */
static const char *const forgotten[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
	"GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_COMMON_DIR", "GIT_NAMESPACE"};

bool git_program_found(void)
{
	AUTO(strlist_release) struct strlist dirs = {0};
	const char *path = getenv("PATH");

	strlist_split(&dirs, path ? path : "/usr/bin:/bin", ":");
	for (size_t i = 0; i < dirs.count; i++) {
		autofree char *program = path_join(dirs.items[i], "git");
		if (access(program, X_OK) == 0)
			return true;
	}
	return false;
}

struct words {
	const char **items;
	size_t count, cap;
};

static void add_word(struct words *w, const char *word)
{
	*VEC_PUSH(w) = word;
}

int git_program_run(const struct git_call *call, struct spawn_result *result, struct err *err)
{
	struct words w = {0};
	const char *const start[] = {"git", "--literal-pathspecs", "-C", call->dir};

	add_word(&w, "env");
	for (size_t i = 0; i < ARRAY_SIZE(forgotten); i++) {
		add_word(&w, "-u");
		add_word(&w, forgotten[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(start); i++)
		add_word(&w, start[i]);
	for (size_t i = 0; call->args[i]; i++)
		add_word(&w, call->args[i]);
	if (call->paths)
		add_word(&w, "--");
	for (size_t i = 0; call->paths && i < call->paths->count; i++)
		add_word(&w, call->paths->items[i]);
	add_word(&w, NULL);
	const struct spawn_options o = {
		.argv = w.items,
		.env = call->env,
		.input = call->input,
		.input_len = call->input ? strlen(call->input) : 0,
		.until = call->until,
		.cancel = call->cancel,
	};
	int rc = spawn_run(&o, result, err);
	free(w.items);
	if (rc < 0)
		return err_wrap(err, "git %s", call->args[0]);
	return spawn_exit_code(result->status);
}

void git_program_words(const struct spawn_result *result, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	strbuf_add(&all, result->out.data, result->out.len);
	strbuf_add(&all, result->err.data, result->err.len);
	strbuf_rtrim(&all);
	size_t skip = all.len > WORDS_MAX ? all.len - WORDS_MAX : 0;
	strbuf_addf(out, "%s%s", skip ? "..." : "", all.data + skip);
}

/* Runs git, which has to succeed. */
static int run(const struct git_call *call, struct spawn_result *result, struct err *err)
{
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;
	int code = git_program_run(call, result, err);

	if (code <= 0)
		return code;
	git_program_words(result, &words);
	return err_set(err, ERR_SYSTEM, "git %s in %s failed (exit %d): %s", call->args[0],
		call->dir, code, words.data);
}

/* Its exit code alone; -1 with err. */
static int ask(const char *dir, const char *const *args, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result result = {0};

	return git_program_run(&(struct git_call){.dir = dir, .args = args}, &result, err);
}

/* One line that git answers with, in new memory; NULL with err. */
static char *ask_line(const char *dir, const char *const *args, struct err *err)
{
	AUTO(spawn_result_release) struct spawn_result result = {0};

	if (run(&(struct git_call){.dir = dir, .args = args}, &result, err) < 0)
		return NULL;
	if (str_ends(result.out.data, "\n"))
		strbuf_truncate(&result.out, result.out.len - 1);
	return strbuf_detach(&result.out, NULL);
}

/* ---- looking ---- */

int commit_git_open(struct commit_job *job, const char *dir, struct err *err)
{
	const char *const bare[] = {"rev-parse", "--is-bare-repository", NULL};
	const char *const top[] = {"rev-parse", "--show-toplevel", NULL};
	const char *const gitdir[] = {"rev-parse", "--absolute-git-dir", NULL};
	const char *const common[] = {
		"rev-parse", "--path-format=absolute", "--git-common-dir", NULL};
	autofree char *is_bare = ask_line(dir, bare, err);

	if (!is_bare)
		return -1;
	if (strcmp(is_bare, "true") == 0)
		return commit_refuse_bare(dir, err);
	job->top = ask_line(dir, top, err);
	job->gitdir = job->top ? ask_line(dir, gitdir, err) : NULL;
	job->common = job->gitdir ? ask_line(dir, common, err) : NULL;
	return job->common ? 0 : -1;
}

int commit_git_check_head(const struct commit_job *job, struct err *err)
{
	static const char *const branch[] = {"symbolic-ref", "-q", "HEAD", NULL};
	static const char *const head[] = {"rev-parse", "-q", "--verify", "HEAD", NULL};
	static const char *const unmerged[] = {"ls-files", "-u", NULL};
	AUTO(spawn_result_release) struct spawn_result files = {0};

	int code = ask(job->top, branch, err);
	if (code != 0)
		return code < 0 ? -1 : commit_refuse_detached(job, err);
	code = ask(job->top, head, err);
	if (code != 0)
		return code < 0 ? -1 : commit_refuse_unborn(job, err);
	if (run(&(struct git_call){.dir = job->top, .args = unmerged}, &files, err) < 0)
		return -1;
	return files.out.len ? commit_refuse_conflicts(job, err) : 0;
}

/* The two letters that `git status --porcelain` puts before a path. */
static enum commit_file_state state_of(const char *letters)
{
	if (letters[0] == '!')
		return COMMIT_FILE_IGNORED;
	if (letters[0] == '?')
		return COMMIT_FILE_CLEAN;
	if (strchr(letters, 'U') || strncmp(letters, "AA", 2) == 0 ||
		strncmp(letters, "DD", 2) == 0)
		return COMMIT_FILE_CONFLICT;
	return letters[0] == ' ' ? COMMIT_FILE_CHANGED : COMMIT_FILE_STAGED;
}

static int check_file(const struct commit_job *job, const char *path, struct err *err)
{
	static const char *const status[] = {"--no-optional-locks", "status", "--porcelain",
		"-z", "--no-renames", "--untracked-files=all", "--ignored=matching", NULL};
	const char *const ignored[] = {"check-ignore", "-q", "--", path, NULL};
	AUTO(strlist_release) struct strlist paths = {0};
	AUTO(spawn_result_release) struct spawn_result result = {0};
	autofree char *full = path_join(job->top, path);
	char letters[3] = "  ";

	strlist_add(&paths, path);
	const struct git_call call = {.dir = job->top, .args = status, .paths = &paths};
	if (run(&call, &result, err) < 0)
		return -1;
	if (result.out.len > 2)
		memcpy(letters, result.out.data, 2);
	enum commit_file_state state = result.out.len ? state_of(letters) : COMMIT_FILE_CLEAN;
	if (!result.out.len && !path_exists(full)) {
		int code = ask(job->top, ignored, err);
		if (code < 0)
			return -1;
		state = code == 0 ? COMMIT_FILE_IGNORED : COMMIT_FILE_CLEAN;
	}
	return commit_judge_file(job, path, state, err);
}

int commit_git_check_files(const struct commit_job *job, struct err *err)
{
	for (size_t i = 0; i < job->paths.count; i++)
		if (check_file(job, job->paths.items[i], err) < 0)
			return -1;
	return 0;
}

int commit_git_check_people(const char *dir, struct err *err)
{
	static const char *const variables[] = {"GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		AUTO(spawn_result_release) struct spawn_result result = {0};
		const char *const args[] = {"var", variables[i], NULL};
		const struct git_call call = {.dir = dir, .args = args};
		int code = git_program_run(&call, &result, err);
		if (code < 0)
			return -1;
		/* The last line of several is the cause. */
		strbuf_rtrim(&result.err);
		const char *last = strrchr(result.err.data, '\n');
		if (code > 0)
			return commit_refuse_people(
				dir, last ? last + 1 : result.err.data, err);
	}
	return 0;
}

/* ---- committing ---- */

/* The files that git knows (or, the other way, those that are there and it does not know). */
static int find_unknown(const struct commit_job *job, struct strlist *unknown, struct err *err)
{
	static const char *const args[] = {"ls-files", "-z", "--cached", NULL};
	AUTO(strlist_release) struct strlist known = {0};
	AUTO(spawn_result_release) struct spawn_result result = {0};
	const struct git_call call = {.dir = job->top, .args = args, .paths = &job->paths};

	if (run(&call, &result, err) < 0)
		return -1;
	for (size_t at = 0; at < result.out.len; at += strlen(result.out.data + at) + 1)
		strlist_add(&known, result.out.data + at);
	for (size_t i = 0; i < job->paths.count; i++) {
		autofree char *full = path_join(job->top, job->paths.items[i]);
		if (!strlist_has(&known, job->paths.items[i]) && path_exists(full))
			strlist_add(unknown, job->paths.items[i]);
	}
	return 0;
}

static char *head_of(const struct commit_job *job, struct err *err)
{
	static const char *const args[] = {"rev-parse", "--verify", "HEAD", NULL};

	return ask_line(job->top, args, err);
}

/* True if git status says something about the files. */
static int is_changed(const struct commit_job *job, struct err *err)
{
	static const char *const args[] = {"status", "--porcelain", "-z", NULL};
	AUTO(spawn_result_release) struct spawn_result result = {0};
	const struct git_call call = {.dir = job->top, .args = args, .paths = &job->paths};

	if (run(&call, &result, err) < 0)
		return -1;
	if (result.out.len)
		return 0;
	return err_set(err, ERR_EXISTS,
		"%s: nothing to commit, the files are as the branch has them", job->top);
}

static int run_commit(const struct commit_job *job, const char *message,
	const struct cancel *cancel, struct err *err)
{
	static const char *const args[] = {
		"commit", "--only", "--quiet", "--cleanup=whitespace", "-F", "-", NULL};
	AUTO(spawn_result_release) struct spawn_result result = {0};
	AUTO(strbuf_release) struct strbuf words = STRBUF_INIT;
	const struct git_call call = {.dir = job->top,
		.args = args,
		.paths = &job->paths,
		.input = message,
		.cancel = cancel};
	int code = git_program_run(&call, &result, err);

	if (code <= 0)
		return code;
	git_program_words(&result, &words);
	return err_set(err, ERR_INPUT, "%s: git did not commit (its work because of %s): %s",
		job->top, job->reason, words.len ? words.data : "it says nothing");
}

/* Takes files out of the index again that were put there for a commit that failed. */
static void forget(const struct commit_job *job, const struct strlist *files)
{
	static const char *const args[] = {"rm", "--cached", "--quiet", "--force", NULL};
	AUTO(spawn_result_release) struct spawn_result result = {0};

	if (files->count)
		git_program_run(
			&(struct git_call){.dir = job->top, .args = args, .paths = files},
			&result, NULL);
}

static int announce(const struct commit_job *job, const struct strlist *files, struct err *err)
{
	static const char *const args[] = {"add", "--intent-to-add", NULL};
	AUTO(spawn_result_release) struct spawn_result result = {0};

	if (!files->count)
		return 0;
	return run(&(struct git_call){.dir = job->top, .args = args, .paths = files}, &result,
		err);
}

int commit_by_git(const struct commit_job *job, const char *message, char id[65],
	const struct cancel *cancel, struct err *err)
{
	AUTO(strlist_release) struct strlist unknown = {0};
	autofree char *before = head_of(job, err);

	if (!before || is_changed(job, err) < 0 || find_unknown(job, &unknown, err) < 0)
		return -1;
	int rc = announce(job, &unknown, err);
	if (rc == 0)
		rc = run_commit(job, message, cancel, err);
	/* What counts is whether there is a commit: an interrupt may come right behind it. */
	autofree char *after = head_of(job, rc < 0 ? NULL : err);
	if (!after || strcmp(before, after) == 0) {
		forget(job, &unknown);
		return rc < 0 ? -1
			      : err_set(err, ERR_SYSTEM, "%s: git made no commit", job->top);
	}
	snprintf(id, 65, "%s", after);
	return 0;
}
