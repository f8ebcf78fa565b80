/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: (float-conversion|Wconversion|literal-conversion) */
#include "stmt.h"

enum err wrong(struct db *db, double version);

enum err wrong(struct db *db, double version)
{
	return q_migration_put(db, version, "name", "checksum", 0, NULL);
}
