/* SPDX-License-Identifier: Apache-2.0 */
/* redirect.c writes parameters into a URL that is somebody else's. */
#include "redirect.h"

#include <string.h>

#include "buf.h"
#include "id.h"
#include "limits.h"

#define URL_CAP (LIMIT_URL + 512)

/* ---- parameters in a URL --------------------------------------------------------------------------- */

static bool is_replaced(
    const char *text, size_t len, const struct redirect_param *params, size_t count)
{
	size_t name_len = strcspn(text, "=&#");

	if (name_len > len)
		name_len = len;
	for (size_t i = 0; i < count; i++) {
		if (strlen(params[i].name) == name_len &&
		    memcmp(params[i].name, text, name_len) == 0)
			return true;
	}
	return false;
}

/* The query's own parameters that stay, '&' between; `query` ends at the fragment. */
static void add_own(struct buf *out, const char *query, size_t len,
    const struct redirect_param *params, size_t count, char *before)
{
	while (len > 0) {
		size_t part = strcspn(query, "&#");
		if (part > len)
			part = len;
		if (part > 0 && !is_replaced(query, part, params, count)) {
			buf_addc(out, *before);
			buf_add(out, query, part);
			*before = '&';
		}
		part += part < len;
		query += part;
		len -= part;
	}
}

enum err redirect_add(struct arena *arena, const char *url, const struct redirect_param *params,
    size_t count, const char **ret_url)
{
	size_t path_len = strcspn(url, "?#"), end = strcspn(url, "#");
	char before = '?';
	struct buf out;

	buf_init(&out, URL_CAP);
	buf_add(&out, url, path_len);
	if (path_len < end)
		add_own(&out, url + path_len + 1, end - path_len - 1, params, count, &before);
	for (size_t i = 0; i < count; i++) {
		if (params[i].value == NULL)
			continue;
		buf_printf(&out, "%c%s=%s", before, params[i].name, params[i].value);
		before = '&';
	}
	buf_adds(&out, url + end);
	const char *copy = buf_failed(&out) ? NULL : arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	if (copy == NULL)
		return ERR_NOMEM;
	*ret_url = copy;
	return ERR_OK;
}

/* ---- of a session ---------------------------------------------------------------------------------- */

/* reference/four.md section 2.4, Redirect; NULL status: it is not over. */
static const struct {
	const char *status;
	const char *reason;
} outcomes[SESSION__MAX] = {
	[SESSION_VERIFIED] = { "success", NULL },
	[SESSION_REJECTED] = { "failed", "unknown" },
	[SESSION_FAILED] = { "failed", "document_unreadable" },
	[SESSION_VOIDED] = { "abandoned", "user_cancelled" },
	[SESSION_EXPIRED] = { "abandoned", "session_expired" },
};

enum err redirect_of(struct arena *arena, const struct session *session, const char **ret_url)
{
	bool plain = session->family == VIA_PLAIN;
	char id[ID_TEXT_SIZE];

	if (session->redirect_url == NULL || outcomes[session->status].status == NULL) {
		*ret_url = NULL;
		return ERR_OK;
	}
	id_text(plain ? ID_UUID : ID_SESSION, session->id, id);
	const struct redirect_param params[] = {
		{ "session_id", id },
		{ "status", outcomes[session->status].status },
		{ "reason", outcomes[session->status].reason },
	};
	return redirect_add(
	    arena, session->redirect_url, params, plain ? countof(params) : 1, ret_url);
}
