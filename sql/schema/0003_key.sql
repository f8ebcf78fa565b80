-- SPDX-License-Identifier: Apache-2.0
-- 0003: keys that come in pairs, and keys that are replaced by newer ones.

ALTER TABLE api_key
  ADD pair_id        BINARY(16)  NULL COMMENT 'of a publishable key: the secret key it was made with, and ends with',
  ADD rotated_at     DATETIME(3) NULL COMMENT 'when a newer key took its place',
  ADD expires_before DATETIME(3) NULL COMMENT 'of a rotated key: expires_at as it was before the overlap shortened it';
