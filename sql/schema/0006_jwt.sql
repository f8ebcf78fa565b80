-- SPDX-License-Identifier: Apache-2.0
-- 0006: the keys that sign access tokens.
--
-- A key is published before it signs, so that every worker of every host knows it by then, and for as
-- long as a token that it signed can be valid. It is revoked by deleting its row.

CREATE TABLE jwt_key (
  id         BINARY(16)      NOT NULL COMMENT 'the kid of its tokens, there as text',
  public_jwk VARCHAR(2048)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as it is published (RFC 7517)',
  sealed     VARBINARY(8192) NOT NULL COMMENT 'the JWK with its private half: AES-256-GCM, key id in front',
  seal_key   INT UNSIGNED    NOT NULL COMMENT 'key id of sealed, so that a rotation finds the rest',
  created_at DATETIME(3)     NOT NULL,
  signs_at   DATETIME(3)     NOT NULL COMMENT 'from when it signs',
  retired_at DATETIME(3)     NULL COMMENT 'from when another one signs; NULL: none was made',
  expires_at DATETIME(3)     NULL COMMENT 'of a retired one: when the last token that it signed ends',
  PRIMARY KEY (id),
  KEY jwt_key_expiry (expires_at),
  KEY jwt_key_seal (seal_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what signs access tokens, and what verifies them';
