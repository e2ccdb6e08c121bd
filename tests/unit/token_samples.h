/*
 * jwt_samples.h - written by jwt_samples.py.
 */
#define NOW INT64_C(2000000000)
#define SECRET                                                         \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
	"cdef"
#define OTHER                                                          \
	"fedcba9876543210fedcba9876543210fedcba9876543210fedcba987654" \
	"3210"
#define PEM_RSA                                                        \
	"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" \
	"MIIBCgKCAQEAym5r6RPNY1SVbAH5U47n\nPlZtL3fnf6VyT9/Mjo5hmCW8uF" \
	"ReJ1rbIubhfT7wc34Fogj61t08rL2bsl1XfD2n\n1ReuvgyD7qSUNWzloEDx" \
	"5XuLN/nP2TMEAEeVll3Y223SOgRTFblfydE0JntMS+lB\nwi3baaI3prauKY" \
	"UuR8qPZhmNh/8+lrFGkn/1nOk61cQlgRfUIOCde+b1oiKV6+Bx\nqcgq14mL" \
	"eoKzRPwmT4uy9YvuxJzRkvLdeF45L2vpkNtvLtGAqsx3hMSnHois6IP+\nFs" \
	"ut+Ll5taLb9OIaINfdmxPwxKuy10tpq2MKHWe5Q/35GuXtY0gsZc9/g9pXtc" \
	"qd\n6wIDAQAB\n-----END PUBLIC KEY-----\n"
#define PEM_ES256                                                      \
	"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD" \
	"QgAE3CRmOeWPHdLyDOOwkuNdxUqVy5ix\nBzyfyXhmD3WQ6+2eagqJOOyarB" \
	"ZhKjPyT3KFvgzRH7LrgT97mhz1uyOQIQ==\n-----END PUBLIC KEY-----" \
	"\n"
#define PEM_ES384                                                      \
	"-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE" \
	"WoD6JJVChi0O+RZEt4KoX8nsnhejgaJ9\n+D82mRUsT1J9+kL08SCn1vN8+I" \
	"kykVfNJM9pCxJC+tKIuh5WJxZ/q2Lsuc4NDP85\nfGEz4Pmuu4HqhggHLxtw" \
	"Bejfai8lefGt\n-----END PUBLIC KEY-----\n"
#define PEM_ES512                                                      \
	"-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GG" \
	"AAQB7FI6v2ArOQpjvb/S+Mskmda/q/wq\nP/jrSTMHm/XAhyzpIY4mEmdrQY" \
	"sqjtIc2WmEXAgeVErU8fVhKTcoNtvVRl8B0kGs\nDuIqpAJTGUpYiyILY5hY" \
	"RNXQGcDj4HGSKY2Fn14uqychaKkd0G+0l6mkjumeYGCj\nNHL6mTkxGbDtUY" \
	"UlsdA=\n-----END PUBLIC KEY-----\n"
#define PEM_ED25519                                                    \
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA/2YaHaHG+qOqVMQ5" \
	"XK3V42sGtenAzhFtpGbKyQ0utH4=\n-----END PUBLIC KEY-----\n"
#define PEM_OTHER_ED25519                                              \
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAU7RAMfnKrsjZhg8P" \
	"X1aYPKZhivuZxdOuLLyg/9G+7/w=\n-----END PUBLIC KEY-----\n"
#define FOR_FEED                                                       \
	"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO" \
	"iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlzcyI6Imh0dHBzOi8vaWQuZXhhb" \
	"XBsZSIsIm5hbWUiOiJBZGEgTC4iLCJhdWQiOlsib3RoZXIiLCJmZWVkIl19." \
	"mz6DG4V-XUCcAwsm_oX2yi_WE0EceXCG7YFGGpfF6ic"

struct sample {
	const char *what, *token, *why; /* NULL: it is good */
};

static const struct sample samples[] = {
	{ "HS256",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    NULL },
	{ "HS384",
	    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.UUa2X4g2HnQerd4pmdAK6L6phGHX"
	    "ULjjjnnvwGcpVX7tC1fV0x5zhJvAy9n6MA5A",
	    NULL },
	{ "HS512",
	    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.ZTR253d77LKcDp5mDksfgK9c5ra_"
	    "IrvQTHQG23uJKD-GT3I6fb1FfyO1mRuGAIToND8SHK8ggneC3cpVES768Q",
	    NULL },
	{ "RS256",
	    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.bhRXtqSF1M7j80jI1tBftzVd6i23"
	    "wddkvXobIAJ5dTOKLwK_wCKy4mn735H8jhHhDj1I3jbaRgi8H-xbrxpE0Pv2"
	    "CgnreoNSuvUPQuLGJVXY09YG4Gzeq1j_OtJ25ZDm3beemLs9neKN_AofmGwx"
	    "0Wg4nchKi9AGKkCGSu2qEdpzvtU155VBT6LbHp9iFp7vpAB-QXzUPdl1rdP0"
	    "qunW2F7oPJJmFQGQ1xHjI9ZFvlWjIbTW_hjZFOYyF7q41awAvCSDFACJNQFr"
	    "8ATQE7OPNqL33TF4FBEJZVfJ7Q0nbmVyq13lknayggs0Q9HPL3LomRag0v0b"
	    "u86LB-0nQluQaA",
	    NULL },
	{ "RS384",
	    "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.nk_l3CXXLD9-xL4cmFp_FM61Ib_s"
	    "SeP7q5IHB4NDeEsvDPE_k2Szl5RvZK8h5LLg77Lu-0kzw7G9mvBTd-D1sx6-"
	    "WDFJWtI3g1fGlYmJtZQ9XgopJQ1MzoBZLwGo0G37mRmqVxD00TDszX_zuV5f"
	    "pQE-8lnpYnq_noo2LIPQG1td1UvvToLeaktAyoduPghKgjn9eKRgJ2OuCTLb"
	    "J2Ecqbo0UMbsMYwkAJz2MRIDpCQvTDhMl8SSrzzrqPuJSwQrOk6wjaEPVE0x"
	    "iAmI8lmHlgpZUrPf79bFgAaqEPuOanD1RblldITKbroWAljTb9Vchw80PwNq"
	    "Ra-vLKw-WiEOVg",
	    NULL },
	{ "RS512",
	    "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.KR7Wz9OowDzQu1imFtkgeX7itgic"
	    "vZVQzhg6YCV6LRh9_zmpPLxhNo5Jwdhk3IExy6DLKQjtdBDAugdb2pr7S-GP"
	    "QoeZe33evqzbfJ4RyRimCtrK2TXSBWI1erNL-LfSliwiEhlcNIGo1VORQeo_"
	    "mjsEvcXczDU2YHaT9o2Tm64ExEBIUXQM9p8dxjqm-BdHi6IkraANf2SZ66GK"
	    "mBM9e_JOEzkUoRmcUMWGWPvJB_uSOC6j27suKrzazJBgmNkzeUe4pOP-NBhq"
	    "J3PK1hgTdIIO-_jAHSMMQomF8oD35a4x9e1QEFK6kG1e5Otj1zU5xf_yxaZJ"
	    "gEOc_S3YV6BjQw",
	    NULL },
	{ "ES256",
	    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.iqzcs9Yz2ctxaL9GLlMm4UgNg6gA"
	    "oWcV1DFbv2EcrxYxBVPyK6KSEJAbfDZfFPzkdOhG0d0VIMKzmL7GMJLFTg",
	    NULL },
	{ "ES384",
	    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.QNunfvy87diD4pznGn-M0zzZCPnI"
	    "voXIYSoE2d8aj7pp1HGlAMYXJs33BG95BB4o-6q3-EbBeY7ybfkv0pcfty9L"
	    "pIKU-AaWV6dnoLSPz3R23fyV-ZIwr1Z0iUeyr87Q",
	    NULL },
	{ "ES512",
	    "eyJhbGciOiJFUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.AO1uzp6mEzpqUOG5X_5SBrONb23T"
	    "GUpSJVxJR54Usxj1Qui7C_ej30irTA89CN8EY-n7G7PltsBpnYHMkkxBa8Z4"
	    "AfUNzy2OkPU3CDCX80HTaHFXZPpzAVzE5RcFQGbTW_FgmnJ6XX-jroMEOT-q"
	    "LD5Xb73v1p4khEPIqYiU0gpgJYem",
	    NULL },
	{ "the second key of a kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InR3aWNlIn0.eyJz"
	    "dWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.pwVhrDGzH2GJl4t5RWrkoOn"
	    "4uHKVo5W_LtfO8w7KQSQ",
	    NULL },
	{ "the first key of a kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InR3aWNlIn0.eyJz"
	    "dWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.mTGFLXQdAPQyiew0ZRFtE6Q"
	    "9ec8f47rlFLJ1D3734c8",
	    NULL },
	{ "no kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
	    "iOjIwMDAwMDEwMDB9.xtxJkddDyW4TTahQgFpIBSMZMX8vFtBMhfwGdkkiWJ"
	    "s",
	    NULL },
	{ "no kid, and the key of one",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHA"
	    "iOjIwMDAwMDEwMDB9.yGj48e9U8S2t580uOZLeUhDRUWBMoaxwzKIRreT12d"
	    "0",
	    "the token's signature is wrong" },
	{ "unknown kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IngifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.eR3zVzU3mJi63OMMNvnmktmhtbth"
	    "1NuHzVf7mDe_2MM",
	    "no key fits the token's algorithm and key id" },
	{ "the kid *",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IioifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.pOep5mc6AVA9ThRA-LqtcufT6Rja"
	    "hU1rhY_OsAAddCs",
	    "no key fits the token's algorithm and key id" },
	{ "empty kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IiJ9.eyJzdWIiOiJ"
	    "hZGEiLCJleHAiOjIwMDAwMDEwMDB9.veWt9hvko-zDIjl5GFWpAF9_K67nRh"
	    "z6UbPn806JJ8Y",
	    "no key fits the token's algorithm and key id" },
	{ "a kid that is a number",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.eyJzdWIiOiJhZGEiLCJleHAiOjIw"
	    "MDAwMDEwMDB9.adsdfuczxU6hRCcm684Inx0DYF9RtRBO4Em3g8HGIE8",
	    "the token's key id is not a string" },
	{ "another secret",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.iOZS91cbOwFelOglasML0lD8RPUH"
	    "iqM_FT03VP8m_XU",
	    "the token's signature is wrong" },
	{ "none",
	    "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.",
	    "the token is not a JSON Web Token" },
	{ "none with a signature",
	    "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.b31weR2FT5g994SecEd6WvMChC6trzSBILscqUHsLl4",
	    "the token's algorithm is not accepted" },
	{ "None",
	    "eyJhbGciOiJOb25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.v3Jqjb6UA2aTx2pL91LWHs1qAFusqH1r24z2mTAwawg",
	    "the token's algorithm is not accepted" },
	{ "hs256",
	    "eyJhbGciOiJoczI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.28bk70Yta3Ojtux_XE_fLsVqqkV2A-Guk4ULN_LONas",
	    "the token's algorithm is not accepted" },
	{ "HS256 and NUL",
	    "eyJhbGciOiJIUzI1Nlx1MDAwMCIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiL"
	    "CJleHAiOjIwMDAwMDEwMDB9.oZJ5YTBqGz12Cmf1u4xA2GuIa7X9AEQtIah_"
	    "Aj3cexE",
	    "the token is not a JSON Web Token" },
	{ "two algs",
	    "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUiLCJraWQiOiJrIn0.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.CUm3v_7GUQ-NEDCNpwGUhgPSHSN"
	    "W5tHjYJqRLeoWr5g",
	    "the token's algorithm is not accepted" },
	{ "no alg",
	    "eyJraWQiOiJrIn0.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.xC-"
	    "I_Awk91khQdhR8VOp1B5ilfWvjRJYeB1QgO2IAwM",
	    "the token's algorithm is not accepted" },
	{ "alg as a number",
	    "eyJhbGciOjI1Niwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDA"
	    "wMDEwMDB9.HonAHjAzsWOyN7gNy38napVw9h2I9mfLPEUDuBrymzk",
	    "the token's algorithm is not accepted" },
	{ "HS256 with the public RSA key",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9._mkjpTOcuIm0CysTdplUksbVDQs3"
	    "R0KYNA6Cmjo_kuw",
	    "no key fits the token's algorithm and key id" },
	{ "HS256 with the public EC key",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.RXSD7SnP_JbYhNuVkJPNdIXnlUkV"
	    "wpgyQNDOVZtAvtM",
	    "no key fits the token's algorithm and key id" },
	{ "HS256 said to be RS256",
	    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.PAflD2hpbYD143piqtzKcSAmKdzchd2-UoLLppnI2a8",
	    "the token's signature is wrong" },
	{ "HS256 said to be HS512",
	    "eyJhbGciOiJIUzUxMiIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.RPplrVUTuSMAyI60HfFo5H0l9b-CUNnZCKDkefnjxm0",
	    "the token's signature is wrong" },
	{ "RS256 said to be ES256",
	    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.E_5iLV38monc9k1vXKE7KnOwEBucDZFQiY_ke-E8V3aW"
	    "n6C7nHiwgoS4EkSwWKOr3b--F46BPUm8CWg6NFZM0CE-QM1ApBML1v8L0AzI"
	    "pNfsZutH1N5c07Yl7KUAOaxg68uQHPwFjostwydzNhImcq-8KjPFJ5OrfmKr"
	    "E7f-f_Gf9-kSIEH53yw42prJrrM7rbWMUBgoFNU7ig-W3aVE_PuCNvxLojxz"
	    "bODMTVfmvjRALlYp2rZPKGMmsCRB92uMXMqhAQwO5sLLQmPeDTgTxazacgqZ"
	    "9ArT_1GOjhFAnc2R-qER1s_vIxYQHgWq1BxyKRYOLhc_lSNgmF6e4VyUIg",
	    "the token's signature is wrong" },
	{ "crit",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpbImV4cCJdfQ.eyJzd"
	    "WIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.Wk9oev_AJPbFipVpA1U-kHjV"
	    "lyKOjuIXNjoRngC0vKM",
	    "the token has critical extensions" },
	{ "crit, empty",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpbXX0.eyJzdWIiOiJh"
	    "ZGEiLCJleHAiOjIwMDAwMDEwMDB9.f2p4DZkKuuRErMRJCjXm93BDjL9FoQm"
	    "GQoltHV3QzO8",
	    "the token has critical extensions" },
	{ "crit null",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpudWxsfQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.f36JgsFdCUPchEW8B1KjhAhqLLc-"
	    "eTl4WR7w1D3aElU",
	    "the token has critical extensions" },
	{ "typ jwt",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJ0eXAiOiJqd3QifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.yh04a1XVHDKkYJ-2DwJpat3u56Hr"
	    "cXSxQ-sZ-3WKSDY",
	    NULL },
	{ "no typ",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.UDsAjN6MWArqQ60a_okaXUcz-89JqJWH-KtF9UD-hHo",
	    NULL },
	{ "typ JOSE",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJ0eXAiOiJKT1NFIn0.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.7lSm5Pu5cN3L98zKAwSk1f6O1B4"
	    "7fMxk3E99Q3IdMJg",
	    "the token's type is not JWT" },
	{ "a header that is an array",
	    "WyJIUzI1NiJd.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.OHCzNy"
	    "K7vyYutc6wQszuMTMSfYcu49Cnoa1FUd_hm00",
	    "the token is not a JSON Web Token" },
	{ "a header that is no JSON",
	    "eydhbGcnOidIUzI1Nid9.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB"
	    "9.Jg510DUJ7EcbSTd551_FyUpQkJa5JbY0RR46bmUi0lk",
	    "the token is not a JSON Web Token" },
	{ "expired",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjE5OTk5OTk5NzB9.aTR92WGmCaibfRdNhbxq1XECPV3j"
	    "pvJpT_JYBjUIB3E",
	    "the token has expired" },
	{ "expired within the leeway",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjE5OTk5OTk5NzF9.w9wdH147F2ecTASHk1xim5gaJcQC"
	    "3fI89kSsMJp574k",
	    NULL },
	{ "expires as a fraction",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDAwMDAuNX0.xyGEKS0-dmzH3nrayvbCFFkdV"
	    "OO2lm1prwjC0KSQ61A",
	    NULL },
	{ "expires as text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOiIyMDAwMDAwMDA5In0.47BEnWo0WENtRV2tAwoHqOvAk"
	    "QwEY9iDNSGQkPM5Oq4",
	    "the token's times are not numbers of seconds" },
	{ "expires null",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOm51bGx9.N9Oscyq8lPjmoRwCBVCgleZvpthiKB-oRO7l"
	    "7MonqWw",
	    "the token's times are not numbers of seconds" },
	{ "expires before 1970",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOi0xfQ.pcXZwaUwFdjT4RBmh4UT4HO45bUth4F1qOIXLC"
	    "xiSxM",
	    "the token's times are not numbers of seconds" },
	{ "expires after all",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjFlMzAwfQ.kvX37l32RQXvoIb0umG-85J6GsterWkO41"
	    "YVgndN2ZM",
	    "the token's times are not numbers of seconds" },
	{ "expires at no number",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOk5hTn0.zrXakSJ46DzZj3NsCBbmEtZUIVz3Q19vD1bIF"
	    "Okl1qA",
	    "the token is not a JSON Web Token" },
	{ "does not expire",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEifQ.MAonz8unuy2tV5Evvvs6e2JqTpQqFaKEJoLNLwPt_VA",
	    "the token does not say when it expires" },
	{ "not before now",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIm5iZiI6MjAwMDAwMDAwMH0.S8X8U"
	    "SUEWFTUVjLHF3S16GpkjvZmQIOgEPAdu8xVfOA",
	    NULL },
	{ "not before within the leeway",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIm5iZiI6MjAwMDAwMDAzMH0.35ESf"
	    "yylXcz70JOhJKY3Ka9WWZ44VTCJw0yNelqRhP4",
	    NULL },
	{ "not before later",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIm5iZiI6MjAwMDAwMDAzMX0.YS1el"
	    "1BtSTfm4zOLsFtVYqXT8TBCbcuQqma7daqOpn0",
	    "the token is not valid yet" },
	{ "not before as text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIm5iZiI6IjEifQ.oYHGTbtVU_ghEC"
	    "bX5b_lztx7r_TXTSKQgFDzdkpnGx8",
	    "the token's times are not numbers of seconds" },
	{ "issued later",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlhdCI6MjAwMDAwMDAzMX0.vDJC6"
	    "34t0nVj9vfmT6NaNg_90DlaeyUr2GW0Mo5xrBg",
	    "the token is not valid yet" },
	{ "issued as text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlhdCI6IngifQ.DbkTQt-4-pwEcr"
	    "JbeYXZBtbzW588tVJVjIPse71a4mc",
	    "the token's times are not numbers of seconds" },
	{ "nobody",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJleHAiO"
	    "jIwMDAwMDEwMDB9.rpR7a2FXlyAoCBBnzElNwxxkico-YeUjk5ckoynmm5E",
	    "the token does not name a user" },
	{ "an empty name",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIiLCJleHAiOjIwMDAwMDEwMDB9.VQ9jtRpZijHimgl40V3J9DQ4NiI4R2OB"
	    "wCssb-tMcK8",
	    "the token does not name a user" },
	{ "a number",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "jcsImV4cCI6MjAwMDAwMTAwMH0.lA0QBVn9W-BMpwm30ws1tI06D9uzff4bg"
	    "t7TvbY3Bw8",
	    "the user in the token (claim sub, or what jwt_user says) is not a string: \"42\", not 42" },
	{ "everybody",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIqIiwiZXhwIjoyMDAwMDAxMDAwfQ.wQjt1b3km8wwNFHLkmn2Wer2x-G8pI"
	    "PDgafLkIAZa-Y",
	    "the token does not name a user" },
	{ "everybody known",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIrIiwiZXhwIjoyMDAwMDAxMDAwfQ.iWdARCKQshSFLazcAS71-XsUXhAMN4"
	    "mp-DHBJvkfQV8",
	    "the token does not name a user" },
	{ "a name of two lines",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhXG5iIiwiZXhwIjoyMDAwMDAxMDAwfQ.s6lkaoeIek_K7lgMfNVW4x_oAD"
	    "tJS8g2eEJGY96acTE",
	    "the token does not name a user" },
	{ "a long name",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIiwiZXhwIjoyMDAwM"
	    "DAxMDAwfQ.Z2rS34Kg73og_JEFn0oLlp-y_YvSXBmo0tyAoh89unc",
	    "the token does not name a user" },
	{ "the longest name",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJleHAiOjIwMDAwM"
	    "DEwMDB9.GDfqK5grWp49TiSHoKgQHDZmfZvcp7FAiUV_cPg2scc",
	    NULL },
	{ "NUL",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdTAwMDAifQ.ehRYvI8luR"
	    "oxyrETRUTWmaNlCeOx2NLw9_1kddVVueI",
	    "the token is not a JSON Web Token" },
	{ "a backslash and u0000",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcXHUwMDAwIn0.fH_F-ZYx6"
	    "hIKVj017GJx24f9WwzED_sVNlPajgmuq18",
	    NULL },
	{ "half a pair",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4MDAifQ.-ycqNMnSnj"
	    "OVMAxeUoctODckYAKZlZ8LZrxrJvZo4Bw",
	    "the token is not a JSON Web Token" },
	{ "the other half",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWRjMDAifQ.UAaqp35O4n"
	    "OHYT_59RaDtSd5ftEgTyUO5-BQD7ak65s",
	    "the token is not a JSON Web Token" },
	{ "two first halves",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4MDBcdWQ4MDBcdWRjM"
	    "DAifQ.KCKDt2tN49etJa3S1Z8bj94vBZLc2y4L1pgxcZSlf6w",
	    "the token is not a JSON Web Token" },
	{ "a pair",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4M2RcdWRlMDAifQ.t7"
	    "ERexZ3ipIL-hdKv3aqYEUYTwHe02S93Dk0GW1NReM",
	    NULL },
	{ "a number without end",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOjFlOTk5OTl9.r2-ahfIbPYpH"
	    "1Daop42RGZOu0or7CgQq2w8yH7hUfDI",
	    "the token is not a JSON Web Token" },
	{ "no UTF-8",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiL_In0.ipcXWXZcEuXPAUbQ8"
	    "rq6C8ddcistkd7e_nbRTI397kk",
	    "the token is not a JSON Web Token" },
	{ "deep",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOltbW1tbW1tbW1tbW1tbW1tbW"
	    "1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tdXV1dXV1dXV1dXV1dXV1dXV1dXV1dX"
	    "V1dXV1dXV1dXV1dXV1dXV1dfQ.z8Rg3r14f2R83DznVFRZ6O215n8FSu8Jos"
	    "nXo_9ou0M",
	    "the token is not a JSON Web Token" },
	{ "first of the header",
	    "AyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "the token is not a JSON Web Token" },
	{ "other claims",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJldmUiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "the token's signature is wrong" },
	{ "first of the signature",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.A3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "the token's signature is wrong" },
	{ "bits that are left over",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqN",
	    "the token is not a JSON Web Token" },
	{ "cut",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLq",
	    "the token is not a JSON Web Token" },
	{ "signature of another",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.iOZS91cbOwFelOglasML0lD8RPUH"
	    "iqM_FT03VP8m_XU",
	    "the token's signature is wrong" },
	{ "no signature",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.",
	    "the token is not a JSON Web Token" },
	{ "no dot",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9",
	    "the token is not a JSON Web Token" },
	{ "one more part",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM.x",
	    "the token is not a JSON Web Token" },
	{ "padding",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM=",
	    "the token is not a JSON Web Token" },
	{ "blank before",
	    " eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJ"
	    "sEatCc9C9OzrQLqM",
	    "the token is not a JSON Web Token" },
	{ "line behind",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM\n",
	    "the token is not a JSON Web Token" },
	{ "plus",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ+.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJ"
	    "sEatCc9C9OzrQLqM",
	    "the token is not a JSON Web Token" },
	{ "nothing", "", "the token is not a JSON Web Token" },
	{ "dots", "..", "the token is not a JSON Web Token" },
	{ "no header",
	    ".eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9m"
	    "GEuzgzCHJsEatCc9C9OzrQLqM",
	    "the token is not a JSON Web Token" },
	{ "no claims",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ..H3_Z3UBm"
	    "fb5PX5UL9mGEuzgzCHJsEatCc9C9OzrQLqM",
	    "the token is not a JSON Web Token" },
};

static const struct sample eddsa_samples[] = {
	{ "EdDSA",
	    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.GmjDoSB43e4MqG2kA5BDNjwmH1r"
	    "S163DrLe0p_PouEpkPyeUQCCijuvLWHddJ5OPcXqdWN6eVqUGimvCFm6fCQ",
	    NULL },
	{ "EdDSA with another key",
	    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.itoFXpQOge_vb75p7D3EDl2Aa_e"
	    "6DcNKYpJfpK-lllVK38bqOnhcfrz5I37NPUcd2uy977wUbl28sdvgg8ceCA",
	    "the token's signature is wrong" },
	{ "EdDSA with other claims",
	    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJzdWIi"
	    "OiJldmUiLCJleHAiOjIwMDAwMDEwMDB9.GmjDoSB43e4MqG2kA5BDNjwmH1r"
	    "S163DrLe0p_PouEpkPyeUQCCijuvLWHddJ5OPcXqdWN6eVqUGimvCFm6fCQ",
	    "the token's signature is wrong" },
	{ "EdDSA with the kid of an RSA key",
	    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.cVDiO0vf1yJexEwIicf66U-RcxkA"
	    "OharXNegC9LVaokYolcjMbV1jmJR9iNgZjucn8BGUoN-0osiWOg4TT14Aw",
	    "no key fits the token's algorithm and key id" },
	{ "HS256 said to be EdDSA",
	    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0.eyJzdWIiOiJhZGEiLCJleHAi"
	    "OjIwMDAwMDEwMDB9.mqi3LHKLkwRamCK-tUtbWV3i53HvKoorYiRqR9ZzoRw",
	    "the token's signature is wrong" },
	{ "HS256 with the public Ed25519 key, said to be EdDSA",
	    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0.eyJzdWIiOiJhZGEiLCJleHAi"
	    "OjIwMDAwMDEwMDB9.UciVoh95KdCyLd7SOl9MKyWVVNx1jtnftW2buRjA8XM",
	    "the token's signature is wrong" },
};
