/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application.h owns applications as the people of their organisation manage them
 * (contract/accounts.md): what they say of themselves, the key that is their own, and their end.
 * Operators and everything else know them by org.h.
 *
 * A client_id is the application's id once more, as 22 characters of base64url (RFC 4648 section 5),
 * so no column holds it: it is public, lives and ends with the id, and 128 bits are 22 characters.
 */
#ifndef BONAFIDE_APPLICATION_H
#define BONAFIDE_APPLICATION_H

#include "base.h"
#include "ctx.h"
#include "stmt.h"

/*
 * What is to be said of an application. NULL: nothing, or as it was. "" takes away what is there;
 * a name cannot be taken away.
 */
struct application_about {
	const char *name;
	const char *website_url;
	const char *redirect_uris; /* a JSON array of texts; "[]" takes them away */
	const char *terms_url;
	const char *privacy_url;
	const char *description;
};

/* One, as it is shown. Texts in the arena. */
struct application {
	struct row_application_show row;
	const char *client_id;
};

/*
 * True for an address that people can be sent to: http or https, a host, at most LIMIT_URL
 * characters of those that RFC 3986 section 2 allows, and no user or password, which would end up in
 * places where secrets do not belong.
 */
bool application_url_ok(const char *url);

/* True for a JSON array of at most LIMIT_REDIRECT_URIS such addresses, no two of them the same text
 * (RFC 6749 section 3.1.2.3 compares them so). */
bool application_uris_ok(const char *json_text);

/*
 * Makes one with a live key of its own, whose text is in the arena and is shown this once. Without a
 * name it is "<organisation name> App", cut to LIMIT_APPLICATION_NAME code points.
 * ERR_ORGANIZATION_NOT_FOUND; ERR_VALIDATION for a name, an address or a text that is none or too
 * long; ERR_FULL when the organisation has as many applications as it may have (LIMIT_APPLICATIONS),
 * or they say more of themselves than one answer can (LIMIT_APPLICATIONS_TEXT).
 */
enum err application_make(struct ctx *ctx, struct uuid organization_id,
    const struct application_about *about, struct application *ret_application,
    const char **ret_key) MUST_CHECK;

/* All of an organisation's, newest first. */
enum err application_own(struct ctx *ctx, struct uuid organization_id,
    struct application **ret_applications, size_t *ret_count) MUST_CHECK;

/* One of an organisation's. ERR_APPLICATION_NOT_FOUND also for another's and for a deleted one. */
enum err application_show(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    struct application *ret_application) MUST_CHECK;

/* What a person is shown of the application that asks something of him; ERR_APPLICATION_NOT_FOUND for
 * a deleted one. Texts in the arena. */
enum err application_asker(
    struct ctx *ctx, struct uuid id, struct row_application_asker *ret_asker) MUST_CHECK;

/* Changes what is given; errors as both above. */
enum err application_change(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    const struct application_about *about, struct application *ret_application) MUST_CHECK;

/*
 * Makes a key of its own anew; the old one works for overlap_s more seconds. As key_regenerate():
 * the caller waits out the leases before it says so to anybody. ERR_APPLICATION_NOT_FOUND.
 */
enum err application_renew_key(struct ctx *ctx, struct uuid organization_id, struct uuid id,
    int64_t overlap_s, struct application *ret_application, const char **ret_key) MUST_CHECK;

/*
 * Ends an application for good: its keys are revoked, its endpoints are told nothing more, and it is
 * nowhere shown. What it had taken on is carried out, and kept as long as other applications'.
 * Without force, ERR_APPLICATION_IN_USE when in the last 24 hours a live key of it was used or a live
 * verification was made. The caller waits out the leases before it says so to anybody.
 * ERR_APPLICATION_NOT_FOUND.
 */
enum err application_delete(
    struct ctx *ctx, struct uuid organization_id, struct uuid id, bool force) MUST_CHECK;

#endif
