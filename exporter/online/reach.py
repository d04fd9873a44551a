"""Whether a source can be reached, and whether TLS works there."""

from collections.abc import Iterator

from exporter.blueking import BadRequest, BlueKingError, TimedOut
from exporter.config import SourceSettings, format_duration
from exporter.online.asking import Told
from exporter.online.checks import Check, Verdict
from exporter.online.places import Place, endpoints_of, place_of
from exporter.online.remedies import words

_NAME = "reach"
# OpenSSL's errors come under these words, which stay in the message of ours.
_TLS = "[SSL"
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


def reach_checks(source: SourceSettings, told: Told) -> Iterator[Check]:
    """Yield a check for each place where the source has endpoints: mostly one, two where gateway and ESB share."""
    for place in dict.fromkeys(place_of(source, endpoint) for endpoint in endpoints_of(source)):
        error = _error_at(place, source, told)
        if place in told.answered:
            yield _reached(source, place)
        elif error is None:
            yield Check(source.name, _NAME, Verdict.NOT_CHECKED, f"{place.host}: there was nothing to ask")
        else:
            found = f"{place.host}: {'TLS failed: ' if _TLS in str(error) else ''}{words(error)}"
            yield Check(source.name, _NAME, Verdict.FAILED, found, (_advice(source, place, error),))


def _error_at(place: Place, source: SourceSettings, told: Told) -> BlueKingError | None:
    errors = (told.error(endpoint) for endpoint in endpoints_of(source) if place_of(source, endpoint) == place)
    return next((error for error in errors if error is not None), None)


def _reached(source: SourceSettings, place: Place) -> Check:
    if not place.has_tls:
        return Check(source.name, _NAME, Verdict.OK, f"{place.host} answers, without TLS")
    if not source.tls.insecure_skip_verify:
        return Check(source.name, _NAME, Verdict.OK, f"{place.host} answers over TLS, its certificate is trusted")
    found = f"{place.host} answers over TLS, its certificate was not looked at"
    advice = "tls.insecure_skip_verify is for tests: give the authority that signed the certificate in tls.ca_file"
    return Check(source.name, _NAME, Verdict.WARNING, found, (advice,))


def _advice(source: SourceSettings, place: Place, error: BlueKingError) -> str:
    if _UNTRUSTED in str(error):
        return f"give the authority that signed the certificate in tls.ca_file; is the certificate for {place.key}?"
    if _TLS in str(error):
        return f"does this port speak TLS ({place.key}: https), and does it ask for a certificate (tls.cert_file)?"
    if isinstance(error, TimedOut):
        return f"is a firewall in between, or is timeout ({format_duration(source.timeout)}) too short?"
    if isinstance(error, BadRequest):
        return f"correct {place.key}, headers, tls or proxy_url"
    return f"is {place.key} right, does the server run, and may this machine connect (firewall, proxy_url)?"
