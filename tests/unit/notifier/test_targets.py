"""Where webhooks may go."""

from ipaddress import ip_address

import pytest

from services.notifier.channels.targets import ForbiddenTarget, is_public, parsed, resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1",
        "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_local_and_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_other_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]:8443/hook",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https:///hook",
        "file:///etc/passwd",
        "//example.com/hook",
        "https://example.com:99999/",
    ],
)
def test_strange_urls_are_refused(url: str) -> None:
    with pytest.raises(ForbiddenTarget):
        parsed(url, allow_private=False)


async def test_a_name_that_leads_home_is_refused() -> None:
    with pytest.raises(ForbiddenTarget):
        await resolve("https://localhost/hook", allow_private=False)


async def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ForbiddenTarget):
        await resolve(f"https://{'a' * 70}.example/hook", allow_private=False)


async def test_the_checked_address_is_the_one_that_is_called() -> None:
    target = await resolve("http://localhost:8080/hook?x=1", allow_private=True)
    assert target.url.host in ("127.0.0.1", "::1")
    assert (target.host, target.host_header) == ("localhost", "localhost:8080")
    assert target.url.raw_path == b"/hook?x=1"
