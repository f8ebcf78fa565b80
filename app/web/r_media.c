/* SPDX-License-Identifier: Apache-2.0 */
/*
 * r_media.c: pictures and videos of age verifications (contract/age.md): taken in as they come, and
 * shown to whoever has a signed link.
 */
#include "media.h"
#include "reply.h"
#include "sets.h"
#include "web.h"

#include <string.h>

struct media_made {
	struct uuid id;
	int64_t expires_at_ms;
};

static const struct field made_rows[] = {
	{ ROW_ID(ID_MEDIA, struct media_made, id, "uploadId"),
	    .sentence = "What a submission names it by." },
	{ ROW_I64(FIELD_TIME, struct media_made, expires_at_ms, "expiresAt"),
	    .sentence = "Not used by then, it is removed.", .example = "\"2026-02-06T11:30:00Z\"" },
};
const struct field_set media_created = FIELD_SET("MediaUpload", made_rows, struct media_made);

struct link_query {
	const char *exp;
	const char *by;
	const char *sig;
};

static const struct field link_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct link_query, exp, "exp"), .min = 1, .max = 19,
	    .pattern = "[0-9]+", .pattern_words = "must be digits",
	    .sentence = "Until when the link works." },
	{ ROW_TEXT(FIELD_TEXT, struct link_query, by, "by"), .min = 2, .max = 200,
	    .pattern = "[0-9a-f]+", .pattern_words = "must be hexadecimal digits",
	    .sentence = "For whom it was made." },
	{ ROW_TEXT(FIELD_TEXT, struct link_query, sig, "sig"), .min = 64, .max = 64,
	    .pattern = "[0-9a-f]+", .pattern_words = "must be hexadecimal digits",
	    .sentence = "What proves it ours." },
};
const struct field_set media_link_query = FIELD_SET("MediaLink", link_rows, struct link_query);

static enum err take_piece(void *arg, const void *data, size_t len_bytes)
{
	return media_write(arg, data, len_bytes);
}

static enum err take_medium(struct web *web, struct media_made *ret_made)
{
	struct media_put *put = NULL;
	enum err err = media_begin(&web->ctx, web->in.content_type, &put);

	if (err == ERR_OK)
		err = web_read_body(web, take_piece, put);
	if (err == ERR_OK)
		err = media_commit(&web->ctx, &put, &ret_made->id, &ret_made->expires_at_ms);
	media_abandon(&put);
	return err;
}

/* No transaction is open while the body comes in: that takes as long as the client likes. Nor may all
 * workers wait for slow clients: there is a seat, or nothing of the body is read. */
enum err media_upload(struct web *web)
{
	struct media_made made;
	enum err err = web_sit(web, SEAT_UPLOAD);

	if (err != ERR_OK)
		return err;
	err = take_medium(web, &made);
	web_stand(web, SEAT_UPLOAD);
	return err == ERR_OK ? reply_object(web, &made) : err;
}

/* Whether the link of this request is one, and for whom. */
static enum err check_link(struct web *web, struct uuid *ret_id, const char **ret_reader)
{
	const struct link_query *query = WEB_QUERY(web, struct link_query);
	struct media_link_parts parts = { query->exp, query->by == NULL ? "" : query->by,
		query->sig };

	if (parts.exp == NULL || parts.sig == NULL)
		return ERR_MEDIA_NOT_FOUND;
	enum err err = web_param_id(web, 0, ID_MEDIA, ERR_MEDIA_NOT_FOUND, ret_id);
	return err == ERR_OK ? media_link_check(&web->ctx, *ret_id, &parts, ret_reader) : err;
}

static enum err pour_medium(struct web *web, fcgi_sink *sink, void *arg)
{
	const char *reader = NULL;
	struct uuid id;
	enum err err = check_link(web, &id, &reader);

	return err == ERR_OK ? media_read(&web->ctx, id, reader, sink, arg) : err;
}

/* Nothing of it may be kept, guessed at, or run: it is what a stranger sent. A browser shows a picture or
 * plays a video in a page that it makes itself, which asks for this address again and has styles. */
static const char policy[] = "default-src 'none'; img-src 'self'; media-src 'self'; "
			     "style-src 'unsafe-inline'; sandbox allow-same-origin";

enum err media_show(struct web *web)
{
	struct row_media_get row;
	const char *reader = NULL;
	struct uuid id;
	enum err err = check_link(web, &id, &reader);

	if (err == ERR_OK)
		err = media_get(&web->ctx, id, &row);
	if (err != ERR_OK)
		return err;
	reply_header(web, "Content-Security-Policy", policy);
	reply_header(web, "Content-Disposition", "inline");
	err = reply_raw(web, row.media_type, "", 0);
	web->pour = pour_medium;
	web->pour_len = (uint64_t)row.size_bytes;
	return err;
}
