"""A real broker that asks who is there: TLS with SCRAM-SHA-512 on one listener, with client certificates on another.

The tests themselves come in through a third, plain one on the loopback interface.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from broker import LocalBroker, free_ports, local_broker

USER = "driftd"
PASSWORD = "pass-phrase-73f1"
_JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True, slots=True)
class SecureBroker:
    """The broker, its addresses, and files that its clients need."""

    broker: LocalBroker
    scram_servers: str
    certificate_servers: str
    authority: Path  # who signed the broker's certificate
    stranger: Path  # some other authority
    certificate: Path  # of a client
    key: Path

    def scram_client(self) -> dict[str, str]:
        """Return the properties of a client that comes with a password, without it."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "ssl.ca.location": str(self.authority),
        }

    def certificate_client(self) -> dict[str, str]:
        """Return the properties of a client that comes with a certificate."""
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.authority),
            "ssl.certificate.location": str(self.certificate),
            "ssl.key.location": str(self.key),
        }


@contextmanager
def secure_broker(folder: Path) -> Iterator[SecureBroker]:
    """Run such a broker, with keys and certificates in ``folder``. Raises BrokerUnavailable."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "stranger.pem"))
    _write_identity(authority, folder / "broker")
    _write_identity(authority, folder / "client")
    keys = folder / "broker.keystore.pem"
    keys.write_text((folder / "broker.key.pem").read_text() + (folder / "broker.pem").read_text())
    scram_port, certificate_port = free_ports(2)
    listeners = {"SASL_SSL": f"127.0.0.1:{scram_port}", "SSL": f"127.0.0.1:{certificate_port}"}
    properties = {
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT"  # the controller is the broker itself
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keys),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _JAAS,
    }
    user = ("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]")
    with local_broker(properties, listeners, user) as broker:
        yield SecureBroker(
            broker=broker,
            scram_servers=listeners["SASL_SSL"],
            certificate_servers=listeners["SSL"],
            authority=folder / "authority.pem",
            stranger=folder / "stranger.pem",
            certificate=folder / "client.pem",
            key=folder / "client.key.pem",
        )


def _write_identity(authority: trustme.CA, stem: Path) -> None:
    """Write a certificate for this machine, and its key in the one form that Kafka reads (PKCS 8)."""
    identity = authority.issue_cert("127.0.0.1", "localhost")
    key = load_pem_private_key(identity.private_key_pem.bytes(), password=None)
    stem.with_suffix(".key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    stem.with_suffix(".pem").write_bytes(b"".join(blob.bytes() for blob in identity.cert_chain_pems))
