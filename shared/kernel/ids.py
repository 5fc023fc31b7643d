"""Identities that every service can derive by itself, so that no lookup and no counter is needed."""

import base64
from datetime import datetime
from struct import unpack_from
from uuid import NAMESPACE_URL, UUID, uuid5

COMPLAINT, WORK_ORDER, CLOCK_SET, NOTICE, DIRECTORY = "cmp_", "wo_", "clk_", "ntc_", "dir_"
POLICY, CALENDAR = "pol_", "cal_"


def complaint_id(source: str, external_id: str) -> str:
    """The complaint that `source` knows as `external_id`, for ever the same."""
    return COMPLAINT + uuid5(NAMESPACE_URL, f"{source}\n{external_id}").hex


def sibling(aggregate_id: str, prefix: str) -> str:
    """The id of the complaint, work order or clock set that belongs to the same complaint."""
    return prefix + aggregate_id.partition("_")[2]


def derived(prefix: str, *parts: str) -> str:
    """An id that is a function of its parts: the same cause always makes the same aggregate."""
    return prefix + uuid5(NAMESPACE_URL, "\n".join(parts)).hex


def complaint_number(aggregate_id: str, received_on: datetime) -> str:
    """What people are told and write down: `C`, the date of receipt, eight base-32 characters of the id."""
    raw = UUID(hex=aggregate_id.partition("_")[2]).bytes
    return f"C{received_on:%Y%m%d}{base64.b32encode(raw[:5]).decode()}"


def murmur2(key: bytes) -> int:
    """Kafka's 32-bit hash of a record key: what finds a key's partition, and here its timer slot."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    hashed = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for word in unpack_from(f"<{whole // 4}I", key):
        k = word * m & mask
        hashed = (hashed * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if whole < len(key):
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * m & mask
    hashed = (hashed ^ hashed >> 13) * m & mask
    return hashed ^ hashed >> 15
