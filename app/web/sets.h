/* SPDX-License-Identifier: Apache-2.0 */
/* sets.h names the field sets that route rows point to; each stands beside its handlers. */
#ifndef BONAFIDE_SETS_H
#define BONAFIDE_SETS_H

#include "field.h"
#include "limits.h"

extern const struct field_set verify_request, verification_query;    /* r_verification.c */
extern const struct field_set verification_full, verification_brief; /* r_verification.c */
extern const struct field_set key_request, key_created, key_item;    /* r_key.c */
extern const struct field_set key_rotation;                          /* r_key.c */
extern const struct field_set usage_query, usage_item;               /* r_usage.c */
extern const struct field_set score_request, score_reply;            /* r_score.c */
extern const struct field_set no_members;                            /* web.c: {} or no body */
extern const struct field_set webhook_request, webhook_created, webhook_item;  /* r_webhook.c */
extern const struct field_set webhook_trial;                                   /* r_webhook.c */
extern const struct field_set endpoint_request, endpoint_change;               /* r_endpoint.c */
extern const struct field_set endpoint_query, endpoint_item, endpoint_created; /* r_endpoint.c */
extern const struct field_set endpoint_gone, rotate_request, endpoint_secret;  /* r_endpoint.c */
extern const struct field_set whkey_request, whkey_query, whkey_item;          /* r_whkey.c */
extern const struct field_set delivery_query, delivery_item, delivery_full;    /* r_delivery.c */
extern const struct field_set event_query, event_item;                         /* r_event.c */
extern const struct field_set session_request, session_query, session_view;    /* r_session.c */
extern const struct field_set session_item, session_attempt_query,
    session_attempt_item;                                                     /* r_session.c */
extern const struct field_set plain_request, plain_query, plain_made;         /* r_plain.c */
extern const struct field_set plain_page, plain_full, plain_decision;         /* r_plain.c */
extern const struct field_set plain_decided, session_record;                  /* r_plain.c */
extern const struct field_set workflow_request, workflow_full, workflow_page; /* r_workflow.c */
extern const struct field_set key_verified;                                   /* r_workflow.c */
extern const struct field_set overview_item;                                  /* r_analytics.c */
extern const struct word_list language_words; /* r_account.c: of mails and pages */
extern const struct field_set jwks_item;      /* r_jwks.c */
extern const struct field_set register_request, registered_reply;            /* r_account.c */
extern const struct field_set resend_request, proof_request, verified_reply; /* r_account.c */
extern const struct field_set login_request, logged_in_reply;                /* r_account.c */
extern const struct field_set refresh_request, tokens_reply;                 /* r_account.c */
extern const struct field_set callback_reply;                                /* r_callback.c */
extern const struct field_set organization_item;                             /* r_org.c */
extern const struct field_set member_request, member_change, member_item;    /* r_member.c */
extern const struct field_set application_request, application_changes;      /* r_application.c */
extern const struct field_set application_renewal, application_removal;      /* r_application.c */
extern const struct field_set application_created, application_item;         /* r_application.c */

extern const struct field_set visit_shown, visit_started, visit_choices;   /* r_verify_session.c */
extern const struct field_set visit_answers, visit_end;                    /* r_verify_session.c */
extern const struct field_set age_request, age_made, age_shown, age_query; /* r_age.c */
extern const struct field_set age_verdict, age_eligible, alias_request;    /* r_age.c */
extern const struct field_set media_created, media_link_query;             /* r_media.c */
extern const struct field_set record_full;                                 /* r_age.c */
extern const struct field_set embed_query, embed_settings;                 /* r_embed.c */

/* contract/age.md: who a person is to the customer, up to LIMIT_AGE_EXTERNAL_ID of these. */
#define EXTERNAL_ID_FORM "[A-Za-z0-9._:@-]+"

/* Beyond the contract's members, and the one answer when there are enough endpoints. */
#define WEBHOOK_RATE_MAX 1000
#define WEBHOOK_FULL "is one endpoint more than an application may have (50)"
_Static_assert(LIMIT_ENDPOINTS == 50, "the sentence says how many");
#define WORKFLOWS_FULL "is one workflow more than an application may have (200)"
_Static_assert(LIMIT_WORKFLOWS == 200, "the sentence says how many");

/* Pages of the session family (contract/README.md, Paging): ids carry on, in one of these forms. */
#define SESSION_PAGE_DEFAULT 10
#define SESSION_ID_MAX 64
#define ID_FORM(prefix) prefix "_[0-7][0-9a-hjkmnp-tv-z]{25}"
#define ROW_LIMIT(object) \
	{ \
		ROW_I64(FIELD_INT, object, limit, "limit"), .min = 1, .max = LIMIT_PAGE, \
							    .initial = SESSION_PAGE_DEFAULT, \
							    .sentence = "Results per page." \
	}
#define ROW_ID_FILTER(object, member, text, prefix, words) \
	ROW_TEXT(FIELD_TEXT, object, member, text), .min = 1, .max = SESSION_ID_MAX, \
						    .pattern = ID_FORM(prefix), \
						    .pattern_words = "is not the id of " words
#define ROW_AFTER(object, prefix, words) \
	{ \
		ROW_ID_FILTER(object, after, "starting_after", prefix, words), \
		    .sentence = "next_cursor of the page before." \
	}

/* A set of the rows of a static array that fill `struct type`. */
#define FIELD_SET(text, array, type) \
	{ \
		.name = text, .rows = array, .count = countof(array), .struct_size = sizeof(type) \
	}

/*
 * The beginning of a row: its type, the client's name for it, and the member, whose C type is
 * checked here: a row that names a member of another type does not compile.
 */
#define ROW_TEXT(type_name, object, member, text) \
	.type = type_name, .name = text, .offset = MEMBER_IS(const char *, object, member)
#define ROW_JSON(object, member, text) \
	.type = FIELD_JSON, .name = text, .offset = MEMBER_IS(const json_t *, object, member)
#define ROW_OBJECT(object, member, rows_set, text) \
	.type = FIELD_OBJECT, .name = text, .set = rows_set, .offset = offsetof(object, member)
#define ROW_OBJECTS(object, member, count_member, rows_set, text) \
	.type = FIELD_OBJECTS, .name = text, .set = rows_set, .offset = offsetof(object, member), \
	.item_size = sizeof(*((object *)0)->member), \
	.count_offset = MEMBER_IS(size_t, object, count_member)
#define ROW_BOOL(object, member, text) \
	.type = FIELD_BOOL, .name = text, .offset = MEMBER_IS(bool, object, member)
#define ROW_I64(type_name, object, member, text) \
	.type = type_name, .name = text, .offset = MEMBER_IS(int64_t, object, member)
#define ROW_ID(kind, object, member, text) \
	.type = FIELD_ID, .id_kind = kind, .name = text, \
	.offset = MEMBER_IS(struct uuid, object, member)

#endif
