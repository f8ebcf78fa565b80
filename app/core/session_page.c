/* SPDX-License-Identifier: Apache-2.0 */
/* session_page.c: what the hosted page may do with a session, for whoever has its link or its token. */
#include <string.h>

#include "session.h"

#include "catalogue.h"
#include "clock.h"
#include "crypt.h"
#include "limits.h"
#include "session_flow.h"
#include "session_share.h"
#include "session_subject.h"
#include "str.h"
#include "tx.h"

#define MINUTE_MS 60000
#define TOKEN_BYTES 32
#define CONSENT "consent" /* the field that complaints about it name */

/* Whose session it is; the page acts for that tenant from here on, and with no key. */
static enum err act_for_owner(struct ctx *ctx, struct uuid id, struct row_session_owner *owner)
{
	enum org_status status;
	enum err err = q_session_owner(ctx->db, ctx->arena, id, owner);

	if (err == ERR_MISSING)
		return ERR_SESSION_NOT_FOUND;
	if (err != ERR_OK)
		return err;
	ctx->actor = (struct actor){ .kind = ACTOR_NONE,
		.organization_id = owner->organization_id,
		.application_id = owner->application_id };
	if (org_status_parse(owner->organization_status, &status) != ERR_OK ||
	    environment_parse(owner->environment, &ctx->actor.environment) != ERR_OK)
		return ERR_DB_BROKEN;
	return status == ORG_ACTIVE ? ERR_OK : ERR_SESSION_NOT_FOUND;
}

enum err session_page_look(struct ctx *ctx, struct uuid id, struct session *ret_session)
{
	struct row_session_owner owner;
	enum err err = act_for_owner(ctx, id, &owner);

	if (err == ERR_OK)
		err = session_get(ctx, id, false, false, ret_session);
	if (err == ERR_OK)
		ret_session->organization_name = owner.organization_name;
	return err;
}

/* ---- the page's own token -------------------------------------------------------------------------- */

static int64_t token_until_ms(const struct ctx *ctx)
{
	return clock_now_ms() + ctx->settings->session_token_min * MINUTE_MS;
}

/* What became of something that a session must be in the right status for: said behind the
 * transaction, so that an expiry found in it stays. */
static enum err verdict_on(const struct session *session, enum session_status wanted)
{
	if (session->status == SESSION_EXPIRED)
		return ERR_SESSION_EXPIRED;
	return session->status == wanted ? ERR_OK : ERR_SESSION_NOT_ACTIVE;
}

struct starting {
	struct uuid id;
	const char *token;
	int64_t until_ms;
	enum err verdict;
};

static enum err start(struct ctx *ctx, void *arg)
{
	struct starting *starting = arg;
	uint8_t hash[SHA256_SIZE];
	struct session session;
	enum err err = session_hold(ctx, ctx->actor.application_id, starting->id, &session);

	starting->verdict = ERR_OK;
	if (err != ERR_OK)
		return err;
	if (!session_is_open(session.status)) {
		starting->verdict = verdict_on(&session, SESSION_PENDING);
		return ERR_OK;
	}
	starting->until_ms = token_until_ms(ctx);
	err = session_token_hash(ctx, "page", session.id, starting->token, hash);
	if (err == ERR_OK)
		err = q_session_page_token(ctx->db, (struct bytes){ hash, sizeof(hash) },
		    starting->until_ms, clock_now_ms(), session.application_id, session.id);
	return err;
}

enum err session_page_start(
    struct ctx *ctx, struct uuid id, const char **ret_token, int64_t *ret_expires_at_ms)
{
	char text[BASE64_SIZE(TOKEN_BYTES)];
	struct starting starting = { .id = id };
	struct row_session_owner owner;
	uint8_t raw[TOKEN_BYTES];
	enum err err = act_for_owner(ctx, id, &owner);

	if (err == ERR_OK)
		err = random_bytes(raw, sizeof(raw));
	if (err != ERR_OK)
		return err;
	base64url_encode(raw, sizeof(raw), text);
	starting.token = arena_strdup(ctx->arena, text);
	wipe(raw, sizeof(raw));
	wipe(text, sizeof(text));
	err = starting.token == NULL ? ERR_NOMEM : tx_run(ctx, start, &starting);
	if (err == ERR_OK)
		err = starting.verdict;
	if (err == ERR_OK) {
		*ret_token = starting.token;
		*ret_expires_at_ms = starting.until_ms;
	}
	return err;
}

/* The right token, in its time; its time begins anew, to the minute. */
static enum err check_token(
    struct ctx *ctx, struct uuid id, const char *token, const struct row_session_secrets *secrets)
{
	int64_t until_ms = token_until_ms(ctx);
	uint8_t hash[SHA256_SIZE];
	enum err err = session_token_hash(ctx, "page", id, token, hash);

	if (err != ERR_OK)
		return err == ERR_FULL ? ERR_TOKEN_INVALID : err;
	if (secrets->page_hash.data == NULL || secrets->page_until <= clock_now_ms() ||
	    !equal_secret(secrets->page_hash.data, secrets->page_hash.len, hash, sizeof(hash)))
		return ERR_TOKEN_INVALID;
	if (until_ms - secrets->page_until < MINUTE_MS)
		return ERR_OK;
	return q_session_page_slide(
	    ctx->db, until_ms, ctx->actor.application_id, id, (struct bytes){ hash, sizeof(hash) });
}

enum err session_page_enter(
    struct ctx *ctx, struct uuid id, const char *token, struct session *ret_session)
{
	struct row_session_secrets secrets;
	struct row_session_owner owner;
	struct session session;
	enum err err = act_for_owner(ctx, id, &owner);

	if (err == ERR_OK)
		err =
		    q_session_secrets(ctx->db, ctx->arena, ctx->actor.application_id, id, &secrets);
	if (err == ERR_OK)
		err = check_token(ctx, id, token, &secrets);
	if (err == ERR_OK)
		err = session_get(ctx, id, true, false, &session);
	if (err == ERR_OK)
		err = subject_open(ctx, id, secrets.sealed, &session.subject);
	if (err != ERR_OK)
		return err;
	session.organization_name = owner.organization_name;
	*ret_session = session;
	return ERR_OK;
}

/* ---- submitting ------------------------------------------------------------------------------------ */

static enum err complain(struct complaint_list *complaints, const char *message)
{
	if (message == NULL)
		return ERR_NOMEM;
	if (complaints->count < complaints->max)
		complaints->items[complaints->count++] =
		    (struct complaint){ .field = CONSENT, .message = message };
	return ERR_OK;
}

static bool is_selected(const struct session_submit *submit, const char *claim)
{
	for (size_t i = 0; i < submit->selected_count; i++) {
		if (strcmp(submit->selected[i], claim) == 0)
			return true;
	}
	return false;
}

static bool is_asked(const struct share_field *fields, size_t count, const char *claim)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].claim, claim) == 0)
			return true;
	}
	return false;
}

/* Consent to what was asked for, and at least to what is required; *ret_words: it, sorted. The plain
 * family shares nothing, so there is nothing to consent to claim by claim. */
static enum err check_consent(struct ctx *ctx, const struct session *session,
    const struct session_submit *submit, struct complaint_list *complaints, const char **ret_words)
{
	struct share_field *fields = NULL;
	const char *words = "";
	size_t count = 0;
	enum err err = ERR_OK;

	if (session->family == VIA_SESSION)
		err = share_contract_read(ctx, session->share_fields, &fields, &count);
	for (size_t i = 0; i < submit->selected_count && err == ERR_OK; i++) {
		if (!is_asked(fields, count, submit->selected[i]))
			err = complain(complaints, "names a claim that was not asked for");
	}
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		bool selected = is_selected(submit, fields[i].claim);
		if (!selected && fields[i].required)
			err = complain(complaints,
			    arena_printf(ctx->arena, "must include %s", fields[i].claim));
		else if (selected)
			words = arena_printf(ctx->arena, "%s%s%s", words,
			    words[0] == '\0' ? "" : " ", fields[i].claim);
		if (words == NULL)
			err = ERR_NOMEM;
	}
	if (err == ERR_OK)
		*ret_words = words;
	return err;
}

struct submitting {
	const struct session *session;
	const struct session_submit *submit;
	struct verification_new input;
	const struct id_type *type;
	const char *selected;
	enum err verdict;
};

/* Whatever is wrong with it, said together. */
static enum err check(
    struct ctx *ctx, struct submitting *submitting, struct complaint_list *complaints)
{
	size_t before = complaints->count;
	enum err err = check_consent(
	    ctx, submitting->session, submitting->submit, complaints, &submitting->selected);

	if (err == ERR_OK)
		err = verification_check(ctx, &submitting->input, complaints->items,
		    complaints->max, &complaints->count, &submitting->type);
	return err == ERR_OK && complaints->count > before ? ERR_VALIDATION : err;
}

static enum err put_attempt(struct ctx *ctx, const struct submitting *submitting,
    const struct session *session, struct uuid verification_id)
{
	int64_t now_ms = clock_now_ms();
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err == ERR_OK)
		err = q_attempt_put(ctx->db, session->application_id, id,
		    environment_word(session->environment), session->id, verification_id,
		    submitting->submit->nonce, attempt_status_word(TRY_IN_PROGRESS),
		    submitting->selected, now_ms, now_ms);
	if (err == ERR_OK)
		err = q_session_count(ctx->db, 1, 0, now_ms, session->application_id, session->id);
	return err;
}

static enum err submit(struct ctx *ctx, void *arg)
{
	struct submitting *submitting = arg;
	struct uuid application_id = ctx->actor.application_id;
	struct row_attempt_nonce known;
	struct verification verification;
	struct session session;
	enum err err = session_hold(ctx, application_id, submitting->session->id, &session);

	submitting->verdict = ERR_OK;
	if (err != ERR_OK)
		return err;
	err = q_attempt_nonce(
	    ctx->db, ctx->arena, application_id, session.id, submitting->submit->nonce, &known);
	if (err != ERR_MISSING)
		return err;
	submitting->verdict = verdict_on(&session, SESSION_PENDING);
	if (submitting->verdict != ERR_OK)
		return ERR_OK;
	err = verification_create(ctx, &submitting->input, submitting->type, &verification);
	if (err == ERR_OK)
		err = put_attempt(ctx, submitting, &session, verification.id);
	return err == ERR_OK ? session_move(ctx, &session, SESSION_SUBMITTED) : err;
}

enum err session_page_submit(struct ctx *ctx, struct session *session,
    const struct session_submit *in, struct complaint_list *complaints)
{
	struct submitting submitting = { .session = session,
		.submit = in,
		.input = { .kind = VERKIND_SESSION,
		    .environment = session->environment,
		    .country = in->country,
		    .id_type = in->id_type,
		    .applicant = in->applicant } };
	struct session fresh;
	enum err err = check(ctx, &submitting, complaints);

	if (err == ERR_OK)
		err = tx_run(ctx, submit, &submitting);
	if (err == ERR_OK)
		err = submitting.verdict;
	if (err == ERR_OK)
		err = session_get(ctx, session->id, true, false, &fresh);
	if (err != ERR_OK)
		return err;
	fresh.organization_name = session->organization_name;
	fresh.subject = session->subject;
	*session = fresh;
	return ERR_OK;
}

/* ---- leaving --------------------------------------------------------------------------------------- */

enum err session_page_cancel(struct ctx *ctx, struct uuid id, const char *cancel_token)
{
	struct row_session_secrets secrets;
	struct row_session_owner owner;
	uint8_t hash[SHA256_SIZE];
	enum err err = act_for_owner(ctx, id, &owner);

	if (err == ERR_OK)
		err =
		    q_session_secrets(ctx->db, ctx->arena, ctx->actor.application_id, id, &secrets);
	if (err != ERR_OK)
		return err;
	err = session_token_hash(ctx, "cancel", id, cancel_token, hash);
	if (err == ERR_FULL ||
	    (err == ERR_OK && (secrets.cancel_hash.data == NULL ||
				  !equal_secret(secrets.cancel_hash.data, secrets.cancel_hash.len,
				      hash, sizeof(hash)))))
		return ERR_CANCEL_TOKEN_INVALID;
	return err == ERR_OK ? session_cancel(ctx, id, NULL) : err;
}

enum err session_page_abandon(struct ctx *ctx, struct session *session)
{
	struct session fresh;
	enum err err = session_cancel(ctx, session->id, NULL);

	if (err == ERR_OK)
		err = session_get(ctx, session->id, true, false, &fresh);
	if (err != ERR_OK)
		return err;
	fresh.organization_name = session->organization_name;
	fresh.subject = session->subject;
	*session = fresh;
	return ERR_OK;
}
