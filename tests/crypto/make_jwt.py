#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tokens and keys in jwt/ and the fuzzer's corpus, with PyJWT and the cryptography
library as the other side. Keys are made anew, so all files change together.

Needs python3-jwt. Run: tests/crypto/make_jwt.py
"""
import base64
import hashlib
import hmac
import json
import os

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = 'a secret of at least 32 bytes, for tests'
NOW = 1_800_000_000


def number(n, size=None):
    raw = n.to_bytes(size or (n.bit_length() + 7) // 8, 'big')
    return encode(raw)


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def rsa_jwk(key, **more):
    numbers = key.public_key().public_numbers()
    return {'kty': 'RSA', 'n': number(numbers.n), 'e': number(numbers.e), **more}


def ec_jwk(key, crv='P-256', size=32, **more):
    numbers = key.public_key().public_numbers()
    return {'kty': 'EC', 'crv': crv, 'x': number(numbers.x, size), 'y': number(numbers.y, size),
            **more}


def raw_token(header, claims, signer):
    """A token with a header and claims of any bytes."""
    text = encode(header) + '.' + encode(claims)
    return text + '.' + encode(signer(text.encode()))


def by_secret(text, digest=hashlib.sha256, secret=SECRET):
    return hmac.new(secret.encode(), text, digest).digest()


def write(name, text):
    with open(os.path.join(HERE, name), 'w', encoding='utf-8') as f:
        f.write(text)


def claims(**more):
    return {'sub': 'ada', 'exp': NOW + 60, 'iss': 'issuer', 'aud': 'models', 'roles': ['write'],
            **more}


def without(name):
    return {k: v for k, v in claims().items() if k != name}


def secret_tokens():
    def token(what, **headers):
        return jwt.encode(what, SECRET, algorithm='HS256', headers=headers or None)
    yield 'good', token(claims())
    yield 'good-audience-list', token(claims(aud=['other', 'models']))
    yield 'good-kid', token(claims(), kid='any')
    yield 'good-not-before', token(claims(nbf=NOW + 20))
    yield 'good-expired-within-leeway', token(claims(exp=NOW - 20))
    yield 'good-fraction', token(claims(exp=NOW + 0.5))
    yield 'expired', token(claims(exp=NOW - 30))
    yield 'not-yet', token(claims(nbf=NOW + 31))
    yield 'no-end', token(without('exp'))
    yield 'end-is-text', raw_token(
        b'{"alg": "HS256"}', json.dumps(claims(exp=str(NOW + 60))).encode(), by_secret)
    yield 'begin-is-text', raw_token(
        b'{"alg": "HS256"}', json.dumps(claims(nbf='now')).encode(), by_secret)
    yield 'issuer', token(claims(iss='other'))
    yield 'no-issuer', token(without('iss'))
    yield 'audience', token(claims(aud='other'))
    yield 'audience-list', token(claims(aud=['a', 'b']))
    yield 'no-audience', token(without('aud'))
    yield 'wrong-secret', jwt.encode(claims(), 'x' * 32, algorithm='HS256')
    yield 'hs512', jwt.encode(claims(), SECRET, algorithm='HS512')
    yield 'none', jwt.encode(claims(), None, algorithm='none')
    yield 'none-with-signature', raw_token(
        b'{"alg": "none"}', json.dumps(claims()).encode(), by_secret)
    yield 'crit', raw_token(
        b'{"alg": "HS256", "crit": ["b64"], "b64": false}', json.dumps(claims()).encode(), by_secret)
    yield 'kid-is-number', raw_token(
        b'{"alg": "HS256", "kid": 1}', json.dumps(claims()).encode(), by_secret)
    yield 'no-alg', raw_token(b'{}', json.dumps(claims()).encode(), by_secret)
    yield 'alg-twice', raw_token(
        b'{"alg": "none", "alg": "HS256"}', json.dumps(claims()).encode(), by_secret)
    yield 'claims-are-a-list', raw_token(b'{"alg": "HS256"}', b'[1]', by_secret)
    yield 'claims-are-no-json', raw_token(b'{"alg": "HS256"}', b'{"exp": 1', by_secret)
    good = jwt.encode(claims(), SECRET, algorithm='HS256')
    yield 'no-signature', good.rsplit('.', 1)[0] + '.'
    yield 'padded', good + '='
    yield 'two-parts', good.rsplit('.', 1)[0]
    yield 'four-parts', good + '.x'
    head, body, tail = good.split('.')
    yield 'changed-claims', '.'.join([head, encode(json.dumps(claims(roles=['admin'])).encode()), tail])
    yield 'odd-characters', '.'.join([head, body, tail[:-2] + '+/'])


def public_tokens(pem, rsa_key, small, curve, p384, stranger):
    def token(key, algorithm, **headers):
        return jwt.encode(claims(), key, algorithm=algorithm, headers=headers or None)
    yield 'rs256', token(rsa_key, 'RS256', kid='rsa-1')
    yield 'rs256-no-kid', token(rsa_key, 'RS256')
    yield 'es256', token(curve, 'ES256', kid='ec-1')
    yield 'rs256-as-es256-kid', token(rsa_key, 'RS256', kid='ec-1')
    yield 'rs256-unknown-kid', token(stranger, 'RS256', kid='rsa-2')
    yield 'rs256-stranger', token(stranger, 'RS256', kid='rsa-1')
    yield 'rs256-stranger-no-kid', token(stranger, 'RS256')
    yield 'rs384', token(rsa_key, 'RS384', kid='rsa-1')
    yield 'ps256', token(rsa_key, 'PS256', kid='rsa-1')
    yield 'es384', token(p384, 'ES384', kid='ec-1')
    yield 'small-rsa', token(small, 'RS256', kid='small')
    # The public key as the secret of an HMAC, for who takes the algorithm from the token.
    yield 'public-key-as-secret', raw_token(
        b'{"alg": "HS256", "kid": "rsa-1"}', json.dumps(claims()).encode(),
        lambda text: by_secret(text, secret=pem))


def main():
    rsa_key = rsa.generate_private_key(65537, 2048)
    small = rsa.generate_private_key(65537, 1024)
    stranger = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    p384 = ec.generate_private_key(ec.SECP384R1())
    pem = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    off_curve = {**ec_jwk(curve, kid='off'), 'y': encode(b'\x01' * 32)}
    keys = [rsa_jwk(rsa_key, kid='rsa-1', use='sig', alg='RS256'),
            ec_jwk(curve, kid='ec-1'),
            rsa_jwk(small, kid='small'),
            ec_jwk(p384, 'P-384', 48, kid='p384'),
            off_curve,
            rsa_jwk(stranger, kid='rsa-2', use='enc'),
            rsa_jwk(stranger, kid='rsa-3', alg='RS512'),
            {'kty': 'oct', 'k': encode(SECRET.encode()), 'kid': 'secret'},
            {'kty': 'OKP', 'crv': 'Ed25519', 'x': encode(b'\x02' * 32)}]
    write('jwt/keys.json', json.dumps({'keys': keys}, indent=1) + '\n')
    tokens = dict(secret_tokens())
    tokens.update(public_tokens(pem, rsa_key, small, curve, p384, stranger))
    write('jwt/tokens.txt', ''.join(f'{name} {token}\n' for name, token in tokens.items()))
    for name in ('good', 'rs256', 'es256', 'hs512', 'crit', 'four-parts'):
        write('corpus/jwt/' + name, tokens[name])
    write('corpus/jwt/keys', json.dumps({'keys': keys[:2]}))


if __name__ == '__main__':
    main()
