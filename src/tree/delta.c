/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/delta.h"

#include <librsync.h>
#include <pthread.h>

#include "tree/rsync_job.h"

#define CHUNK (64u << 10)

static void say_nothing(rs_loglevel level, char const *message)
{
	(void)level;
	(void)message;
}

static void mute(void)
{
	rs_trace_to(say_nothing);
}

/* librsync prints what goes wrong unless it is told otherwise; we return it. */
void rsync_mute(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, mute);
}

int rsync_error(rs_result r, const char *what, struct err *err)
{
	enum err_code code =
		r == RS_MEM_ERROR || r == RS_INTERNAL_ERROR ? ERR_SYSTEM : ERR_INPUT;

	return err_set(err, code, "%s: %s", what, rs_strerror(r));
}

void job_free(rs_job_t **job)
{
	if (*job)
		rs_job_free(*job);
}

/* Called between the steps of a job: not 0 stops it. */
typedef int (*job_check)(void *arg, rs_job_t *job, uint64_t in);

struct job_run {
	rs_job_t *job;
	const struct tree_source *source;
	const struct tree_sink *sink; /* NULL for a job without output */
	uint64_t in_max;
	job_check check;
	void *check_arg;
	const char *what;
	uint64_t in;
	uint64_t out;
	char input[CHUNK];
	char output[CHUNK];
};

/* Reads more input when the job has used up what it had. */
static int refill(struct job_run *r, rs_buffers_t *b, struct err *err)
{
	if (b->avail_in > 0 || b->eof_in)
		return 0;
	ssize_t got = r->source->read(r->source->arg, r->input, CHUNK, err);
	if (got < 0)
		return -1;
	r->in += (uint64_t)got;
	if (r->in > r->in_max)
		return err_set(err, ERR_LIMIT, "%s: larger than %llu bytes", r->what,
			(unsigned long long)r->in_max);
	b->next_in = r->input;
	b->avail_in = (size_t)got;
	b->eof_in = got == 0;
	return 0;
}

static int drain(struct job_run *r, rs_buffers_t *b, struct err *err)
{
	size_t n = CHUNK - b->avail_out;

	b->next_out = r->output;
	b->avail_out = CHUNK;
	r->out += n;
	return n > 0 && r->sink ? r->sink->write(r->sink->arg, r->output, n, err) : 0;
}

/* Runs a job to its end: 0, 1 when the check stopped it, -1 with err. */
static int run_job(struct job_run *r, struct err *err)
{
	rs_buffers_t b = {.next_out = r->output, .avail_out = CHUNK};
	rs_result result = RS_BLOCKED;

	rsync_mute();
	while (result == RS_BLOCKED) {
		if (refill(r, &b, err) < 0)
			return -1;
		result = rs_job_iter(r->job, &b);
		if (result != RS_DONE && result != RS_BLOCKED)
			return rsync_error(result, r->what, err);
		if (drain(r, &b, err) < 0)
			return -1;
		if (r->check && result == RS_BLOCKED && r->check(r->check_arg, r->job, r->in))
			return 1;
	}
	return 0;
}

uint32_t delta_block_len(uint64_t basis_size)
{
	uint32_t len = DELTA_BLOCK_MIN;

	while (len < DELTA_BLOCK_MAX && (uint64_t)len * len < basis_size)
		len *= 2;
	return len;
}

uint64_t signature_size(uint64_t basis_size, uint32_t block_len)
{
	uint64_t blocks = basis_size / block_len + (basis_size % block_len != 0);

	return SIGNATURE_HEAD_SIZE + blocks * (4 + DELTA_STRONG_LEN);
}

static void put_big_endian(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void signature_head(uint32_t block_len, uint8_t out[SIGNATURE_HEAD_SIZE])
{
	put_big_endian(out, RS_RK_BLAKE2_SIG_MAGIC);
	put_big_endian(out + 4, block_len);
	put_big_endian(out + 8, DELTA_STRONG_LEN);
}

int signature_make(const struct tree_source *basis, uint32_t block_len,
	const struct tree_sink *out, struct err *err)
{
	AUTO(job_free)
	rs_job_t *job = rs_sig_begin(block_len, DELTA_STRONG_LEN, RS_RK_BLAKE2_SIG_MAGIC);
	autofree struct job_run *run = xcalloc(1, sizeof(*run));

	*run = (struct job_run){.job = job,
		.source = basis,
		.sink = out,
		.in_max = UINT64_MAX,
		.what = "make a signature"};
	return run_job(run, err);
}

struct signature {
	rs_signature_t *sums;
};

void signature_free(struct signature *s)
{
	if (!s)
		return;
	if (s->sums)
		rs_free_sumset(s->sums);
	free(s);
}

/* Only our own kind of signature: others have weaker sums. */
static int check_head(const uint8_t *head, size_t n, struct err *err)
{
	uint8_t ours[SIGNATURE_HEAD_SIZE];
	uint32_t block_len;

	if (n < SIGNATURE_HEAD_SIZE)
		return err_set(err, ERR_INPUT, "a signature is cut");
	block_len = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 |
		    head[7];
	signature_head(block_len, ours);
	if (memcmp(head, ours, SIGNATURE_HEAD_SIZE) != 0 || block_len < DELTA_BLOCK_MIN ||
		block_len > DELTA_BLOCK_MAX)
		return err_set(
			err, ERR_INPUT, "a signature is of a kind that is not used here");
	return 0;
}

/* A source that looks at the head in passing. */
struct head_source {
	const struct tree_source *inner;
	uint8_t head[SIGNATURE_HEAD_SIZE];
	size_t have;
	size_t given;
};

static ssize_t read_behind_head(void *arg, void *buffer, size_t n, struct err *err)
{
	struct head_source *s = arg;

	if (s->given == s->have)
		return s->inner->read(s->inner->arg, buffer, n, err);
	size_t left = s->have - s->given;
	size_t take = n < left ? n : left;
	memcpy(buffer, s->head + s->given, take);
	s->given += take;
	return (ssize_t)take;
}

static int read_head(struct head_source *s, struct err *err)
{
	while (s->have < SIGNATURE_HEAD_SIZE) {
		ssize_t got = s->inner->read(
			s->inner->arg, s->head + s->have, SIGNATURE_HEAD_SIZE - s->have, err);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		s->have += (size_t)got;
	}
	return check_head(s->head, s->have, err);
}

static int load(struct signature *s, const struct tree_source *in, struct err *err)
{
	AUTO(job_free) rs_job_t *job = rs_loadsig_begin(&s->sums);
	autofree struct job_run *run = xcalloc(1, sizeof(*run));

	*run = (struct job_run){.job = job,
		.source = in,
		.in_max = DELTA_SIGNATURE_MAX,
		.what = "load a signature"};
	if (run_job(run, err) < 0)
		return -1;
	rs_result r = rs_build_hash_table(s->sums);
	return r == RS_DONE ? 0 : rsync_error(r, "index a signature", err);
}

struct signature *signature_load(const struct tree_source *in, struct err *err)
{
	struct head_source head = {.inner = in};
	struct tree_source whole = {.read = read_behind_head, .arg = &head};

	if (read_head(&head, err) < 0)
		return NULL;
	struct signature *s = xcalloc(1, sizeof(*s));
	if (load(s, &whole, err) < 0) {
		signature_free(s);
		return NULL;
	}
	return s;
}

/* The rule for giving up, asked between the steps of a delta. */
static int is_hopeless(void *arg, rs_job_t *job, uint64_t in)
{
	(void)arg;
	if (in < DELTA_GIVE_UP_AFTER)
		return 0;
	return (double)rs_job_statistics(job)->copy_bytes < DELTA_GIVE_UP_SHARE * (double)in;
}

int delta_make(struct signature *s, const struct tree_source *newer,
	const struct tree_sink *out, struct delta_stats *stats, struct err *err)
{
	AUTO(job_free) rs_job_t *job = rs_delta_begin(s->sums);
	autofree struct job_run *run = xcalloc(1, sizeof(*run));

	*run = (struct job_run){.job = job,
		.source = newer,
		.sink = out,
		.in_max = UINT64_MAX,
		.check = is_hopeless,
		.what = "make a delta"};
	int result = run_job(run, err);
	const rs_stats_t *counted = rs_job_statistics(job);
	*stats = (struct delta_stats){
		.in = run->in, .matched = (uint64_t)counted->copy_bytes, .out = run->out};
	return result;
}
