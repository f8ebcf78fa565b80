/* SPDX-License-Identifier: Apache-2.0 */
/* session.c makes sessions and shows one. */
#include "session.h"

#include <string.h>

#include "clock.h"
#include "crypt.h"
#include "egress.h"
#include "event.h"
#include "id.h"
#include "limits.h"
#include "mail.h"
#include "mime.h"
#include "session_flow.h"
#include "session_share.h"
#include "session_subject.h"
#include "token.h"
#include "tx.h"
#include "usage.h"

#define MINUTE_S 60
#define HOUR_S 3600
#define SECOND_MS 1000
#define CANCEL_CHARS 48 /* reference/kayle.md section 1.5 */
#define HASHED_CAP 512

/* ---- reading --------------------------------------------------------------------------------------- */

/* One member that is kept as a word. */
#define PARSE(type, text, ret) (type##_parse((text), (ret)) == ERR_OK)

enum err session_fill(const struct row_session_get *row, struct session *ret_session)
{
	struct session s = { .id = row->id,
		.application_id = row->application_id,
		.status_word = row->status,
		.phase_word = row->phase,
		.share_fields = row->share_fields,
		.redirect_url = row->redirect_url,
		.external_id = row->external_id,
		.language = row->language,
		.workflow_id = row->workflow_id,
		.workflow_steps = row->steps,
		.minimum_age = row->minimum_age,
		.attempt_count = row->attempt_count,
		.failed_count = row->failed_count,
		.expires_at_ms = row->expires_at,
		.started_at_ms = row->started_at,
		.submitted_at_ms = row->submitted_at,
		.completed_at_ms = row->completed_at,
		.created_at_ms = row->created_at,
		.updated_at_ms = row->updated_at };

	if (!PARSE(session_family, row->family, &s.family) ||
	    !PARSE(environment, row->environment, &s.environment) ||
	    !PARSE(session_status, row->status, &s.status) ||
	    !PARSE(invite_state, row->invite_email, &s.invite_email) ||
	    !PARSE(invite_state, row->invite_phone, &s.invite_phone))
		return ERR_DB_BROKEN;
	*ret_session = s;
	return ERR_OK;
}

enum err session_read_attempts(struct ctx *ctx, struct session *session)
{
	struct row_attempt_list *rows = NULL;
	size_t count = 0;
	enum err err = ERR_OK;

	if (session->attempt_count > 0)
		err = q_attempt_list(
		    ctx->db, ctx->arena, session->application_id, session->id, &rows, &count);
	if (err != ERR_OK)
		return err;
	struct session_attempt *attempts = arena_array(ctx->arena, count, sizeof(*attempts));
	if (attempts == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = session_fill_attempt(&rows[i], &attempts[i]);
	if (err == ERR_OK) {
		session->attempts = attempts;
		session->attempts_read = count;
	}
	return err;
}

/* The actor's own, or whoever's the tenant is: the batch acts for all. */
static enum err read_organization(struct ctx *ctx, struct session *session)
{
	struct row_application_get row;
	enum err err = ERR_OK;

	if (uuid_equal(ctx->actor.application_id, session->application_id)) {
		session->organization_id = ctx->actor.organization_id;
		return ERR_OK;
	}
	err = q_application_get(ctx->db, ctx->arena, session->application_id, &row);
	if (err == ERR_OK)
		session->organization_id = row.organization_id;
	return err;
}

enum err session_read(struct ctx *ctx, struct uuid application_id, struct uuid id,
    bool with_attempts, struct session *ret_session)
{
	struct row_session_get row;
	struct session session;
	enum err err =
	    q_session_get(ctx->db, ctx->arena, application_id, id, ctx_environment(ctx), &row);

	if (err == ERR_MISSING)
		return ERR_SESSION_NOT_FOUND;
	if (err == ERR_OK)
		err = session_fill(&row, &session);
	if (err == ERR_OK)
		err = read_organization(ctx, &session);
	if (err == ERR_OK && with_attempts)
		err = session_read_attempts(ctx, &session);
	if (err == ERR_OK)
		*ret_session = session;
	return err;
}

enum err session_get(struct ctx *ctx, struct uuid id, bool with_attempts, bool with_subject,
    struct session *ret_session)
{
	struct uuid application = ctx->actor.application_id;
	struct row_session_secrets secrets;
	struct session session;
	enum err err = session_read(ctx, application, id, with_attempts, &session);

	/* Whoever looks after its time finds it expired. */
	if (err == ERR_OK && session_is_overdue(&session)) {
		err = session_expire_one(ctx, application, id);
		if (err == ERR_OK)
			err = session_read(ctx, application, id, with_attempts, &session);
	}
	if (err == ERR_OK && with_subject) {
		err = q_session_secrets(ctx->db, ctx->arena, application, id, &secrets);
		if (err == ERR_OK)
			err = subject_open(ctx, id, secrets.sealed, &session.subject);
	}
	if (err == ERR_OK)
		*ret_session = session;
	return err;
}

/* ---- addresses and tokens -------------------------------------------------------------------------- */

enum err session_url(struct ctx *ctx, struct uuid id, const char **ret_url)
{
	const char *base = ctx->settings->public_url;
	char text[ID_TEXT_SIZE];

	if (base[0] == '\0')
		return ERR_PUBLIC_URL_MISSING;
	id_text(ID_SESSION, id, text);
	const char *url = arena_printf(ctx->arena, "%s/verify/%s", base, text);
	if (url == NULL)
		return ERR_NOMEM;
	*ret_url = url;
	return ERR_OK;
}

enum err session_redirect_check(const char *url)
{
	return egress_link_ok(url) ? ERR_OK : ERR_REDIRECT_URL;
}

enum err session_token_hash(struct ctx *ctx, const char *use, struct uuid id, const char *token,
    uint8_t ret_hash[SHA256_SIZE])
{
	struct buf text;

	/* The zero byte keeps the parts apart; the id keeps one session's token from another. */
	buf_init(&text, HASHED_CAP);
	buf_add(&text, use, strlen(use) + 1);
	buf_add(&text, id.b, sizeof(id.b));
	buf_adds(&text, token);
	enum err err = buf_err(&text);
	if (err == ERR_OK)
		err = pepper_mac(ctx->keyring, PEPPER_SESSION, text.data, text.len, ret_hash);
	buf_free(&text); /* wipes */
	return err;
}

static enum err make_cancel_token(struct ctx *ctx, const char **ret_token)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char *token = arena_alloc(ctx->arena, CANCEL_CHARS + 1);
	enum err err = token == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < CANCEL_CHARS && err == ERR_OK; i++) {
		uint32_t n = 0;
		err = random_below(sizeof(alphabet) - 1, &n);
		token[i] = alphabet[n];
	}
	if (err == ERR_OK)
		*ret_token = token;
	return err;
}

/* ---- making ---------------------------------------------------------------------------------------- */

/* What is known before anything is written. */
struct making {
	const struct session_new *input;
	struct workflow workflow;
	const char *share_fields;
	int64_t price;
	const char *cancel_token; /* NULL: plain */
	bool mails;               /* an invitation is wanted */
	struct session session;
};

static int64_t ttl_ms(const struct ctx *ctx, const struct session_new *input)
{
	int64_t ttl_s = input->ttl_s;

	if (ttl_s == 0)
		ttl_s = input->family == VIA_SESSION ? ctx->settings->session_ttl_min * MINUTE_S
						     : ctx->settings->session_plain_ttl_h * HOUR_S;
	return ttl_s * SECOND_MS;
}

static int64_t minimum_age_of(const struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->part_count; i++) {
		if (workflow->parts[i].step == STEP_ID_VERIFICATION)
			return workflow->parts[i].minimum_age;
	}
	return DB_NULL;
}

static enum err prepare(struct ctx *ctx, struct making *making)
{
	const struct session_new *in = making->input;
	const char *url = NULL;
	enum err err = in->redirect_url == NULL ? ERR_OK : session_redirect_check(in->redirect_url);

	if (err == ERR_OK)
		err = share_contract_make(ctx, in->share_fields, &making->share_fields);
	workflow_standard(&making->workflow);
	if (err == ERR_OK && !uuid_is_nil(in->workflow_id))
		err = workflow_get(ctx, in->workflow_id, &making->workflow);
	if (err == ERR_OK)
		err = workflow_usable(ctx, &making->workflow, in->environment);
	if (err == ERR_OK)
		err = session_url(ctx, UUID_NIL, &url);
	if (err == ERR_OK && in->family == VIA_SESSION)
		err = make_cancel_token(ctx, &making->cancel_token);
	making->mails = in->invite_email && in->subject.email != NULL;
	if (err == ERR_OK && making->mails && !mime_address_valid(in->subject.email))
		err = ERR_VALIDATION;
	making->price = token_price(ctx, TOKEN_SESSION, in->environment);
	return err;
}

/* A mail waits in the queue where a mail server is configured; nothing here sends texts. */
static enum invite_state invite_of(bool wanted, bool configured)
{
	if (!wanted)
		return INVITE_NOT_REQUESTED;
	return configured ? INVITE_QUEUED : INVITE_NOT_CONFIGURED;
}

static struct session session_of(const struct ctx *ctx, const struct making *making, struct uuid id)
{
	const struct session_new *in = making->input;
	int64_t now_ms = uuid_time_ms(id);

	return (struct session){ .id = id,
		.application_id = ctx->actor.application_id,
		.organization_id = ctx->actor.organization_id,
		.family = in->family,
		.environment = in->environment,
		.status = SESSION_PENDING,
		.status_word = session_status_word(SESSION_PENDING),
		.phase_word = session_phase_word(PHASE_CREATED),
		.share_fields = making->share_fields,
		.redirect_url = in->redirect_url,
		.external_id = in->external_id,
		.language = in->language,
		.workflow_id = in->workflow_id,
		.workflow_steps = making->workflow.steps,
		.minimum_age = minimum_age_of(&making->workflow),
		.invite_email = invite_of(making->mails, ctx->settings->smtp_host[0] != '\0'),
		.invite_phone = invite_of(in->invite_phone && in->subject.phone != NULL, false),
		.expires_at_ms = now_ms + ttl_ms(ctx, in),
		.started_at_ms = TIME_NONE,
		.submitted_at_ms = TIME_NONE,
		.completed_at_ms = TIME_NONE,
		.created_at_ms = now_ms,
		.updated_at_ms = now_ms };
}

static enum err put_row(struct ctx *ctx, const struct making *making)
{
	const struct session *s = &making->session;
	struct bytes sealed = { NULL, 0 }, cancel = { NULL, 0 };
	uint8_t hash[SHA256_SIZE];
	enum err err = subject_seal(ctx, s->id, &making->input->subject, &sealed);

	if (err == ERR_OK && making->cancel_token != NULL) {
		err = session_token_hash(ctx, "cancel", s->id, making->cancel_token, hash);
		cancel = (struct bytes){ hash, sizeof(hash) };
	}
	if (err != ERR_OK)
		return err;
	return q_session_put(ctx->db, s->application_id, s->id, environment_word(s->environment),
	    session_family_word(s->family), s->status_word, s->phase_word, s->share_fields,
	    s->redirect_url, s->external_id, s->language, s->workflow_id, s->workflow_steps,
	    s->minimum_age, cancel, sealed,
	    sealed.data == NULL ? DB_NULL : (int64_t)keyring_current(ctx->keyring),
	    invite_state_word(s->invite_email), invite_state_word(s->invite_phone),
	    s->expires_at_ms, s->expires_at_ms, s->created_at_ms, s->updated_at_ms);
}

/* "2026-05-01 10:30 UTC": the same in every language. */
static const char *minute_text(struct ctx *ctx, int64_t time_ms)
{
	char text[TIME_TEXT_SIZE];

	time_text(time_ms, text);
	return arena_printf(ctx->arena, "%.10s %.5s UTC", text, text + 11);
}

static enum err invite(struct ctx *ctx, const struct making *making)
{
	const struct session_subject *subject = &making->input->subject;
	const struct session *session = &making->session;
	struct row_application_get owner;
	const char *url = NULL;
	enum err err = ERR_OK;

	if (session->invite_email != INVITE_QUEUED)
		return ERR_OK;
	err = q_application_get(ctx->db, ctx->arena, session->application_id, &owner);
	if (err == ERR_OK)
		err = session_url(ctx, session->id, &url);
	if (err != ERR_OK)
		return err;
	struct mail_new mail = { .template = MAIL_SESSION_INVITATION,
		.to = subject->email,
		.language = session->language,
		.values = { { "name", subject->first_name == NULL ? "" : subject->first_name },
		    { "organization", owner.organization_name }, { "link", url },
		    { "expires", minute_text(ctx, session->expires_at_ms) } },
		.expires_at_ms = session->expires_at_ms };
	return mail_queue(ctx, &mail);
}

static enum err make(struct ctx *ctx, void *arg)
{
	struct making *making = arg;
	struct session *session = &making->session;
	struct uuid id;
	enum err err = uuid_make(&id);

	if (err != ERR_OK)
		return err;
	*session = session_of(ctx, making, id);
	err = put_row(ctx, making);
	if (err == ERR_OK)
		err = session_count_new(ctx, session);
	if (err == ERR_OK)
		err = usage_put(ctx, session->application_id, session->environment, USAGE_SESSION,
		    UUID_NIL, making->price);
	if (err == ERR_OK && session->family == VIA_PLAIN)
		err = session_tell(ctx, session, EVENT_SESSION_CREATED);
	if (err == ERR_OK)
		err = invite(ctx, making);
	/* Last, because it locks what all of the organisation's requests lock. */
	return err == ERR_OK ? token_take(ctx, TOKEN_SESSION, id, making->price) : err;
}

enum err session_create(struct ctx *ctx, const struct session_new *input,
    struct session *ret_session, const char **ret_cancel_token)
{
	struct making making = { .input = input };
	enum err err = prepare(ctx, &making);

	if (err == ERR_OK)
		err = tx_run(ctx, make, &making);
	if (err != ERR_OK)
		return err;
	*ret_session = making.session;
	ret_session->subject = input->subject;
	*ret_cancel_token = making.cancel_token;
	return ERR_OK;
}
