-- SPDX-License-Identifier: Apache-2.0
-- 0010: what applications say of themselves, and their end.
--
-- Addresses of the web are ASCII (RFC 3986), so these columns are. An application that was deleted
-- keeps its row: what it did and owes is kept as long as that of any other.

ALTER TABLE application
  ADD website_url   VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD redirect_uris TEXT          CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'as a JSON array; NULL: none',
  ADD terms_url     VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD privacy_url   VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD description   VARCHAR(1000) NULL COMMENT 'for its owners, not for end users',
  ADD updated_at    DATETIME(3)   NULL COMMENT 'NULL: never changed',
  ADD deleted_at    DATETIME(3)   NULL COMMENT 'its keys have ended with it';

ALTER TABLE idempotency
  MODIFY application_id BINARY(16) NOT NULL COMMENT 'who asked: an application, or a person (account family)';
