/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/play_step.h"

#include "base/str.h"

#define ANSWER_MAX 64

/* Reads an answer: "y", "c", or "n" for all else; also at the end of the input. */
static const char *read_answer(struct play_step *p, const struct step *s)
{
	static const struct {
		const char *word, *answer;
	} words[] = {{"y", "y"}, {"yes", "y"}, {"c", "c"}, {"continue", "c"}};
	char line[ANSWER_MAX];

	fprintf(p->out, "Perform task: TASK: %s (N)o/(y)es/(c)ontinue: ", step_title(s));
	fflush(p->out);
	if (!fgets(line, sizeof(line), p->in))
		return "n";
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i].word, line) == 0)
			return words[i].answer;
	return "n";
}

static bool ask(struct play_step *p, const struct step *s)
{
	autofree char *key = xasprintf("%s:%u:%u", s->place.file, s->place.line, s->index);
	const char *answer = strmap_get(&p->answers, key);

	if (!answer && p->goes_on)
		return true;
	if (!answer) {
		answer = read_answer(p, s);
		p->goes_on = *answer == 'c';
		strmap_set(&p->answers, key, (char *)answer);
	}
	return *answer != 'n';
}

bool play_step_ask(void *data, const struct step *s)
{
	struct play_step *p = data;

	pthread_mutex_lock(&p->lock);
	bool yes = ask(p, s);
	pthread_mutex_unlock(&p->lock);
	return yes;
}

void play_step_release(struct play_step *p)
{
	strmap_release(&p->answers, NULL);
}
