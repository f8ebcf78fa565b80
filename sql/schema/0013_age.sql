-- SPDX-License-Identifier: Apache-2.0
-- 0013: age verifications, their review, and the records of performers (18 U.S.C. 2257).
--
-- A person is known by the customer's own name for them in one environment of an application. One whose
-- document is looked up is a row of `verification` as well, of kind age and with the same id. What is
-- open waits for somebody (waits_for); what is past its keeping has purge_at. A record is never deleted:
-- no statement does it.

CREATE TABLE age_subject (
  application_id BINARY(16)   NOT NULL,
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ENV',
  external_id    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the customer''s own name for the person',
  created_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (application_id, environment, external_id),
  CONSTRAINT age_subject_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='locked by whoever submits, so that two cannot at once';

CREATE TABLE age_verification (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ENV',
  external_id    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  level          VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def LEVEL',
  status         VARCHAR(24)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def AGE',
  waits_for      VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def JUDGE while it is open',
  decided_by     VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def JUDGE',
  cause          VARCHAR(24)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def CAUSE: why a person looks at it, or it was ended',
  estimated_age  SMALLINT     NULL COMMENT 'whole years',
  country        CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of the document',
  document_type  VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  looked_up      TINYINT(1)   NOT NULL COMMENT 'there is a verification of the same id',
  selfie         BINARY(16)   NULL COMMENT 'media',
  id_front       BINARY(16)   NULL,
  id_back        BINARY(16)   NULL,
  video          BINARY(16)   NULL,
  sealed         VARBINARY(8192) NULL COMMENT 'the document: AES-256-GCM, key id in front; NULL: none, or erased',
  seal_key       INT UNSIGNED NULL COMMENT 'key id of sealed, so that a rotation finds the rest',
  reviewer       VARCHAR(80)  NULL COMMENT 'who claimed it last, and decided it when a reviewer did',
  claimed_until  DATETIME(3)  NULL COMMENT 'until when nobody else may claim it',
  request_id     VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  expires_at     DATETIME(3)  NULL COMMENT 'of an approved one; NULL: never',
  purge_at       DATETIME(3)  NULL COMMENT 'when document and media are to go; NULL: not, or gone',
  decided_at     DATETIME(3)  NULL,
  created_at     DATETIME(3)  NOT NULL,
  updated_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  KEY age_person (application_id, environment, external_id, id),
  KEY age_waiting (waits_for, id),
  KEY age_expiry (status, expires_at),
  KEY age_purge (purge_at),
  KEY age_seal (seal_key, id),
  CONSTRAINT age_verification_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one submission: is this person old enough';

CREATE TABLE age_record (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ENV',
  external_id    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  age_id         BINARY(16)   NOT NULL COMMENT 'the age verification it was made of, whose media it keeps',
  sealed         VARBINARY(8192) NOT NULL COMMENT 'name, birth, document: AES-256-GCM, key id in front',
  seal_key       INT UNSIGNED NOT NULL,
  verified_at    DATETIME(3)  NOT NULL,
  deactivated_at DATETIME(3)  NULL COMMENT 'NULL: active',
  retain_until   DATETIME(3)  NOT NULL COMMENT 'years after its last use; never moves back',
  created_at     DATETIME(3)  NOT NULL,
  updated_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY age_record_person (application_id, environment, external_id),
  UNIQUE KEY age_record_age (age_id),
  KEY age_record_seal (seal_key, id),
  CONSTRAINT age_record_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a performer''s record; deactivated at the most, never deleted';

CREATE TABLE age_record_alias (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  record_id      BINARY(16)   NOT NULL,
  name_index     BINARY(32)   NOT NULL COMMENT 'keyed blind index: one name once',
  sealed         VARBINARY(1024) NOT NULL COMMENT 'the name: AES-256-GCM, key id in front',
  seal_key       INT UNSIGNED NOT NULL,
  created_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY age_record_alias_name (record_id, name_index),
  KEY age_record_alias_seal (seal_key, id),
  CONSTRAINT age_record_alias_record FOREIGN KEY (record_id) REFERENCES age_record (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='stage and companion names';
