-- SPDX-License-Identifier: Apache-2.0
-- 0008: the audit log: who changed what, when, from where.
--
-- A row is written in the transaction of the change it tells of, and never changed afterwards; it goes
-- when audit_keep_days have passed. Nothing refers to it and it refers to nothing: it outlives what it
-- names. It holds no secret and nothing personal but the address that a request came from.

CREATE TABLE audit (
  id              BINARY(16)   NOT NULL COMMENT 'in order of time',
  created_at      DATETIME(3)  NOT NULL,
  actor_kind      VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ACTOR',
  actor_id        BINARY(16)   NULL COMMENT 'the key or the account',
  actor_name      VARCHAR(64)  NULL COMMENT 'an operator''s login name',
  organization_id BINARY(16)   NULL,
  application_id  BINARY(16)   NULL,
  action          VARCHAR(40)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def AUDIT',
  subject_id      BINARY(16)   NULL COMMENT 'what was changed; the action says what kind of thing it is',
  address         VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of the client; NULL for the command line and the batch',
  request_id      VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  detail          VARCHAR(255) NULL COMMENT 'a few words; nothing personal, no secret',
  PRIMARY KEY (id),
  KEY audit_org (organization_id, id),
  KEY audit_subject (subject_id, id),
  KEY audit_actor (actor_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='append only';
