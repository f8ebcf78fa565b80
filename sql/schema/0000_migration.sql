-- SPDX-License-Identifier: Apache-2.0
-- 0000: the table that remembers which migrations were applied.

CREATE TABLE schema_migration (
  version    INT          NOT NULL,
  name       VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'file name',
  checksum   CHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the file; empty while it is being applied',
  applied_at DATETIME(3)  NOT NULL,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
