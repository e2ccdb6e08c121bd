/*
 * token_samples.h - written by token_samples.py.
 */
#define NOW INT64_C(2000000000)
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
	    "cdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba987654" \
	    "3210"
#define PEM_RSA "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" \
	    "MIIBCgKCAQEAx1yP7X6lQ3YOYe25Mp+U\nhfZy9OEJMvn61LmWp4d5rU8a9a" \
	    "mjk/cWxuArgeqs0+QEJo6FkJdHIXY/5majJL5H\nG8YXEF5KXw0KkqqGN1wU" \
	    "/or2n4LAhE/wB+fQaytroalWWkhrqnTuycM+Lxmriyk4\n6VvjuijHOox7Ig" \
	    "/qDVAGq9IsK3sKkEYFXfr/y5nJCWhx3O/yuodJNID7ZNq0sj5i\nI+pRLOn0" \
	    "MJgeOqLo9DgoRSgzKxSAYm88r07fQq5b2eL58Fiad2HHiN3LPEWXiYrc\nNr" \
	    "4ii34lkEC3bK187NTQ5ZwK0P0B/lVff+wwqKkGbY4trqlkbDetuaVhA1zkwU" \
	    "nh\nxQIDAQAB\n-----END PUBLIC KEY-----\n"
#define PEM_ES256 "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD" \
	    "QgAEMuu34qTxcx3EzSLaFwlSJhFptPHD\nsUKc/3Oa3XPMmfw5yUq+mwlYB1" \
	    "ewIX0kDwpf6iBYhGK9Awxy/eyG6iTU0A==\n-----END PUBLIC KEY-----" \
	    "\n"
#define PEM_ES384 "-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE" \
	    "d63Hs5AtYAKaHArqjghvVDsHg84qiB3v\nDW6TQyWj/SK+mjsUpHDSDjip/X" \
	    "7RHAGKPcancBlVB9SlIi6xwwAk4QJT02t29lrB\nshSmSxUCQ2L+hXdygLha" \
	    "HHRLWiGwmu/i\n-----END PUBLIC KEY-----\n"
#define PEM_ES512 "-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GG" \
	    "AAQBfVDs07Juyq/DUAe+Lb+yeh/eMAaA\nUTy7PLeq+JgKV4fTQxvyVwYLDR" \
	    "yPkuQJumIYZOI4Cm8jFF+IwKTe/ZaSDBUBopQ3\nPn2722gQtg/qDAsFJ+qa" \
	    "PgNfYAkn/ybJ98MF/wDdp5XkR6jqRrzoHzE2UPDPZRRO\nr+Wtfos1xc95Vu" \
	    "9R+Q8=\n-----END PUBLIC KEY-----\n"
#define FOR_FEED "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO" \
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlzcyI6Imh0dHBzOi8vaWQuZXhhb" \
	    "XBsZSIsIm5hbWUiOiJBZGEgTC4iLCJhdWQiOlsib3RoZXIiLCJmZWVkIl19." \
	    "mz6DG4V-XUCcAwsm_oX2yi_WE0EceXCG7YFGGpfF6ic"

static const struct {
	const char *what, *token, *why; /* NULL: it is good */
} samples[] = {
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
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.i5pL7E0zh3TTbLjdWiW04BJH95Py"
	    "GDOsCp169W9fUo18V5wcmlBmM3bGshCcbMvzjvjmsVa_MzyxwN59vni-R9FL"
	    "87ZbrPq6xidDG2TsfdNC_qpU5TMQ-WQzlFVRpmC8Eyezxppqqpi_9A85Bmop"
	    "Is4FJHLmh4LW7oA2MYxvTzHvsthCVS5OfJZs9bXSn5csfa6tVEiUazynYWXH"
	    "cXZlCAE7AwThL9GRHFZAs_IgG2BdPBOR7rtw50VQPJfIT1ifhTSRROCYVnLJ"
	    "Nm5DyQ2NAGhNtiHSxNld4doBdunZ1WAQnubkJGGFa2n1MB-MAKQk5eQJPh_h"
	    "ZXBrj1BJ9pTYCw",
	    NULL },
	{ "RS384",
	    "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.tRyExsfrYdq0bGeGGxmUfyaM2DYA"
	    "EVwNe5VkROZyiRiFMShBcs5twYB2uSobLhxKkrDOV9yt8DaS2lcXVFG47hyM"
	    "oTUacfFc6TBgvjbEu4PsSCh5BwNtaeMgkLmQber-rfbUfwqPLsvSJykezl1N"
	    "_obGk6jVFuRtI0XoAJkasHPCLveCYFURjeElJ9rVPn-j9kO_5k7c_fNBtKrl"
	    "0FBHgbL7r13TUcFSm_uOkajtF-Q1kRzGowJBbCzHtfx0JBA9YWk8K0Ivw-wt"
	    "-TZWO61SSurHixAUuKhqzZdJbpdpJGEUauRFUr09VLLa2Yv90CdL5cBwDKoF"
	    "VQpd16xqqCARNQ",
	    NULL },
	{ "RS512",
	    "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.b4tjd-MEsH0Vh-1Gai8PzyWN6SPd"
	    "91HeIsVIdys7c6r8ymAjjqxb2krZ2Pv15XgkshoNEFce8PIjTJ2AHRxq8VRz"
	    "_UpdXMU6GpX4yGIVSQnt_-vKGtAK23LBeUnoijdSVkNA9x2u7cfZmfgIp3jI"
	    "r5mLvegdZ7K-6wicnH88cXUGOF-bE6N9gAoBY2FxJZAxUnS3JZ9wvIKcDBAk"
	    "E2CwkYd9gzB5tyvVBVPbEjUBWJtt6bBm-l5kCnfAv4q2MrG2NUdizAxJQmcN"
	    "EnB9Qa0YgjgUK0lvzoY8KO5rVB3MA1EjZZOnxcYWqZmLEPDqRcMpUqz_LaX0"
	    "PibhYM6b3aMqdg",
	    NULL },
	{ "ES256",
	    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.CyRfCkbFRSr5auWOrCJBxfZ0Pc3F"
	    "5uBE22z0gIKxDqiz6DR-HhsH5Q6JSu3UXW_784SfhLQCP7_aeiUOWQTJqQ",
	    NULL },
	{ "ES384",
	    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.rXQCJBhnD1-drDCCVMAY2D36zLUT"
	    "MdfGZh6Tld3mBaC2SgGs0E1AzRnLGaC8_WaSijB5IZkSsK5QYZslbHHMYAo5"
	    "BIyxwPAXdPL0RqALfTO0zq95AKdySBR1KiTp4yUK",
	    NULL },
	{ "ES512",
	    "eyJhbGciOiJFUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.AFwMD2rErYA8SmCYso9gGQseBgV3"
	    "0_iyyCwyReXPo8HlPes9DrHSNqwi0Xm07XEFTafM2QceaftHAUss-qQBH1pg"
	    "Aencv1NrZVL14lvrBhqRe-RQC3eZ9Cuc4lIj4t1AsM_iSfiHO0UfUlbVy_IU"
	    "BwCoC7dT5PpfzP8hWimvC-DS4Rth",
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
	    "its signature is wrong" },
	{ "unknown kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IngifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.eR3zVzU3mJi63OMMNvnmktmhtbth"
	    "1NuHzVf7mDe_2MM",
	    "no key fits its algorithm and key id" },
	{ "the kid *",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IioifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.pOep5mc6AVA9ThRA-LqtcufT6Rja"
	    "hU1rhY_OsAAddCs",
	    "no key fits its algorithm and key id" },
	{ "empty kid",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IiJ9.eyJzdWIiOiJ"
	    "hZGEiLCJleHAiOjIwMDAwMDEwMDB9.veWt9hvko-zDIjl5GFWpAF9_K67nRh"
	    "z6UbPn806JJ8Y",
	    "no key fits its algorithm and key id" },
	{ "a kid that is a number",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.eyJzdWIiOiJhZGEiLCJleHAiOjIw"
	    "MDAwMDEwMDB9.adsdfuczxU6hRCcm684Inx0DYF9RtRBO4Em3g8HGIE8",
	    "its key id is not a string" },
	{ "another secret",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.iOZS91cbOwFelOglasML0lD8RPUH"
	    "iqM_FT03VP8m_XU",
	    "its signature is wrong" },
	{ "none",
	    "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.",
	    "it is not a JSON Web Token" },
	{ "none with a signature",
	    "eyJhbGciOiJub25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.b31weR2FT5g994SecEd6WvMChC6trzSBILscqUHsLl4",
	    "its algorithm is not taken" },
	{ "None",
	    "eyJhbGciOiJOb25lIiwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjI"
	    "wMDAwMDEwMDB9.v3Jqjb6UA2aTx2pL91LWHs1qAFusqH1r24z2mTAwawg",
	    "its algorithm is not taken" },
	{ "hs256",
	    "eyJhbGciOiJoczI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.28bk70Yta3Ojtux_XE_fLsVqqkV2A-Guk4ULN_LONas",
	    "its algorithm is not taken" },
	{ "HS256 and NUL",
	    "eyJhbGciOiJIUzI1Nlx1MDAwMCIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiL"
	    "CJleHAiOjIwMDAwMDEwMDB9.oZJ5YTBqGz12Cmf1u4xA2GuIa7X9AEQtIah_"
	    "Aj3cexE",
	    "it is not a JSON Web Token" },
	{ "two algs",
	    "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUiLCJraWQiOiJrIn0.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.CUm3v_7GUQ-NEDCNpwGUhgPSHSN"
	    "W5tHjYJqRLeoWr5g",
	    "its algorithm is not taken" },
	{ "no alg",
	    "eyJraWQiOiJrIn0.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.xC-"
	    "I_Awk91khQdhR8VOp1B5ilfWvjRJYeB1QgO2IAwM",
	    "its algorithm is not taken" },
	{ "alg as a number",
	    "eyJhbGciOjI1Niwia2lkIjoiayJ9.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDA"
	    "wMDEwMDB9.HonAHjAzsWOyN7gNy38napVw9h2I9mfLPEUDuBrymzk",
	    "its algorithm is not taken" },
	{ "EdDSA",
	    "eyJhbGciOiJFZERTQSIsImtpZCI6InIifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.pO7_9jqOcejpAsP5W7ll2y0BbHokfFy5bCdQIj_D-KA",
	    "its algorithm is not taken" },
	{ "HS256 with the public RSA key",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.kZaOJ1NAe9KKAWVSFikIRCHML1tz"
	    "f4dvY231Px95g9A",
	    "no key fits its algorithm and key id" },
	{ "HS256 with the public EC key",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.JalBAPTLYv6NFvesSQ_jZ8kr1gwy"
	    "5PqdaYFUV9EXmzo",
	    "no key fits its algorithm and key id" },
	{ "HS256 said to be RS256",
	    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.5VTguiS4M-5NnOLofwT3wdTTHqXVP_Ad0-yg13M7J5M",
	    "its signature is wrong" },
	{ "HS256 said to be HS512",
	    "eyJhbGciOiJIUzUxMiIsImtpZCI6ImsifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.RPplrVUTuSMAyI60HfFo5H0l9b-CUNnZCKDkefnjxm0",
	    "its signature is wrong" },
	{ "RS256 said to be ES256",
	    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUifQ.eyJzdWIiOiJhZGEiLCJleHAiO"
	    "jIwMDAwMDEwMDB9.d7axkUCBRdT29clczBzEXPhj2BZH4XO6Q1bDFNiYANba"
	    "ZwSmKWMMSEIemQBYSlEZO6o1CgaPdPXjTEfP4ebeqEmFEYM3VxNVEvKeiHLa"
	    "1I60K1SLm1fShhqZMRVaWWzxJVMMbOPt2uLDSPspaeUNYhXl0pVl0LbsRz5D"
	    "3QSV7_AtVIweL-pgD7rHDVsPtJW7KtlhGz-YFxApKrbQtRc0yYDuSTV_1uBQ"
	    "BKF-tDMwra3hir_WtRmH1Uy4Ki9yGEErTax1z1Ivc6JKkvBcwbj1Zyov6dv9"
	    "M99kSG4-RRFmdUVeoi0lEeYPR6ejGhrN_v9-g5y_BgP1jtv0iFOs1xa1ZA",
	    "its signature is wrong" },
	{ "crit",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpbImV4cCJdfQ.eyJzd"
	    "WIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.Wk9oev_AJPbFipVpA1U-kHjV"
	    "lyKOjuIXNjoRngC0vKM",
	    "it has critical extensions" },
	{ "crit, empty",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpbXX0.eyJzdWIiOiJh"
	    "ZGEiLCJleHAiOjIwMDAwMDEwMDB9.f2p4DZkKuuRErMRJCjXm93BDjL9FoQm"
	    "GQoltHV3QzO8",
	    "it has critical extensions" },
	{ "crit null",
	    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsiLCJjcml0IjpudWxsfQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.f36JgsFdCUPchEW8B1KjhAhqLLc-"
	    "eTl4WR7w1D3aElU",
	    "it has critical extensions" },
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
	    "its type is not JWT" },
	{ "a header that is an array",
	    "WyJIUzI1NiJd.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.OHCzNy"
	    "K7vyYutc6wQszuMTMSfYcu49Cnoa1FUd_hm00",
	    "it is not a JSON Web Token" },
	{ "a header that is no JSON",
	    "eydhbGcnOidIUzI1Nid9.eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB"
	    "9.Jg510DUJ7EcbSTd551_FyUpQkJa5JbY0RR46bmUi0lk",
	    "it is not a JSON Web Token" },
	{ "expired",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjE5OTk5OTk5NzB9.aTR92WGmCaibfRdNhbxq1XECPV3j"
	    "pvJpT_JYBjUIB3E",
	    "it has expired" },
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
	    "its times are not numbers of seconds" },
	{ "expires null",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOm51bGx9.N9Oscyq8lPjmoRwCBVCgleZvpthiKB-oRO7l"
	    "7MonqWw",
	    "its times are not numbers of seconds" },
	{ "expires before 1970",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOi0xfQ.pcXZwaUwFdjT4RBmh4UT4HO45bUth4F1qOIXLC"
	    "xiSxM",
	    "its times are not numbers of seconds" },
	{ "expires after all",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjFlMzAwfQ.kvX37l32RQXvoIb0umG-85J6GsterWkO41"
	    "YVgndN2ZM",
	    "its times are not numbers of seconds" },
	{ "expires at no number",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOk5hTn0.zrXakSJ46DzZj3NsCBbmEtZUIVz3Q19vD1bIF"
	    "Okl1qA",
	    "it is not a JSON Web Token" },
	{ "does not expire",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEifQ.MAonz8unuy2tV5Evvvs6e2JqTpQqFaKEJoLNLwPt_VA",
	    "it does not say when it expires" },
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
	    "it is not valid yet" },
	{ "not before as text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIm5iZiI6IjEifQ.oYHGTbtVU_ghEC"
	    "bX5b_lztx7r_TXTSKQgFDzdkpnGx8",
	    "its times are not numbers of seconds" },
	{ "issued later",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlhdCI6MjAwMDAwMDAzMX0.vDJC6"
	    "34t0nVj9vfmT6NaNg_90DlaeyUr2GW0Mo5xrBg",
	    "it is not valid yet" },
	{ "issued as text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsImlhdCI6IngifQ.DbkTQt-4-pwEcr"
	    "JbeYXZBtbzW588tVJVjIPse71a4mc",
	    "its times are not numbers of seconds" },
	{ "nobody",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJleHAiO"
	    "jIwMDAwMDEwMDB9.rpR7a2FXlyAoCBBnzElNwxxkico-YeUjk5ckoynmm5E",
	    "it does not name a user" },
	{ "an empty name",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIiLCJleHAiOjIwMDAwMDEwMDB9.VQ9jtRpZijHimgl40V3J9DQ4NiI4R2OB"
	    "wCssb-tMcK8",
	    "it does not name a user" },
	{ "a number",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "jcsImV4cCI6MjAwMDAwMTAwMH0.lA0QBVn9W-BMpwm30ws1tI06D9uzff4bg"
	    "t7TvbY3Bw8",
	    "it does not name a user" },
	{ "everybody",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIqIiwiZXhwIjoyMDAwMDAxMDAwfQ.wQjt1b3km8wwNFHLkmn2Wer2x-G8pI"
	    "PDgafLkIAZa-Y",
	    "it does not name a user" },
	{ "everybody known",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iIrIiwiZXhwIjoyMDAwMDAxMDAwfQ.iWdARCKQshSFLazcAS71-XsUXhAMN4"
	    "mp-DHBJvkfQV8",
	    "it does not name a user" },
	{ "a name of two lines",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhXG5iIiwiZXhwIjoyMDAwMDAxMDAwfQ.s6lkaoeIek_K7lgMfNVW4x_oAD"
	    "tJS8g2eEJGY96acTE",
	    "it does not name a user" },
	{ "a long name",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY"
	    "WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIiwiZXhwIjoyMDAwM"
	    "DAxMDAwfQ.Z2rS34Kg73og_JEFn0oLlp-y_YvSXBmo0tyAoh89unc",
	    "it does not name a user" },
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
	    "it is not a JSON Web Token" },
	{ "a backslash and u0000",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcXHUwMDAwIn0.fH_F-ZYx6"
	    "hIKVj017GJx24f9WwzED_sVNlPajgmuq18",
	    NULL },
	{ "half a pair",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4MDAifQ.-ycqNMnSnj"
	    "OVMAxeUoctODckYAKZlZ8LZrxrJvZo4Bw",
	    "it is not a JSON Web Token" },
	{ "the other half",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWRjMDAifQ.UAaqp35O4n"
	    "OHYT_59RaDtSd5ftEgTyUO5-BQD7ak65s",
	    "it is not a JSON Web Token" },
	{ "two first halves",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4MDBcdWQ4MDBcdWRjM"
	    "DAifQ.KCKDt2tN49etJa3S1Z8bj94vBZLc2y4L1pgxcZSlf6w",
	    "it is not a JSON Web Token" },
	{ "a pair",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJcdWQ4M2RcdWRlMDAifQ.t7"
	    "ERexZ3ipIL-hdKv3aqYEUYTwHe02S93Dk0GW1NReM",
	    NULL },
	{ "a number without end",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOjFlOTk5OTl9.r2-ahfIbPYpH"
	    "1Daop42RGZOu0or7CgQq2w8yH7hUfDI",
	    "it is not a JSON Web Token" },
	{ "no UTF-8",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiL_In0.ipcXWXZcEuXPAUbQ8"
	    "rq6C8ddcistkd7e_nbRTI397kk",
	    "it is not a JSON Web Token" },
	{ "deep",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOltbW1tbW1tbW1tbW1tbW1tbW"
	    "1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tdXV1dXV1dXV1dXV1dXV1dXV1dXV1dX"
	    "V1dXV1dXV1dXV1dXV1dXV1dfQ.z8Rg3r14f2R83DznVFRZ6O215n8FSu8Jos"
	    "nXo_9ou0M",
	    "it is not a JSON Web Token" },
	{ "first of the header",
	    "AyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "it is not a JSON Web Token" },
	{ "other claims",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJldmUiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "its signature is wrong" },
	{ "first of the signature",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.A3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM",
	    "its signature is wrong" },
	{ "bits that are left over",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqN",
	    "it is not a JSON Web Token" },
	{ "cut",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLq",
	    "it is not a JSON Web Token" },
	{ "signature of another",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.iOZS91cbOwFelOglasML0lD8RPUH"
	    "iqM_FT03VP8m_XU",
	    "its signature is wrong" },
	{ "no signature",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.",
	    "it is not a JSON Web Token" },
	{ "no dot",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9",
	    "it is not a JSON Web Token" },
	{ "one more part",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM.x",
	    "it is not a JSON Web Token" },
	{ "padding",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM=",
	    "it is not a JSON Web Token" },
	{ "blank before",
	    " eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJ"
	    "sEatCc9C9OzrQLqM",
	    "it is not a JSON Web Token" },
	{ "line behind",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJs"
	    "EatCc9C9OzrQLqM\n",
	    "it is not a JSON Web Token" },
	{ "plus",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ+.eyJzdWIi"
	    "OiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9mGEuzgzCHJ"
	    "sEatCc9C9OzrQLqM",
	    "it is not a JSON Web Token" },
	{ "nothing",
	    "",
	    "it is not a JSON Web Token" },
	{ "dots",
	    "..",
	    "it is not a JSON Web Token" },
	{ "no header",
	    ".eyJzdWIiOiJhZGEiLCJleHAiOjIwMDAwMDEwMDB9.H3_Z3UBmfb5PX5UL9m"
	    "GEuzgzCHJsEatCc9C9OzrQLqM",
	    "it is not a JSON Web Token" },
	{ "no claims",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ..H3_Z3UBm"
	    "fb5PX5UL9mGEuzgzCHJsEatCc9C9OzrQLqM",
	    "it is not a JSON Web Token" },
	{ "too long",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiO"
	    "iJhZGEiLCJleHAiOjIwMDAwMDEwMDAsIngiOiJ4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
	    "Hh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eCJ9.Z8Kmxt-6_8pkpeYH"
	    "aG-XydI1ypZBbMJ43CRPjLDdHHI",
	    "it is longer than a token may be" },
};
