/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_provider.c: what a provider, or somebody who pretends to be it, sends: answers to a
 * submission and to a poll with any status, and callbacks. The first byte picks the status. An
 * unsigned callback must never count as a hint.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "smile.h"

static struct settings *settings(void)
{
	static struct settings *made;
	struct buf complaints;

	buf_init(&complaints, 4096);
	if (made == NULL)
		FUZZ_MUST(settings_read(NULL, &made, &complaints) == ERR_OK);
	buf_free(&complaints);
	return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 200, 202, 400, 401, 403, 404, 409, 429, 500, 503 };
	struct ctx ctx = { .settings = settings() };
	struct provider_callback_in callback = { .job_id = "" };
	struct provider_answer answer;
	struct provider_reply reply = { .wire = WIRE_ANSWERED, .retry_after_s = -1 };

	if (size < 1 || arena_new(8 << 20, &ctx.arena) != ERR_OK)
		return 0;
	char *text = fuzz_text(data + 1, size - 1);
	reply.status = statuses[data[0] % countof(statuses)];
	reply.body = text;
	reply.body_len = size - 1;
	smile_submit_answer(&ctx, &reply, &answer);
	FUZZ_MUST(memchr(answer.code, '\0', sizeof(answer.code)) != NULL);
	smile_poll_answer(&ctx, &reply, &answer);
	FUZZ_MUST(memchr(answer.code, '\0', sizeof(answer.code)) != NULL);
	smile_callback_read(&ctx, text, size - 1, &callback);
	FUZZ_MUST(callback.verdict != CALLBACK_HINT);
	free(text);
	arena_free(&ctx.arena);
	return 0;
}
