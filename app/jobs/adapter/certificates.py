"""Certificates: how they are made, and whether one can be used. The one module that knows `cryptography`.

Each certificate has an authority of its own, whose key is thrown away: nobody can make another by it, so
that to believe it is to believe this certificate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jobs.adapter.terms import Pair

_SKEW = timedelta(minutes=5)
"""How far the clocks of those who check may be behind."""


class Unusable(Exception):
    """This cannot be shown; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Certified:
    """A certificate with its key, and the authority by which it is believed, as PEM."""

    pair: Pair
    authority: str


def issue(names: Iterable[str], life: timedelta) -> Certified:
    """A new certificate for these DNS names, valid from now on."""
    asked = list(names)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    own_name = _name(f"{asked[0][:40]} authority {x509.random_serial_number() % 10**10}")
    authority = (
        _builder(own_name, own_name, authority_key.public_key(), authority_key.public_key(), life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name(asked[0][:64]), own_name, key.public_key(), authority_key.public_key(), life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in asked]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return Certified(pair=Pair(certificate=_pem(certificate), key=_key_pem(key)), authority=_pem(authority))


def ends_at(certificate: str) -> datetime:
    """Until when a certificate, as PEM, is valid."""
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def usable_until(certified: Certified, names: Iterable[str]) -> datetime:
    """Until when a certificate can be shown for these names.

    Raises:
        Unusable: it cannot: it is none, or over, of other names, or of another key or authority.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certified.pair.certificate.encode())
        authority = x509.load_pem_x509_certificate(certified.authority.encode())
        key = serialization.load_pem_private_key(certified.pair.key.encode(), password=None)
        certificate.verify_directly_issued_by(authority)
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise Unusable(f"{type(error).__name__}: {error}".rstrip(": ")) from None
    if key.public_key() != certificate.public_key():
        raise Unusable("the key is of another certificate")
    if missing := sorted(set(names) - set(said.get_values_for_type(x509.DNSName))):
        raise Unusable(f"it is not for {missing[0]}")
    until = min(certificate.not_valid_after_utc, authority.not_valid_after_utc)
    if until <= datetime.now(UTC):
        raise Unusable("it is over")
    return until


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    life: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=False,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
