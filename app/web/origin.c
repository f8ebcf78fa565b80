/* SPDX-License-Identifier: Apache-2.0 */
/* origin.c reads origins out of URLs; more strictly than URLs are read elsewhere, for they are written
 * into a header where other characters would have a meaning. */
#include "origin.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "limits.h"
#include "str.h"

#define NAME_MAX_CHARS 253 /* RFC 1035 section 2.3.4 */

static const struct {
	const char *text;
	int64_t port;
} schemes[] = { { "https://", 443 }, { "http://", 80 } };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool starts_with(const char *url, const char *scheme)
{
	while (*scheme != '\0' && lower(*url) == *scheme) {
		url++;
		scheme++;
	}
	return *scheme == '\0';
}

/* The port behind a name; none, or an empty one, is the scheme's own. */
static bool read_port(const char *text, size_t len, int64_t own, int64_t *ret_port)
{
	char digits[6] = "";

	if (len <= 1) {
		*ret_port = own;
		return true;
	}
	if (len - 1 >= sizeof(digits))
		return false;
	memcpy(digits, text + 1, len - 1);
	return str_to_i64(digits, 1, 65535, ret_port) == ERR_OK;
}

bool origin_of(const char *url, char ret_origin[ORIGIN_SIZE])
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char name[NAME_MAX_CHARS + 1] = "";
	size_t i = 0;
	int64_t port;

	while (i < countof(schemes) && !starts_with(url, schemes[i].text))
		i++;
	if (i == countof(schemes))
		return false;
	url += strlen(schemes[i].text);
	size_t len = strcspn(url, "/?#"), name_len = strspn(url, safe);
	if (name_len == 0 || name_len > NAME_MAX_CHARS)
		return false;
	if (name_len < len && url[name_len] != ':')
		return false;
	if (!read_port(url + name_len, len - name_len, schemes[i].port, &port))
		return false;
	for (size_t k = 0; k < name_len; k++)
		name[k] = lower(url[k]);
	int n =
	    port == schemes[i].port
		? snprintf(ret_origin, ORIGIN_SIZE, "%s%s", schemes[i].text, name)
		: snprintf(ret_origin, ORIGIN_SIZE, "%s%s:%d", schemes[i].text, name, (int)port);
	return n > 0 && n < ORIGIN_SIZE;
}

/* True when an item before this one has the same origin. */
static bool is_again(const json_t *array, size_t index, const char *origin)
{
	char other[ORIGIN_SIZE];

	for (size_t i = 0; i < index; i++) {
		const char *url = json_string_value(json_array_get(array, i));
		if (url != NULL && origin_of(url, other) && strcmp(origin, other) == 0)
			return true;
	}
	return false;
}

enum err origins_join(struct arena *arena, const char *urls, const char *quote, const char *between,
    const char **ret_text)
{
	json_t *array = NULL, *item;
	char origin[ORIGIN_SIZE];
	struct buf text;
	size_t i;
	enum err err = urls == NULL ? ERR_OK : json_read(urls, strlen(urls), &array, NULL);

	if (err != ERR_OK)
		return err;
	buf_init(&text, LIMIT_REDIRECT_URIS * (ORIGIN_SIZE + 4));
	json_array_foreach(array, i, item)
	{
		const char *url = json_string_value(item);
		if (url == NULL || !origin_of(url, origin) || is_again(array, i, origin))
			continue;
		buf_printf(&text, "%s%s%s%s", text.len == 0 ? "" : between, quote, origin, quote);
	}
	json_decref(array);
	const char *copy =
	    buf_failed(&text) ? NULL : arena_strdup(arena, text.len == 0 ? "" : buf_str(&text));
	buf_free(&text);
	if (copy == NULL)
		return ERR_NOMEM;
	*ret_text = copy;
	return ERR_OK;
}
