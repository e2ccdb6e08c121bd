#!/usr/bin/python3
"""Writes token_samples.h: tokens and keys made by others than libjwt.

    python3 token_samples.py > token_samples.h

It takes python3-cryptography, and makes new keys each time. Times: the tests
say that it is 2000000000, NOW; tokens are made for 1000 seconds from there.
"""
import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec, ed25519, padding, rsa, utils)

NOW = 2000000000
SECRET = b"0123456789abcdef" * 4
OTHER = b"fedcba9876543210" * 4
RSA = rsa.generate_private_key(65537, 2048)
EC = {"ES256": ec.generate_private_key(ec.SECP256R1()),
      "ES384": ec.generate_private_key(ec.SECP384R1()),
      "ES512": ec.generate_private_key(ec.SECP521R1())}
ED = {name: ed25519.Ed25519PrivateKey.generate() for name in ("ED25519", "OTHER_ED25519")}
DIGEST = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
GOOD = {"sub": "ada", "exp": NOW + 1000}


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value):
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return b64(value)


def signature(alg, text, key):
    if alg.startswith("HS"):
        return hmac.new(key, text, getattr(hashlib, "sha" + alg[2:])).digest()
    if alg == "EdDSA":
        return key.sign(text)
    if alg.startswith("RS"):
        return key.sign(text, padding.PKCS1v15(), DIGEST[alg[2:]])
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(DIGEST[alg[2:]])))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def token(claims=None, alg="HS256", key=SECRET, header=None, kid="k"):
    """header replaces all of it; alg is how it is signed all the same."""
    if header is None:
        header = {"alg": alg, "typ": "JWT"}
        if kid is not None:
            header["kid"] = kid
    text = part(header) + "." + part(GOOD if claims is None else claims)
    return text + "." + b64(signature(alg, text.encode(), key))


def with_claim(**claims):
    return token({**GOOD, **claims})


def without(name):
    return token({k: v for k, v in GOOD.items() if k != name})


def replaced(text, index, new):
    parts = text.split(".")
    parts[index] = new
    return ".".join(parts)


def flipped(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


SHAPE = "the token is not a JSON Web Token"
NO_ALG = "the token's algorithm is not accepted"
NO_KEY = "no key fits the token's algorithm and key id"
WRONG = "the token's signature is wrong"
CRIT = "the token has critical extensions"
NO_EXP = "the token does not say when it expires"
TIMES = "the token's times are not numbers of seconds"
EXPIRED = "the token has expired"
EARLY = "the token is not valid yet"
NOBODY = "the token does not name a user"
NO_STRING = ('the user in the token (claim sub, or what jwt_user says) is not a'
             ' string: "42", not 42')
good = token()

SAMPLES = [
    # what each algorithm says
    *((alg, token(alg=alg), None) for alg in ("HS256", "HS384", "HS512")),
    *((alg, token(alg=alg, key=RSA, kid="r"), None)
      for alg in ("RS256", "RS384", "RS512")),
    *((alg, token(alg=alg, key=key, kid="e"), None) for alg, key in EC.items()),
    # which key
    ("the second key of a kid", token(kid="twice", key=OTHER), None),
    ("the first key of a kid", token(kid="twice"), None),
    ("no kid", token(kid=None), None),
    ("no kid, and the key of one", token(kid=None, key=OTHER), WRONG),
    ("unknown kid", token(kid="x"), NO_KEY),
    ("the kid *", token(kid="*"), NO_KEY),
    ("empty kid", token(kid=""), NO_KEY),
    ("a kid that is a number", token(header={"alg": "HS256", "kid": 1}),
     "the token's key id is not a string"),
    ("another secret", token(key=OTHER), WRONG),
    # which algorithm
    ("none", replaced(token(header={"alg": "none", "kid": "k"}), 2, ""), SHAPE),
    ("none with a signature", token(header={"alg": "none", "kid": "k"}), NO_ALG),
    ("None", token(header={"alg": "None", "kid": "k"}), NO_ALG),
    ("hs256", token(header={"alg": "hs256", "kid": "k"}), NO_ALG),
    ("HS256 and NUL", token(header='{"alg":"HS256\\u0000","kid":"k"}'), SHAPE),
    ("two algs", token(header='{"alg":"HS256","alg":"none","kid":"k"}'), NO_ALG),
    ("no alg", token(header={"kid": "k"}), NO_ALG),
    ("alg as a number", token(header={"alg": 256, "kid": "k"}), NO_ALG),
    ("HS256 with the public RSA key", token(key=pem(RSA), kid="r"), NO_KEY),
    ("HS256 with the public EC key", token(key=pem(EC["ES256"]), kid="e"), NO_KEY),
    ("HS256 said to be RS256",
     token(header={"alg": "RS256", "kid": "r"}, key=pem(RSA)), WRONG),
    ("HS256 said to be HS512", token(header={"alg": "HS512", "kid": "k"}), WRONG),
    ("RS256 said to be ES256",
     token(header={"alg": "ES256", "kid": "e"}, alg="RS256", key=RSA), WRONG),
    # the header
    ("crit", token(header={"alg": "HS256", "kid": "k", "crit": ["exp"]}), CRIT),
    ("crit, empty", token(header={"alg": "HS256", "kid": "k", "crit": []}), CRIT),
    ("crit null", token(header='{"alg":"HS256","kid":"k","crit":null}'), CRIT),
    ("typ jwt", token(header={"alg": "HS256", "kid": "k", "typ": "jwt"}), None),
    ("no typ", token(header={"alg": "HS256", "kid": "k"}), None),
    ("typ JOSE", token(header={"alg": "HS256", "kid": "k", "typ": "JOSE"}),
     "the token's type is not JWT"),
    ("a header that is an array", token(header=["HS256"]), SHAPE),
    ("a header that is no JSON", token(header="{'alg':'HS256'}"), SHAPE),
    # times
    ("expired", with_claim(exp=NOW - 30), EXPIRED),
    ("expired within the leeway", with_claim(exp=NOW - 29), None),
    ("expires as a fraction", with_claim(exp=NOW + 0.5), None),
    ("expires as text", with_claim(exp=str(NOW + 9)), TIMES),
    ("expires null", with_claim(exp=None), TIMES),
    ("expires before 1970", with_claim(exp=-1), TIMES),
    ("expires after all", token('{"sub":"ada","exp":1e300}'), TIMES),
    ("expires at no number", token('{"sub":"ada","exp":NaN}'), SHAPE),
    ("does not expire", without("exp"), NO_EXP),
    ("not before now", with_claim(nbf=NOW), None),
    ("not before within the leeway", with_claim(nbf=NOW + 30), None),
    ("not before later", with_claim(nbf=NOW + 31), EARLY),
    ("not before as text", with_claim(nbf="1"), TIMES),
    ("issued later", with_claim(iat=NOW + 31), EARLY),
    ("issued as text", with_claim(iat="x"), TIMES),
    # who
    ("nobody", without("sub"), NOBODY),
    ("an empty name", with_claim(sub=""), NOBODY),
    ("a number", with_claim(sub=7), NO_STRING),
    ("everybody", with_claim(sub="*"), NOBODY),
    ("everybody known", with_claim(sub="+"), NOBODY),
    ("a name of two lines", with_claim(sub="a\nb"), NOBODY),
    ("a long name", with_claim(sub="a" * 256), NOBODY),
    ("the longest name", with_claim(sub="a" * 255), None),
    # what jsonb would not take
    ("NUL", token('{"sub":"ada","exp":2000001000,"x":"\\u0000"}'), SHAPE),
    ("a backslash and u0000",
     token('{"sub":"ada","exp":2000001000,"x":"\\\\u0000"}'), None),
    ("half a pair", token('{"sub":"ada","exp":2000001000,"x":"\\ud800"}'), SHAPE),
    ("the other half", token('{"sub":"ada","exp":2000001000,"x":"\\udc00"}'), SHAPE),
    ("two first halves",
     token('{"sub":"ada","exp":2000001000,"x":"\\ud800\\ud800\\udc00"}'), SHAPE),
    ("a pair", token('{"sub":"ada","exp":2000001000,"x":"\\ud83d\\ude00"}'), None),
    ("a number without end",
     token('{"sub":"ada","exp":2000001000,"x":1e99999}'), SHAPE),
    ("no UTF-8", token(b'{"sub":"ada","exp":2000001000,"x":"\xff"}'), SHAPE),
    ("deep", token('{"sub":"ada","exp":2000001000,"x":' + "[" * 40 + "]" * 40 + "}"),
     SHAPE),
    # tampered with
    ("first of the header", flipped(good, 0), SHAPE),
    ("other claims", replaced(good, 1, part({**GOOD, "sub": "eve"})), WRONG),
    ("first of the signature", flipped(good, good.rindex(".") + 1), WRONG),
    ("bits that are left over", good[:-1] + chr(ord(good[-1]) + 1), SHAPE),
    ("cut", good[:-1], SHAPE),
    ("signature of another", replaced(good, 2, token(key=OTHER).split(".")[2]), WRONG),
    ("no signature", good[:good.rindex(".") + 1], SHAPE),
    ("no dot", good[:good.rindex(".")], SHAPE),
    ("one more part", good + ".x", SHAPE),
    ("padding", good + "=", SHAPE),
    ("blank before", " " + good, SHAPE),
    ("line behind", good + "\n", SHAPE),
    ("plus", good.replace(".", "+.", 1), SHAPE),
    ("nothing", "", SHAPE),
    ("dots", "..", SHAPE),
    ("no header", "." + good.split(".", 1)[1], SHAPE),
    ("no claims", replaced(good, 1, ""), SHAPE),
]


ed_good = token(alg="EdDSA", key=ED["ED25519"], kid="ed")

# With a libjwt that has it; one that has not takes none of them.
EDDSA = [
    ("EdDSA", ed_good, None),
    ("EdDSA with another key", token(alg="EdDSA", key=ED["OTHER_ED25519"], kid="ed"), WRONG),
    ("EdDSA with other claims", replaced(ed_good, 1, part({**GOOD, "sub": "eve"})), WRONG),
    ("EdDSA with the kid of an RSA key",
     token(alg="EdDSA", key=ED["ED25519"], kid="r"), NO_KEY),
    ("HS256 said to be EdDSA", token(header={"alg": "EdDSA", "kid": "ed"}), WRONG),
    ("HS256 with the public Ed25519 key, said to be EdDSA",
     token(header={"alg": "EdDSA", "kid": "ed"}, key=pem(ED["ED25519"])), WRONG),
]


def literal(text):
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    pieces = [text[i:i + 60] for i in range(0, len(text), 60)] or [""]
    return "\n\t    ".join(f'"{piece}"' for piece in pieces)


def define(name, text):
    print(f"#define {name} " + literal(text).replace("\n", " \\\n"))


print("/*\n * token_samples.h - written by token_samples.py.\n */")
print(f"#define NOW INT64_C({NOW})")
define("SECRET", SECRET.decode())
define("OTHER", OTHER.decode())
for name, key in {"RSA": RSA, **EC, **ED}.items():
    define("PEM_" + name, pem(key).decode())
define("FOR_FEED", token({**GOOD, "iss": "https://id.example",
                          "name": "Ada L.", "aud": ["other", "feed"]}))
print("\nstruct sample {\n\tconst char *what, *token, *why; /* NULL: it is good */\n};")
for name, table in {"samples": SAMPLES, "eddsa_samples": EDDSA}.items():
    print(f"\nstatic const struct sample {name}[] = {{")
    for what, text, why in table:
        print(f'\t{{ "{what}",\n\t    {literal(text)},\n\t    '
              + (f'"{why}"' if why else "NULL") + " },")
    print("};")
