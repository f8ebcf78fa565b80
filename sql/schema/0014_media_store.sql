-- SPDX-License-Identifier: Apache-2.0
-- 0014: where a medium's file is: in media_dir, in a bucket, or on its way from the one to the other.

ALTER TABLE media
  ADD store VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'dir'
    COMMENT 'dir: its file; moving: perhaps an object too; s3: its object, surely',
  ADD leased_until DATETIME(3) NULL COMMENT 'until when a batch may be putting the object',
  ADD KEY media_store (store, expires_at, id),
  DROP KEY media_expires;
