-- SPDX-License-Identifier: Apache-2.0
-- 0005: tokens: what an organisation has left, every change of it, and what each event cost.
--
-- The balance is a row of its own, because every paid request of an organisation locks it: last, and
-- for no longer than that statement and the commit take. Every organisation has one from the beginning,
-- and what is paid for takes from it in the very statement that finds out whether there is enough. The
-- sum of an organisation's entries is its balance.

CREATE TABLE token_balance (
  organization_id BINARY(16)  NOT NULL,
  balance         BIGINT      NOT NULL,
  updated_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (organization_id),
  CONSTRAINT token_balance_org FOREIGN KEY (organization_id) REFERENCES organization (id),
  CONSTRAINT token_balance_floor CHECK (balance >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what an organisation can spend';

INSERT INTO token_balance (organization_id, balance, updated_at)
SELECT id, 0, created_at FROM organization;

CREATE TABLE token_entry (
  organization_id BINARY(16)   NOT NULL,
  id              BINARY(16)   NOT NULL COMMENT 'in order of time',
  application_id  BINARY(16)   NULL COMMENT 'who spent; NULL for what an operator did',
  kind            VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def TOKEN',
  subject_id      BINARY(16)   NULL COMMENT 'the verification or session it was for',
  delta           BIGINT       NOT NULL COMMENT 'negative: spent',
  key_id          BINARY(16)   NULL COMMENT 'the API key that spent; NULL: an operator or the batch',
  note            VARCHAR(200) NULL COMMENT 'the operator''s words; nothing personal',
  created_at      DATETIME(3)  NOT NULL,
  PRIMARY KEY (organization_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='every change of a balance';

ALTER TABLE usage_event ADD tokens BIGINT NOT NULL DEFAULT 0 COMMENT 'what it cost';

-- A score that is asked for with its verification is paid then and computed when it is decided.
ALTER TABLE verification ADD score_tokens BIGINT NOT NULL DEFAULT 0 COMMENT 'paid for a score to come';
