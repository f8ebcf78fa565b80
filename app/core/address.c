/* SPDX-License-Identifier: Apache-2.0 */
/* address.c: mail addresses of people. */
#include "address.h"

#include <string.h>

#define LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1.1 */
#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *const purposes[] = {
	[ADDRESS_ACCOUNT] = "account.email",
	[ADDRESS_REGISTRATION] = "registration.email",
	[ADDRESS_MEMBERSHIP] = "membership.email",
};

/* RFC 5321's Dot-string: atoms with one dot between (atext is RFC 5322 section 3.2.3). */
static bool is_local_part(const char *text, size_t len)
{
	static const char atext[] = LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.";

	return len >= 1 && len <= LOCAL_MAX && strspn(text, atext) >= len && text[0] != '.' &&
	       text[len - 1] != '.';
}

/* Letters, digits, and hyphens that are neither first nor last. */
static bool is_label(const char *text, size_t len)
{
	return len >= 1 && len <= LABEL_MAX && strspn(text, LETTERS DIGITS "-") >= len &&
	       text[0] != '-' && text[len - 1] != '-';
}

/* Two labels or more, and the last no number: that would be an IPv4 address. */
static bool is_domain(const char *text)
{
	size_t labels = 0, len = 0;

	for (;; text += len + 1) {
		len = strcspn(text, ".");
		if (!is_label(text, len))
			return false;
		labels++;
		if (text[len] == '\0')
			break;
	}
	return labels >= 2 && strspn(text, DIGITS) < len;
}

bool address_check(const char *email)
{
	const char *at = strchr(email, '@');
	size_t local_len = at == NULL ? 0 : (size_t)(at - email);

	if (at == NULL || strnlen(email, LIMIT_EMAIL + 1) > LIMIT_EMAIL)
		return false;
	if (!is_local_part(email, local_len) || !is_domain(at + 1))
		return false;
	for (const char *c = email; c < at; c++) {
		if (c[0] == '.' && c[1] == '.')
			return false;
	}
	return true;
}

void address_fold(const char *email, char ret_folded[LIMIT_EMAIL + 1])
{
	size_t i = 0;

	for (; i < LIMIT_EMAIL && email[i] != '\0'; i++) {
		char c = email[i];
		ret_folded[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	ret_folded[i] = '\0';
}

enum err address_index(struct ctx *ctx, const char *email, uint8_t ret_index[SHA256_SIZE])
{
	char folded[LIMIT_EMAIL + 1];

	if (!address_check(email))
		return ERR_VALIDATION;
	address_fold(email, folded);
	enum err err = pepper_mac(ctx->keyring, PEPPER_EMAIL, folded, strlen(folded), ret_index);
	wipe(folded, sizeof(folded));
	return err;
}

enum err address_seal(struct ctx *ctx, enum address_place place, struct uuid row_id,
    const char *email, struct bytes *ret_sealed)
{
	return seal_data(
	    ctx->keyring, ctx->arena, purposes[place], row_id, email, strlen(email), ret_sealed);
}

enum err address_open(struct ctx *ctx, enum address_place place, struct uuid row_id,
    struct bytes sealed, const char **ret_email)
{
	struct bytes text;
	enum err err = seal_open(ctx->keyring, ctx->arena, purposes[place], row_id, sealed, &text);

	if (err == ERR_OK)
		*ret_email = text.data;
	return err;
}
