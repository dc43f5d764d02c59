"""Which addresses may be asked, and how Ollama writes its own."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.addresses import is_own_permission, normal_base_url, ollama_base_url

# As Ollama's own tests have it, but for addresses that stand for all, which no client can ask.
OLLAMA = {
    "": "http://127.0.0.1:11434",
    "1.2.3.4": "http://1.2.3.4:11434",
    ":1234": "http://127.0.0.1:1234",
    "1.2.3.4:1234": "http://1.2.3.4:1234",
    "example.com": "http://example.com:11434",
    "example.com:1234": "http://example.com:1234",
    ":66000": "http://127.0.0.1:11434",
    ":-1": "http://127.0.0.1:11434",
    "host:": "http://host:11434",
    "host:port": "http://host:11434",
    "[::1]": "http://[::1]:11434",
    "[::]": "http://[::1]:11434",
    "::": "http://[::1]:11434",
    "::1": "http://[::1]:11434",
    "[::1]:1337": "http://[::1]:1337",
    " 1.2.3.4 ": "http://1.2.3.4:11434",
    '"1.2.3.4"': "http://1.2.3.4:11434",
    ' " 1.2.3.4 " ': "http://1.2.3.4:11434",
    "'1.2.3.4'": "http://1.2.3.4:11434",
    "http://1.2.3.4": "http://1.2.3.4:80",
    "http://1.2.3.4:4321": "http://1.2.3.4:4321",
    "https://1.2.3.4": "https://1.2.3.4:443",
    "https://1.2.3.4:4321": "https://1.2.3.4:4321",
    "https://example.com/ollama": "https://example.com:443/ollama",
    "https://example.com/ollama/": "https://example.com:443/ollama",
    "0.0.0.0": "http://127.0.0.1:11434",  # noqa: S104 - nothing is bound here
    "0.0.0.0:80": "http://127.0.0.1:80",
    "http://0.0.0.0:80": "http://127.0.0.1:80",
    "ollama.com": "https://ollama.com:443",
}


@pytest.mark.parametrize(("text", "expected"), OLLAMA.items())
def test_ollama_addresses_mean_what_ollama_means(text: str, expected: str) -> None:
    """Scheme, port and quotes as Ollama reads them."""
    assert normal_base_url(ollama_base_url(text), allow_private=True) == expected


GOOD = {
    "https://host/v1": "https://host/v1",
    "https://HOST.example./v1/": "https://host.example/v1",
    "https://host:8443": "https://host:8443",
    "https://host:/": "https://host",
    "http://localhost:9000/v1": "http://localhost:9000/v1",
    "http://localhost.": "http://localhost",
    "http://127.1:80": "http://127.0.0.1:80",
    "http://0x7f000001": "http://127.0.0.1",
    "http://10.0.0.5:9000": "http://10.0.0.5:9000",
    "http://[::1]:9000/v1": "http://[::1]:9000/v1",
    "http://[0:0:0:0:0:0:0:1]": "http://[::1]",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "HTTPS://host": "https://host",
}


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_a_url_has_one_spelling(text: str, expected: str) -> None:
    """Lower case, plain addresses, no slash at the end."""
    assert normal_base_url(text, allow_private=False) == expected
    assert normal_base_url(expected, allow_private=False) == expected


BAD = [
    "",
    "host",
    "//host",
    "ftp://host",
    "https://",
    "https:///v1",
    "https://user@host",
    "https://user:password@host",
    "https://@host",
    "https://host?",
    "https://host?a=b",
    "https://host#",
    "https://ho st",
    "https://host\n.evil.example",
    "https://host\\evil.example",
    "https://bücher.example",
    "https://①.example",
    "https://host..example",
    "https://-host",
    "https://host%2eexample",
    "https://host:0",
    "https://host:99999",
    "https://host:x",
    "https://host/../v1",
    "https://host/./v1",
    "https://[::1",
    "https://[host]",
    "https://[v1.host]",
    "https://[fe80::1%25eth0]",
    "https://[::2%25eth0]",
    "https://1.2.3.4.5",
    "https://256.1.1.1",
    "https://0x",
    "https://host.1",
    "https://0",
    "https://0.0.0.0",
    "https://[::]",
    "https://224.0.0.1",
    "https://[ff02::1]",
    "https://" + "a." * 130 + "a",
    # link-local, in all its dresses
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254.",
    "https://2852039166",
    "https://0xa9fea9fe",
    "https://0XA9FEA9FE",
    "https://0251.0376.0251.0376",
    "https://169.254.43518",
    "https://169.16689662",
    "https://0xa9.254.0251.254",
    "https://[fe80::1]",
    "https://[::ffff:169.254.169.254]",
    "https://[::ffff:a9fe:a9fe]",
    "https://[::169.254.169.254]",
    "https://[64:ff9b::a9fe:a9fe]",
    "https://[2002:a9fe:a9fe::1]",
]


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("allow_private", [False, True])
def test_other_urls_are_refused(text: str, allow_private: bool) -> None:
    """Whatever is permitted, and without quoting the URL, which may hold a password."""
    with pytest.raises(ValueError, match="; ") as caught:
        normal_base_url(text, allow_private=allow_private)

    assert "password" not in str(caught.value).replace("user name or password", "")
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://host", "http://host.internal:9000/v1", "http://localhost.example"])
def test_plain_http_to_a_name_needs_permission(text: str) -> None:
    """A literal address says itself where it lies; a name does not."""
    assert normal_base_url(text, allow_private=True) == text
    with pytest.raises(ValueError, match="allow_private"):
        normal_base_url(text, allow_private=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://10.0.0.1:80/v1", True),
        ("http://[::1]", True),
        ("http://localhost:1", True),
        ("https://host", False),
        ("https://host1.example2", False),
        ("", False),
    ],
)
def test_a_literal_address_is_its_own_permission(url: str, expected: bool) -> None:
    """So is localhost; no other name is."""
    assert is_own_permission(url) == expected


@given(st.integers(0, 2**16 - 1), st.integers(0, 3), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_no_spelling_of_a_link_local_address_passes(low: int, parts: int, form: str) -> None:
    """As one number or up to four parts, decimal, hexadecimal or octal."""
    numbers = [169, 254, low >> 8, low & 255][:parts]
    rest = ((169 << 24) + (254 << 16) + low) & ((1 << (8 * (4 - parts))) - 1)
    host = ".".join(form.format(number) for number in [*numbers, rest])

    with pytest.raises(ValueError, match="link-local"):
        normal_base_url(f"https://{host}", allow_private=True)


@given(st.text(st.characters(codec=None)) | st.text("0123456789.:[]/'\"x@%htps"))
def test_any_text_is_a_good_url_or_a_problem(text: str) -> None:
    """For OLLAMA_HOST, and as a base URL; what passes is absolute, names no user and no link-local host."""
    for url in (text, ollama_base_url(text)):
        try:
            parts = urlsplit(normal_base_url(url, allow_private=True))
        except ValueError:
            continue
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "@" not in parts.netloc
        assert (parts.query, parts.fragment) == ("", "")
        try:
            address = ipaddress.ip_address(parts.hostname)
        except ValueError:
            continue
        assert not address.is_link_local
