/* SPDX-License-Identifier: Apache-2.0 */
/* query.c decodes what may be percent-encoded. */
#include "query.h"

#include <string.h>

#include "str.h"

enum err percent_decode(
    const char *text, size_t len, bool plus_is_space, struct arena *arena, const char **ret_text)
{
	char *out = arena_alloc(arena, len + 1);
	size_t n = 0;

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (byte == '%') {
			if (len - i < 3 || hex_decode(text + i + 1, 2, &byte, 1) != ERR_OK)
				return ERR_SYNTAX;
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		if (byte == '\0')
			return ERR_SYNTAX;
		out[n++] = (char)byte;
	}
	if (!utf8_valid(out, n))
		return ERR_SYNTAX;
	*ret_text = out;
	return ERR_OK;
}

enum err query_pair(const char *text, size_t len, struct arena *arena, const char **ret_name,
    const char **ret_value)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals == NULL ? len : (size_t)(equals - text);
	const char *name, *value = "";
	enum err err = percent_decode(text, name_len, true, arena, &name);

	if (err == ERR_OK && equals != NULL)
		err = percent_decode(equals + 1, len - name_len - 1, true, arena, &value);
	if (err != ERR_OK)
		return err;
	*ret_name = name;
	*ret_value = value;
	return ERR_OK;
}
