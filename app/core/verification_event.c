/* SPDX-License-Identifier: Apache-2.0 */
/* verification_event.c tells of a verification that is decided, in the words GET shows it with. */
#include "verification.h"

#include "clock.h"
#include "event.h"
#include "id.h"

/* A time as families show it; null for none. Steals nothing; NULL when memory is out. */
static json_t *time_json(int64_t time_ms)
{
	char text[TIME_TEXT_SIZE];

	if (time_ms == TIME_NONE)
		return json_null();
	time_text(time_ms, text);
	return json_string(text);
}

/* The members of contract/kyc.md's object in its order; a test compares it with GET's. */
static json_t *verification_json(const struct verification *v)
{
	char id[ID_TEXT_SIZE];

	id_text(ID_VERIFICATION, v->id, id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o}", "id", id, "status",
	    v->status_word, "country", v->country, "id_type", v->id_type, "external_ref",
	    v->external_ref, "created_at", time_json(v->created_at_ms), "completed_at",
	    time_json(v->completed_at_ms), "score",
	    v->score == DB_NULL ? json_null() : json_integer(v->score));
}

enum err verification_tell(struct ctx *ctx, struct uuid application_id,
    enum environment environment, const struct verification *v)
{
	struct event_new event = { .type = v->status == VER_APPROVED ? EVENT_VERIFICATION_COMPLETED
								     : EVENT_VERIFICATION_FAILED,
		.trigger = TRIGGER_VERIFICATION,
		.trigger_id = v->id,
		.environment = environment,
		.data = verification_json(v) };

	return event_put(ctx, application_id, &event, NULL);
}
