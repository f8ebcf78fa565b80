<?php
// SPDX-License-Identifier: Apache-2.0
/*
 * The peer that tools/bench measures Bonafide against: what a careful PHP developer would write for
 * the same two requests. PHP-FPM with opcache, a persistent PDO connection over the same socket, the
 * same keyed hash of the key, the same look-ups and inserts. Prepared statements are either PDO's
 * default (it writes the values into the SQL text: one round trip each, the fastest there is in PHP)
 * or real ones, as this product uses and as frameworks set it; the address says which.
 */
declare(strict_types=1);

const TENANT_MISSING = '{"error":{"code":"UNAUTHORIZED","message":"Missing or invalid API key.","details":{}}}';
const NOT_FOUND = '{"error":{"code":"VERIFICATION_NOT_FOUND","message":"There is no such verification.","details":{}}}';

function answer(int $status, string $body): void
{
    http_response_code($status);
    header('Content-Type: application/json; charset=utf-8');
    header('Cache-Control: no-store');
    header('X-Content-Type-Options: nosniff');
    header('X-Request-Id: req_' . bin2hex(random_bytes(13)));
    echo $body;
}

function uuid7(): string
{
    $ms = (int) (microtime(true) * 1000);
    $bytes = substr(pack('J', $ms), 2) . random_bytes(10);
    $bytes[6] = chr((ord($bytes[6]) & 0x0f) | 0x70);
    $bytes[8] = chr((ord($bytes[8]) & 0x3f) | 0x80);
    return $bytes;
}

function object_of(array $row): string
{
    return json_encode(['data' => [
        'id' => 'ver_' . bin2hex($row['id']), 'status' => $row['status'],
        'country' => $row['country'], 'id_type' => $row['id_type'],
        'external_ref' => $row['external_ref'],
        'created_at' => gmdate('Y-m-d\TH:i:s\Z', strtotime($row['created_at'] . ' UTC')),
        'completed_at' => $row['completed_at'] === null ? null
            : gmdate('Y-m-d\TH:i:s\Z', strtotime($row['completed_at'] . ' UTC')),
        'score' => $row['score'] === null ? null : (int) $row['score'],
    ]], JSON_UNESCAPED_SLASHES);
}

/* The first look-up: whose key is it. */
function tenant(PDO $db): ?array
{
    $header = $_SERVER['HTTP_AUTHORIZATION'] ?? '';
    if (!str_starts_with($header, 'Bearer ')) {
        return null;
    }
    $hash = hash_hmac('sha256', substr($header, 7), $_SERVER['PEER_PEPPER'], true);
    $find = $db->prepare('SELECT k.application_id, k.environment, k.scopes, o.status FROM api_key k '
        . 'JOIN application a ON a.id = k.application_id '
        . 'JOIN organization o ON o.id = a.organization_id '
        . 'WHERE k.hash = ? AND k.revoked_at IS NULL');
    $find->execute([$hash]);
    $row = $find->fetch(PDO::FETCH_ASSOC);
    return $row === false || $row['status'] !== 'active' ? null : $row;
}

/* The second: the verification. */
function show(PDO $db, array $tenant, string $id): void
{
    $find = $db->prepare('SELECT id, status, country, id_type, external_ref, created_at, completed_at, '
        . 'score FROM verification WHERE application_id = ? AND id = ?');
    $find->execute([$tenant['application_id'], hex2bin($id)]);
    $row = $find->fetch(PDO::FETCH_ASSOC);
    $row === false ? answer(404, NOT_FOUND) : answer(200, object_of($row));
}

/* Four inserts in one transaction, as the gateway makes them. */
function verify(PDO $db, array $tenant): void
{
    $in = json_decode(file_get_contents('php://input'), true, 16, JSON_THROW_ON_ERROR);
    foreach (['id_type', 'country', 'id_number', 'first_name', 'last_name', 'date_of_birth'] as $field) {
        if (!isset($in[$field]) || !is_string($in[$field]) || $in[$field] === '') {
            answer(400, '{"error":{"code":"VALIDATION_ERROR","message":"invalid","details":{}}}');
            return;
        }
    }
    $key = hash('sha256', $_SERVER['PEER_PEPPER'], true);
    $nonce = random_bytes(12);
    $sealed = openssl_encrypt(json_encode($in), 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $nonce, $tag);
    $index = hash_hmac('sha256', $in['country'] . "\0" . $in['id_number'], $key, true);
    $id = uuid7();
    $now = gmdate('Y-m-d H:i:s.v');
    $app = $tenant['application_id'];
    $db->beginTransaction();
    $db->prepare('INSERT INTO verification (application_id, id, environment, kind, status, country, '
        . 'id_type, provider, external_ref, score_requested, id_number_index, sealed, seal_key, '
        . 'created_at) VALUES (?, ?, ?, \'kyc\', \'pending\', ?, ?, \'sandbox\', ?, 0, ?, ?, 1, ?)')
        ->execute([$app, $id, $tenant['environment'], $in['country'], $in['id_type'],
            $in['external_ref'] ?? null, $index, $nonce . $sealed . $tag, $now]);
    $db->prepare('INSERT INTO work (id, kind, subject_id, lane, due_at, attempt, failures, created_at) '
        . 'VALUES (?, \'peer_submit\', ?, \'peer\', ?, 0, 0, ?)')->execute([uuid7(), $id, $now, $now]);
    $db->prepare('INSERT INTO usage_event (application_id, id, environment, event_type, '
        . 'verification_id, created_at) VALUES (?, ?, ?, \'kyc.verification\', ?, ?)')
        ->execute([$app, uuid7(), $tenant['environment'], $id, $now]);
    $slot = getmypid() % 64;
    $db->prepare('INSERT INTO counter (application_id, name, environment, status, slot, n) VALUES '
        . '(?, \'verification\', ?, \'pending\', ?, 1), (?, \'usage\', ?, \'\', ?, 1) '
        . 'ON DUPLICATE KEY UPDATE n = n + VALUES(n)')
        ->execute([$app, $tenant['environment'], $slot, $app, $tenant['environment'], $slot]);
    $db->commit();
    answer(202, object_of(['id' => $id, 'status' => 'pending', 'country' => $in['country'],
        'id_type' => $in['id_type'], 'external_ref' => $in['external_ref'] ?? null,
        'created_at' => $now, 'completed_at' => null, 'score' => null]));
}

$db = new PDO('mysql:unix_socket=' . $_SERVER['PEER_SOCKET'] . ';dbname=bonafide;charset=utf8mb4',
    $_SERVER['PEER_USER'], $_SERVER['PEER_PASSWORD'], [PDO::ATTR_PERSISTENT => true,
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
// A persistent connection keeps its attributes, so this is said each time.
$db->setAttribute(PDO::ATTR_EMULATE_PREPARES, !str_starts_with($_SERVER['REQUEST_URI'], '/real/'));
$tenant = tenant($db);
if ($tenant === null) {
    answer(401, TENANT_MISSING);
} elseif ($_SERVER['REQUEST_METHOD'] === 'POST') {
    verify($db, $tenant);
} else {
    show($db, $tenant, basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)));
}
