-- SPDX-License-Identifier: Apache-2.0
-- 0009: people: their accounts, what they are in organisations, and where they are logged in.
--
-- An address is personal, so it is sealed, and found again by a keyed index of its folded form. An
-- account exists from when its address was proven; what comes before that is a registration, which
-- holds the password that was asked for with its own code: a code that somebody else had sent proves
-- nothing about the password of the account. An address that has an account gets registrations as any
-- other does, whose codes are never sent: so whoever registers it is answered the same.

CREATE TABLE account (
  id            BINARY(16)   NOT NULL,
  email_index   BINARY(32)   NOT NULL COMMENT 'keyed index of the folded address',
  sealed        VARBINARY(1024) NOT NULL COMMENT 'the address as it was written: AES-256-GCM, key id in front',
  seal_key      INT UNSIGNED NOT NULL COMMENT 'key id of sealed, so that a rotation finds the rest',
  password      VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'argon2id, with its parameters',
  language      CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of mails; NULL: as the setting says',
  created_at    DATETIME(3)  NOT NULL,
  last_login_at DATETIME(3)  NULL,
  disabled_at   DATETIME(3)  NULL COMMENT 'by an operator',
  PRIMARY KEY (id),
  UNIQUE KEY account_email (email_index),
  KEY account_seal (seal_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a person who manages organisations';

CREATE TABLE registration (
  id          BINARY(16)   NOT NULL,
  email_index BINARY(32)   NOT NULL,
  sealed      VARBINARY(1024) NOT NULL COMMENT 'the address: AES-256-GCM, key id in front',
  seal_key    INT UNSIGNED NOT NULL,
  password    VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'argon2id, with its parameters',
  language    CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of mails; NULL: as the setting says',
  code_hash   BINARY(32)   NOT NULL COMMENT 'HMAC-SHA256 under the pepper',
  code_tries  INT          NOT NULL COMMENT 'wrong codes since this one was sent',
  created_at  DATETIME(3)  NOT NULL,
  code_sent_at    DATETIME(3) NOT NULL,
  code_expires_at DATETIME(3) NOT NULL,
  expires_at  DATETIME(3)  NOT NULL COMMENT 'until when a new code can be asked for',
  PRIMARY KEY (id),
  KEY registration_email (email_index, id),
  KEY registration_expiry (expires_at),
  KEY registration_seal (seal_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='an account to be, once its address is proven';

-- One row per address that was tried, whether or not there is an account: what it shows is the same.
CREATE TABLE address_guard (
  email_index  BINARY(32)  NOT NULL,
  failures     INT         NOT NULL COMMENT 'attempts to log in since the last success',
  locked_until DATETIME(3) NULL,
  resent_at    DATETIME(3) NULL COMMENT 'when a new code was last asked for',
  told_at      DATETIME(3) NULL COMMENT 'when its owner was last told of the account there is',
  updated_at   DATETIME(3) NOT NULL,
  PRIMARY KEY (email_index),
  KEY address_guard_age (updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='how often an address was tried; a row goes when it says nothing any more';

CREATE TABLE account_session (
  id         BINARY(16)  NOT NULL COMMENT 'the sid of its tokens',
  account_id BINARY(16)  NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL COMMENT 'of its newest refresh token',
  ended_at   DATETIME(3) NULL COMMENT 'logged out, or a spent token came again',
  PRIMARY KEY (id),
  KEY account_session_by_account (account_id, id),
  KEY account_session_expiry (expires_at),
  CONSTRAINT account_session_account FOREIGN KEY (account_id) REFERENCES account (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one login and the tokens that came of it';

CREATE TABLE refresh_token (
  hash       BINARY(32)  NOT NULL COMMENT 'HMAC-SHA256 under the pepper; the token itself is never stored',
  session_id BINARY(16)  NOT NULL,
  created_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  spent_at   DATETIME(3) NULL,
  PRIMARY KEY (hash),
  KEY refresh_token_session (session_id),
  KEY refresh_token_expiry (expires_at),
  CONSTRAINT refresh_token_session FOREIGN KEY (session_id) REFERENCES account_session (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='each works once';

-- An invitation is a membership that nobody has taken up: it has an address and no account. It is
-- taken up when the person of that address proves it or logs in, so that inviting tells nothing about
-- who has an account.
CREATE TABLE membership (
  id              BINARY(16)   NOT NULL,
  organization_id BINARY(16)   NOT NULL,
  account_id      BINARY(16)   NULL COMMENT 'NULL: invited',
  email_index     BINARY(32)   NOT NULL,
  sealed          VARBINARY(1024) NOT NULL COMMENT 'the address: AES-256-GCM, key id in front',
  seal_key        INT UNSIGNED NOT NULL,
  role            VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ROLE',
  created_at      DATETIME(3)  NOT NULL,
  joined_at       DATETIME(3)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY membership_once (organization_id, email_index),
  KEY membership_account (account_id, organization_id),
  KEY membership_email (email_index),
  KEY membership_seal (seal_key, id),
  CONSTRAINT membership_org FOREIGN KEY (organization_id) REFERENCES organization (id),
  CONSTRAINT membership_account_fk FOREIGN KEY (account_id) REFERENCES account (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what a person may do in an organisation';
