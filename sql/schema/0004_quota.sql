-- SPDX-License-Identifier: Apache-2.0
-- 0004: limits of one organisation's own, and how much of a day's requests is given out.
--
-- The pools take requests of a day in blocks: a block is added to `reserved` before the first of it
-- is served, so the sum over all hosts never passes the limit. The day comes first in the key: old
-- days are removed from one end, and today's rows lie together.

ALTER TABLE organization
  ADD COLUMN rate_per_s     INT    NULL COMMENT 'requests a second; NULL: as the settings say; 0: no limit',
  ADD COLUMN burst          INT    NULL COMMENT 'requests at once; NULL: as the settings say',
  ADD COLUMN daily_requests BIGINT NULL COMMENT 'requests a UTC day; NULL: as the settings say; 0: no limit';

CREATE TABLE daily_quota (
  day             INT        NOT NULL COMMENT 'UTC days since 1970-01-01',
  organization_id BINARY(16) NOT NULL,
  reserved        BIGINT     NOT NULL COMMENT 'served, or in a block that a host holds',
  PRIMARY KEY (day, organization_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a row goes some days after its day';
