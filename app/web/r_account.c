/* SPDX-License-Identifier: Apache-2.0 */
/*
 * r_account.c: how people come in: family account's register, resend-otp, verify-email, login, refresh
 * and logout. What takes password work does it in prepare, in one of the few seats there are for it.
 */
#include "account.h"

#include <ctype.h>
#include <string.h>

#include "address.h"
#include "password.h"
#include "registration.h"
#include "reply.h"
#include "sets.h"
#include "web.h"

#define TOKEN_TYPE "Bearer"

/* ---- bodies --------------------------------------------------------------------------------- */

struct register_input {
	const char *email;
	const char *password;
	const char *language;
};

static const char *const languages[] = { "en", "fr" };
const struct word_list language_words = { "MailLanguage", countof(languages), languages };

#define ROW_EMAIL(object) \
	{ \
		ROW_TEXT(FIELD_TEXT, object, email, "email"), \
		    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_EMAIL, \
		    .sentence = "A mail address.", .example = "\"you@company.com\"" \
	}
#define ROW_PASSWORD(object, must, words) \
	{ \
		ROW_TEXT(FIELD_TEXT, object, password, "password"), \
		    .flags = must, .max = LIMIT_PASSWORD, .sentence = words, \
		    .example = "\"MyStr0ng!Pass\"" \
	}

static void check_email(const char *email, struct complaints *complaints)
{
	if (email != NULL && !address_check(email))
		complain(complaints, "email", "must be a mail address");
}

static const struct field register_rows[] = {
	ROW_EMAIL(struct register_input),
	ROW_PASSWORD(struct register_input, FIELD_REQUIRED,
	    "At least 8 characters, with an upper-case and a lower-case letter, a digit, and one of "
	    "`!@#$%^&*()_+-=[]{}|;:,.<>?`."),
	{ ROW_TEXT(FIELD_WORD, struct register_input, language, "language"),
	    .flags = FIELD_NULLABLE, .words = &language_words,
	    .sentence = "Of the mails to this address; the service's own when absent." },
};

static void check_register(const void *filled, struct complaints *complaints)
{
	const struct register_input *in = filled;
	const char *fault = in->password == NULL ? NULL : password_fault(in->password);

	check_email(in->email, complaints);
	if (fault != NULL)
		complain(complaints, "password", fault);
}

const struct field_set register_request = { .name = "RegisterRequest",
	.rows = register_rows,
	.count = countof(register_rows),
	.struct_size = sizeof(struct register_input),
	.rule = check_register };

struct resend_input {
	const char *email;
	const char *password;
};

static const struct field resend_rows[] = {
	ROW_EMAIL(struct resend_input),
	ROW_PASSWORD(struct resend_input, FIELD_NULLABLE,
	    "The one it was registered with: needed where an address was registered with several."),
};

static void check_resend(const void *filled, struct complaints *complaints)
{
	check_email(((const struct resend_input *)filled)->email, complaints);
}

const struct field_set resend_request = { .name = "ResendRequest",
	.rows = resend_rows,
	.count = countof(resend_rows),
	.struct_size = sizeof(struct resend_input),
	.rule = check_resend };

struct proof_input {
	const char *email;
	const char *code;
};

#define CODE_TYPED 64 /* with blanks around it */
#define WRONG_CODE "Invalid or expired code."

static const struct field proof_rows[] = {
	ROW_EMAIL(struct proof_input),
	{ ROW_TEXT(FIELD_TEXT, struct proof_input, code, "code"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .max = CODE_TYPED,
	    .pattern = " *[A-Za-z0-9]{6} *", .pattern_words = WRONG_CODE,
	    .sentence = "The code that was mailed to the address: six letters and digits.",
	    .example = "\"A3K9F2\"" },
};
_Static_assert(CODE_LENGTH == 6, "the row's words say how many");

static void check_proof(const void *filled, struct complaints *complaints)
{
	check_email(((const struct proof_input *)filled)->email, complaints);
}

const struct field_set proof_request = { .name = "VerifyEmailRequest",
	.rows = proof_rows,
	.count = countof(proof_rows),
	.struct_size = sizeof(struct proof_input),
	.rule = check_proof };

struct login_input {
	const char *email;
	const char *password;
};

static const struct field login_rows[] = {
	ROW_EMAIL(struct login_input),
	ROW_PASSWORD(struct login_input, FIELD_REQUIRED, "The account's password."),
};

static void check_login(const void *filled, struct complaints *complaints)
{
	check_email(((const struct login_input *)filled)->email, complaints);
}

const struct field_set login_request = { .name = "LoginRequest",
	.rows = login_rows,
	.count = countof(login_rows),
	.struct_size = sizeof(struct login_input),
	.rule = check_login };

struct refresh_input {
	const char *refresh_token;
};

static const struct field refresh_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct refresh_input, refresh_token, "refresh_token"),
	    .flags = FIELD_REQUIRED, .min = 1, .max = LIMIT_REFRESH_TOKEN,
	    .sentence = "The newest one of the session: each works once.",
	    .example = "\"Yk3cVd0mW7pQ2rT9xL5nB8sJ4hF6gK1zA0eUiOyRtM\"" },
};
const struct field_set refresh_request =
    FIELD_SET("RefreshRequest", refresh_rows, struct refresh_input);

/* ---- answers -------------------------------------------------------------------------------- */

struct registered {
	const char *message;
	const char *email;
};

static const struct field registered_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct registered, message, "message"),
	    .sentence = "What to do next.",
	    .example = "\"Registration successful. Check your email for the verification code.\"" },
	{ ROW_TEXT(FIELD_TEXT, struct registered, email, "email"),
	    .sentence = "The address, as it was given.", .example = "\"you@company.com\"" },
};
const struct field_set registered_reply =
    FIELD_SET("Registered", registered_rows, struct registered);

/* What every answer with tokens has; the members behind are each one's own. */
struct tokens_shown {
	struct account_tokens tokens;
	const char *type;
	const char *message;
	struct named {
		struct uuid id;
		const char *name;
	} organization;
	struct application_shown {
		struct uuid id;
		const char *name;
		const char *client_id;
		const char *api_key;
	} application;
};

#define ROWS_TOKENS \
	{ ROW_TEXT(FIELD_TEXT, struct tokens_shown, tokens.access_token, "access_token"), \
		.sentence = "For `Authorization: Bearer`, in this family only: a JWT, RS256.", \
		.example = "\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIwMTg5In0.c2lnbmF0dXJl\"" }, \
	    { ROW_TEXT(FIELD_TEXT, struct tokens_shown, tokens.refresh_token, "refresh_token"), \
		    .sentence = "For new tokens, once.", \
		    .example = "\"Yk3cVd0mW7pQ2rT9xL5nB8sJ4hF6gK1zA0eUiOyRtM\"" }, \
	    { ROW_I64(FIELD_INT, struct tokens_shown, tokens.expires_in_s, "expires_in"), \
		    .max = INT32_MAX, .sentence = "Seconds until the access token expires.", \
		    .example = "86400" }, \
	{ \
		ROW_TEXT(FIELD_TEXT, struct tokens_shown, type, "token_type"), \
		    .sentence = "Always Bearer.", .example = "\"" TOKEN_TYPE "\"" \
	}

static const struct field organization_rows[] = {
	{ ROW_ID(ID_UUID, struct named, id, "uuid"), .sentence = "The organisation." },
	{ ROW_TEXT(FIELD_TEXT, struct named, name, "name"), .sentence = "What people call it.",
	    .example = "\"you\"" },
};
static const struct field_set organization_named =
    FIELD_SET("OrganizationName", organization_rows, struct named);

static const struct field application_rows[] = {
	{ ROW_ID(ID_UUID, struct application_shown, id, "uuid"), .sentence = "The application." },
	{ ROW_TEXT(FIELD_TEXT, struct application_shown, name, "name"),
	    .sentence = "What people call it.", .example = "\"you App\"" },
	{ ROW_TEXT(FIELD_TEXT, struct application_shown, client_id, "client_id"),
	    .sentence = "Its public name.", .example = "\"S9LIYGSoWNuGMLHsvEt9dQ\"" },
	{ ROW_TEXT(FIELD_TEXT, struct application_shown, api_key, "api_key"),
	    .sentence = "Its API key, shown this once: for `X-API-Key` in every other family.",
	    .example = "\"05mHcOWL8GathLZlz8oIDawYj9qFAcoSHtz-75PAkuo\"" },
};
static const struct field_set application_made =
    FIELD_SET("FirstApplication", application_rows, struct application_shown);

static const struct field verified_rows[] = {
	ROWS_TOKENS,
	{ ROW_OBJECT(struct tokens_shown, organization, &organization_named, "organization"),
	    .sentence = "The organisation that was made for the account." },
	{ ROW_OBJECT(struct tokens_shown, application, &application_made, "application"),
	    .sentence = "Its first application." },
};
const struct field_set verified_reply =
    FIELD_SET("EmailVerified", verified_rows, struct tokens_shown);

static const struct field logged_in_rows[] = {
	ROWS_TOKENS,
	{ ROW_TEXT(FIELD_TEXT, struct tokens_shown, message, "message"), .sentence = "For people.",
	    .example = "\"Login successful\"" },
};
const struct field_set logged_in_reply = FIELD_SET("LoggedIn", logged_in_rows, struct tokens_shown);

static const struct field tokens_rows[] = { ROWS_TOKENS };
const struct field_set tokens_reply = FIELD_SET("Tokens", tokens_rows, struct tokens_shown);

/* ---- password work -------------------------------------------------------------------------- */

/* Runs what looks at a password, if there is a seat for it. */
static enum err in_seat(struct web *web, enum err (*work)(struct web *web))
{
	uint64_t before = password_operations();
	enum err err = web_sit(web, SEAT_PASSWORD);

	if (err != ERR_OK)
		return err;
	err = work(web);
	web_stand(web, SEAT_PASSWORD);
	atomic_fetch_add_explicit(
	    &web->board->password_operations, password_operations() - before, memory_order_relaxed);
	return err;
}

/* What prepare has found, for the handler; NULL when memory is out. */
static void *prepare_for(struct web *web, size_t size_bytes)
{
	web->prepared = arena_alloc(web->arena, size_bytes);
	return web->prepared;
}

/* ---- registering ---------------------------------------------------------------------------- */

static enum err register_work(struct web *web)
{
	return registration_prepare(&web->ctx, web->prepared);
}

enum err register_prepare(struct web *web)
{
	const struct register_input *in = WEB_INPUT(web, struct register_input);
	struct registration_ask *ask = prepare_for(web, sizeof(*ask));
	bool leaked = false;
	enum err err = ask == NULL ? ERR_NOMEM : password_leaked(&web->ctx, in->password, &leaked);

	if (err != ERR_OK)
		return err;
	if (leaked)
		return web_complain(web, "password",
		    "is in a list of passwords that have been leaked; choose another");
	ask->email = in->email;
	ask->password = in->password;
	ask->language = in->language;
	return in_seat(web, register_work);
}

enum err register_make(struct web *web)
{
	struct registered registered = {
		.message = "Registration successful. Check your email for the verification code.",
		.email = WEB_INPUT(web, struct register_input)->email
	};
	bool again = false;
	enum err err = registration_make(&web->ctx, web->prepared, &again);

	if (err == ERR_OK && again) {
		registered.message = "A new verification code has been sent to your email.";
		web->status = reply_status_of_success(SUCCESS_OK);
	}
	return err == ERR_OK ? reply_object(web, &registered) : err;
}

static enum err resend_work(struct web *web)
{
	return registration_resend_prepare(&web->ctx, web->prepared, &web->meter.retry_after_s);
}

enum err resend_prepare(struct web *web)
{
	const struct resend_input *in = WEB_INPUT(web, struct resend_input);
	struct registration_ask *ask = prepare_for(web, sizeof(*ask));

	if (ask == NULL)
		return ERR_NOMEM;
	ask->email = in->email;
	ask->password = in->password;
	return in->password == NULL ? resend_work(web) : in_seat(web, resend_work);
}

enum err resend_make(struct web *web)
{
	enum err err = registration_resend(&web->ctx, web->prepared, &web->meter.retry_after_s);

	return err == ERR_OK ? reply_object(web, "") : err;
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* Codes are made of upper-case letters and digits; people type them as they like. */
static void upper_case(const char *code, char out[CODE_LENGTH + 1])
{
	for (size_t i = 0; i < CODE_LENGTH; i++)
		out[i] = (char)toupper((unsigned char)code[i]);
	out[CODE_LENGTH] = '\0';
}

enum err email_verify(struct web *web)
{
	const struct proof_input *in = WEB_INPUT(web, struct proof_input);
	struct registration_proof proof;
	char code[CODE_LENGTH + 1];

	upper_case(in->code, code);
	enum err err = registration_verify(&web->ctx, in->email, code, &proof);
	if (err == ERR_SYNTAX)
		return web_complain(web, "code", WRONG_CODE);
	if (err != ERR_OK)
		return err;
	const struct tokens_shown shown = { .tokens = proof.tokens,
		.type = TOKEN_TYPE,
		.organization = { proof.org.organization_id, proof.org.organization_name },
		.application = { proof.org.application_id, proof.org.application_name,
		    proof.org.client_id, proof.org.api_key } };
	return reply_object(web, &shown);
}

static enum err log_in_work(struct web *web)
{
	return login_prepare(&web->ctx, web->prepared, &web->meter.retry_after_s);
}

enum err log_in_prepare(struct web *web)
{
	const struct login_input *in = WEB_INPUT(web, struct login_input);
	struct login_ask *ask = prepare_for(web, sizeof(*ask));

	if (ask == NULL)
		return ERR_NOMEM;
	ask->email = in->email;
	ask->password = in->password;
	return in_seat(web, log_in_work);
}

enum err log_in(struct web *web)
{
	struct tokens_shown shown = { .type = TOKEN_TYPE, .message = "Login successful" };
	enum err err = login_make(&web->ctx, web->prepared, &shown.tokens);

	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err tokens_refresh(struct web *web)
{
	struct tokens_shown shown = { .type = TOKEN_TYPE };
	enum err err = account_session_refresh(
	    &web->ctx, WEB_INPUT(web, struct refresh_input)->refresh_token, &shown.tokens);

	return err == ERR_OK ? reply_object(web, &shown) : err;
}

enum err log_out(struct web *web)
{
	return account_session_logout(&web->ctx);
}
