/* SPDX-License-Identifier: Apache-2.0 */
/* audit_log.h owns how tests of core look at the audit log. */
#ifndef BONAFIDE_TEST_AUDIT_LOG_H
#define BONAFIDE_TEST_AUDIT_LOG_H

#include "base.h"
#include "fixture.h"

#include "audit.h"

UNUSED static int64_t rows_of_log(void)
{
	return core_number("SELECT COUNT(*) FROM audit");
}

/* The log, as the operator reads it. */
UNUSED static struct row_audit_page *read_log(struct audit_filter filter, size_t *ret_count)
{
	struct row_audit_page *rows = NULL;

	if (filter.limit == 0)
		filter.limit = 100;
	if (filter.from_ms == 0)
		filter.from_ms = TIME_NONE;
	if (filter.to_ms == 0)
		filter.to_ms = TIME_NONE;
	assert_int_equal(audit_list(&ctx, &filter, &rows, ret_count), ERR_OK);
	return rows;
}

UNUSED static struct row_audit_page only_row(void)
{
	size_t count = 0;
	struct row_audit_page *rows = read_log((struct audit_filter){ .limit = 2 }, &count);

	assert_int_equal(count, 1);
	return rows[0];
}

#endif
