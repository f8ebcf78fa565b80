-- SPDX-License-Identifier: Apache-2.0
-- 0012: media that people send of themselves. The content is in sealed files outside the database; what
-- opens a file is in its row, so a file whose row has gone opens for nobody.

CREATE TABLE media (
  id             BINARY(16)   NOT NULL COMMENT 'the file''s name too',
  application_id BINARY(16)   NOT NULL,
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the key that sent it',
  media_type     VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'found in the content',
  size_bytes     INT UNSIGNED NOT NULL COMMENT 'of the content',
  file_key       VARBINARY(96) NULL COMMENT 'the file''s key, sealed; NULL: given up',
  seal_key       INT UNSIGNED NULL COMMENT 'key id of file_key',
  owner_id       BINARY(16)   NULL COMMENT 'the verification that it is part of; NULL: waits for one',
  created_at     DATETIME(3)  NOT NULL,
  expires_at     DATETIME(3)  NULL COMMENT 'when it goes; NULL while its owner keeps it',
  PRIMARY KEY (id),
  KEY media_owner (owner_id),
  KEY media_expires (expires_at, id),
  KEY media_seal (seal_key, id),
  CONSTRAINT media_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='sealed pictures and videos';
