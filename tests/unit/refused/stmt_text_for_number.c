/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: int-conversion */
#include "stmt.h"

enum err wrong(struct db *db);

enum err wrong(struct db *db)
{
	return q_migration_put(db, "1", "name", "checksum", 0, NULL);
}
