/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: unused-result */
#include "stmt.h"

void wrong(struct db *db);

void wrong(struct db *db)
{
	q_migration_put(db, 1, "name", "checksum", 0, NULL);
}
