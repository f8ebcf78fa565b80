/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: int-conversion */
#include "stmt.h"

enum err wrong(struct db *db, int64_t checksum);

enum err wrong(struct db *db, int64_t checksum)
{
	return q_migration_put(db, 1, "name", checksum, 0, NULL);
}
