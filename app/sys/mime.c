/* SPDX-License-Identifier: Apache-2.0 */
/* mime.c writes mails: a small part of MIME, done carefully. */
#include "mime.h"

#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "str.h"

#define LOCAL_MAX 64         /* RFC 5321 section 4.5.3.1.1 */
#define LABEL_MAX 63         /* RFC 1035 section 2.3.4 */
#define SEVEN_BIT_LINE 998   /* RFC 5322 section 2.1.1 */
#define WORD_MAX 75          /* RFC 2047 section 2 */
#define WORD_FRAME 12        /* "=?utf-8?Q?" and "?=" */
#define BASE64_LINE_BYTES 57 /* which make MIME_LINE characters */

/* ---- addresses --------------------------------------------------------------------------------------- */

static bool is_atext(unsigned char c)
{
	return c >= 0x80 || isalnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with a dot between. */
static bool is_dot_atom(const char *text, size_t len)
{
	if (len == 0 || len > LOCAL_MAX || text[0] == '.' || text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' ? text[i + 1] == '.' : !is_atext((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool is_label(const char *text, size_t len)
{
	if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x80 || (!isalnum(c) && c != '-'))
			return false;
	}
	return true;
}

static bool is_domain(const char *text)
{
	while (true) {
		size_t len = strcspn(text, ".");
		if (!is_label(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

/* C1 controls, which are no letters although they are outside ASCII. */
static bool has_c1(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
		if (c[0] == 0xc2 && c[1] < 0xa0)
			return true;
	return false;
}

bool mime_address_valid(const char *address)
{
	const char *at = strrchr(address, '@');
	size_t len = strlen(address);

	if (at == NULL || len > MIME_ADDRESS_MAX || !utf8_valid(address, len) || has_c1(address))
		return false;
	return is_dot_atom(address, (size_t)(at - address)) && is_domain(at + 1);
}

bool mime_is_ascii(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
		if (*c >= 0x80)
			return false;
	return true;
}

const char *mime_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "" : at + 1;
}

/* A display name: no control character, no quotes or brackets within. */
static bool is_name(const char *text, size_t len)
{
	if (len > MIME_NAME_MAX || !utf8_valid(text, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f || strchr("\"\\<>", c) != NULL)
			return false;
	}
	return true;
}

enum err mime_mailbox_parse(const char *text, struct mime_mailbox *ret_mailbox)
{
	struct mime_mailbox box = { .name = "" };
	const char *open = strrchr(text, '<');
	const char *address = open == NULL ? text : open + 1;
	size_t len = strcspn(address, open == NULL ? "" : ">");
	size_t name_len = open == NULL ? 0 : (size_t)(open - text);

	if (len > MIME_ADDRESS_MAX || (open != NULL && strcmp(address + len, ">") != 0))
		return ERR_SYNTAX;
	memcpy(box.address, address, len);
	while (name_len > 0 && text[name_len - 1] == ' ')
		name_len--;
	if (name_len > 1 && text[0] == '"' && text[name_len - 1] == '"') {
		text++;
		name_len -= 2;
	}
	if (!is_name(text, name_len) || !mime_address_valid(box.address))
		return ERR_SYNTAX;
	memcpy(box.name, text, name_len);
	*ret_mailbox = box;
	return ERR_OK;
}

/* ---- encoded words (RFC 2047) ------------------------------------------------------------------------ */

/* What may stand for itself in a word, in a phrase too (section 5). */
static bool is_word_char(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || (c != '\0' && strchr("!*+-/", c) != NULL));
}

/* Bytes of the UTF-8 character at c. */
static size_t char_len(const char *c)
{
	size_t len = 1;

	while (((unsigned char)c[len] & 0xc0U) == 0x80U)
		len++;
	return len;
}

static size_t count_other(const char *text)
{
	size_t other = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
		other += *c >= 0x80;
	return other;
}

/* Above this, base64 is shorter and no less readable. */
static bool is_mostly_other(const char *text)
{
	return count_other(text) * 3 > strlen(text);
}

static size_t q_len(const char *text, size_t len)
{
	size_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += is_word_char((unsigned char)text[i]) || text[i] == ' ' ? 1 : 3;
	return sum;
}

/* How many bytes, whole characters, go into a word with so much room. */
static size_t word_take(const char *text, size_t room, bool base64)
{
	size_t len = 0;

	while (text[len] != '\0') {
		size_t next = len + char_len(text + len);
		if ((base64 ? (next + 2) / 3 * 4 : q_len(text, next)) > room)
			break;
		len = next;
	}
	return len;
}

static void word_write(const char *text, size_t len, bool base64, struct buf *out)
{
	char encoded[BASE64_SIZE(WORD_MAX)];

	buf_printf(out, "=?utf-8?%c?", base64 ? 'B' : 'Q');
	if (base64) {
		base64_encode(text, len, encoded);
		buf_adds(out, encoded);
	}
	for (size_t i = 0; i < len && !base64; i++) {
		unsigned char c = (unsigned char)text[i];
		if (is_word_char(c))
			buf_addc(out, (char)c);
		else if (c == ' ')
			buf_addc(out, '_');
		else
			buf_printf(out, "=%02X", c);
	}
	buf_adds(out, "?=");
}

/* The blanks between words are the reader's to drop, so each word has its own blanks within. Returns
 * the column behind the last one. */
static size_t words(const char *text, size_t column, struct buf *out)
{
	bool base64 = is_mostly_other(text);

	while (*text != '\0') {
		size_t room = MIME_LINE - column < WORD_MAX ? MIME_LINE - column : WORD_MAX;
		size_t before = out->len;
		size_t len = word_take(text, room - WORD_FRAME, base64);
		word_write(text, len, base64, out);
		column += out->len - before;
		text += len;
		if (*text != '\0') {
			buf_adds(out, "\r\n ");
			column = 1;
		}
	}
	return column;
}

/* Printable ASCII that nobody takes for an encoded word. */
static bool is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
		if (*c < 0x20 || *c >= 0x7f)
			return false;
	return strstr(text, "=?") == NULL;
}

/* Words of ASCII, folded where a line would pass its length. A word that is too long stays whole. */
static void fold(const char *text, size_t column, struct buf *out)
{
	while (*text != '\0') {
		/* With the blanks in front of it. */
		size_t blanks = strspn(text, " ");
		size_t len = blanks + strcspn(text + blanks, " ");
		if (blanks > 0 && text[blanks] != '\0' && column + len > MIME_LINE) {
			buf_adds(out, "\r\n");
			column = 0;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
	}
}

void mime_header(const char *name, const char *text, struct buf *out)
{
	size_t column = strlen(name) + 2;

	buf_printf(out, "%s: ", name);
	if (is_plain(text))
		fold(text, column, out);
	else
		(void)words(text, column, out);
	buf_adds(out, "\r\n");
}

static void header_from(const struct mime_mailbox *from, struct buf *out)
{
	size_t column = strlen("From: ");

	buf_adds(out, "From: ");
	if (from->name[0] != '\0' && is_plain(from->name)) {
		buf_printf(out, "\"%s\"", from->name);
		column += strlen(from->name) + 2;
	} else if (from->name[0] != '\0') {
		column = words(from->name, column, out);
	}
	if (from->name[0] == '\0')
		buf_printf(out, "%s\r\n", from->address);
	else
		buf_printf(out, "%s <%s>\r\n",
		    column + strlen(from->address) + 3 > MIME_LINE ? "\r\n" : "", from->address);
}

/* ---- the body ------------------------------------------------------------------------------------------ */

void mime_quoted_printable(const char *text, struct buf *out)
{
	size_t column = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool at_end = text[1] == '\n' || text[1] == '\0';
		bool plain =
		    (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !at_end);
		if (c == '\n') {
			buf_adds(out, "\r\n");
			column = 0;
			continue;
		}
		/* Room for this, and for the '=' of a soft break unless the line ends here. */
		if (column + (plain ? 1 : 3) + !at_end > MIME_LINE) {
			buf_adds(out, "=\r\n");
			column = 0;
		}
		if (plain)
			buf_addc(out, (char)c);
		else
			buf_printf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
}

static void lines_as_they_are(const char *text, struct buf *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_addc(out, '\r');
		buf_addc(out, *text);
	}
}

static void body_base64(const char *text, struct buf *out)
{
	char line[BASE64_SIZE(BASE64_LINE_BYTES)];
	struct buf lines;

	buf_init(&lines, out->cap);
	lines_as_they_are(text, &lines);
	for (size_t at = 0; at < lines.len; at += BASE64_LINE_BYTES) {
		size_t left = lines.len - at;
		base64_encode(
		    lines.data + at, left < BASE64_LINE_BYTES ? left : BASE64_LINE_BYTES, line);
		buf_printf(out, "%s\r\n", line);
	}
	buf_free(&lines);
}

/* Every line short enough, every character ASCII. */
static bool is_seven_bit(const char *text)
{
	if (!mime_is_ascii(text))
		return false;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		if (len > SEVEN_BIT_LINE)
			return false;
		text += len + (text[len] == '\n');
	}
	return true;
}

static void body(const char *text, struct buf *out)
{
	static const char header[] = "Content-Transfer-Encoding: ";

	if (is_seven_bit(text)) {
		buf_printf(out, "%s7bit\r\n\r\n", header);
		lines_as_they_are(text, out);
	} else if (is_mostly_other(text)) {
		buf_printf(out, "%sbase64\r\n\r\n", header);
		body_base64(text, out);
	} else {
		buf_printf(out, "%squoted-printable\r\n\r\n", header);
		mime_quoted_printable(text, out);
	}
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_adds(out, "\r\n");
}

/* ---- the message --------------------------------------------------------------------------------------- */

/* "Sat, 21 Nov 2026 13:06:03 +0000" (RFC 5322 section 3.3). */
static void header_date(int64_t time_ms, struct buf *out)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970 began on a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct date date = date_of(time_ms);
	int64_t seconds = time_ms / 1000;
	int of_day = (int)(seconds % 86400);

	buf_printf(out, "Date: %.3s, %d %.3s %04d %02d:%02d:%02d +0000\r\n",
	    days + seconds / 86400 % 7 * 3, date.day, months + (date.month - 1) * 3, date.year,
	    of_day / 3600, of_day / 60 % 60, of_day % 60);
}

/* A token of a header: no blank, no control character, no bracket. */
static bool is_token(const char *text)
{
	return text[0] != '\0' && is_plain(text) && strpbrk(text, " <>\"") == NULL;
}

enum err mime_write(const struct mime_message *message, struct buf *out)
{
	if (!is_token(message->message_id) || !is_token(message->language) ||
	    !mime_address_valid(message->to) || !mime_address_valid(message->from->address) ||
	    !is_name(message->from->name, strlen(message->from->name)) || message->date_ms < 0 ||
	    strpbrk(message->subject, "\r\n") != NULL || strchr(message->text, '\r') != NULL ||
	    !utf8_valid(message->subject, strlen(message->subject)) ||
	    !utf8_valid(message->text, strlen(message->text)))
		return ERR_SYNTAX;
	header_date(message->date_ms, out);
	header_from(message->from, out);
	/* Outside ASCII as it is: then the server speaks SMTPUTF8 (RFC 6532). */
	buf_printf(out, "To: %s\r\n", message->to);
	buf_printf(out, "Message-ID: <%s>\r\n", message->message_id);
	mime_header("Subject", message->subject, out);
	buf_adds(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
	buf_printf(out, "Content-Language: %s\r\n", message->language);
	buf_adds(out, "Content-Type: text/plain; charset=utf-8\r\n");
	body(message->text, out);
	return buf_err(out);
}
