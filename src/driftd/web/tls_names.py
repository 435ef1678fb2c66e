"""Names that Prometheus' web configuration file has from Go, and what OpenSSL and Python call the same."""

from collections.abc import Mapping
from ssl import TLSVersion, VerifyMode

VERSIONS: Mapping[str, TLSVersion] = {"TLS12": TLSVersion.TLSv1_2, "TLS13": TLSVersion.TLSv1_3}

CLIENT_AUTH: Mapping[str, VerifyMode] = {
    "NoClientCert": VerifyMode.CERT_NONE,
    "VerifyClientCertIfGiven": VerifyMode.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": VerifyMode.CERT_REQUIRED,
}
#: Kinds that ask for a certificate and believe whatever is sent.
UNVERIFIED = frozenset({"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"})

#: Suites for TLS 1.2 (RFC 5289, RFC 7905, RFC 8422), by the names of the IANA registry.
CIPHERS: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
#: Suites of TLS 1.3, which are not chosen.
FIXED_CIPHERS = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})

CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
