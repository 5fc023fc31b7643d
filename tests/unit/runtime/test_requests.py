"""What a client of any service can rely on: the order of checks, versions, idempotency keys, problems."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.runtime.http.problems import ProblemError, preferred_language
from shared.runtime.http.requests import decode_cursor, encode_cursor

PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "code", "errors", "trace_id"}
SEND = "/v1/parcels/prc_0/actions/send"


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) == PROBLEM_FIELDS
    assert body["trace_id"] == answer.headers["traceparent"].split("-")[1]
    return True


async def pack(client: httpx.AsyncClient, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/parcels", json=body or {"contents": "tea"}, headers=headers)


class TestOrderOfChecks:
    async def test_authentication_comes_before_everything(self, anonymous: httpx.AsyncClient) -> None:
        for path in ("/v1/parcels", "/nowhere"):
            answer = await anonymous.post(path, content=b"x" * 1_000_000, headers={"Content-Type": "text/plain"})
            assert is_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_the_body_is_read_before_the_subject_is_looked_for(self, anna: httpx.AsyncClient) -> None:
        assert is_problem(await anna.post(SEND, content=b"{"), 415, "unsupported_media_type")
        assert is_problem(await anna.post(SEND, content=b"{", headers=JSON), 400, "malformed")
        assert is_problem(await anna.post(SEND, json={"weight": -1}), 404, "not_found")

    async def test_the_subject_comes_before_the_role(self, anna: httpx.AsyncClient, bert: httpx.AsyncClient) -> None:
        assert is_problem(await bert.post(SEND, json={"weight": -1}), 404, "not_found")
        await pack(anna)
        assert is_problem(await bert.post(SEND, json={"weight": -1}), 403, "forbidden")

    async def test_the_version_comes_before_the_content(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        stale = await anna.post(SEND, json={"weight": -1}, headers={"If-Match": '"7"'})
        assert is_problem(stale, 412, "stale_version")
        assert is_problem(await anna.post(SEND, json={"weight": -1}), 422, "request_invalid")


JSON = {"Content-Type": "application/json"}


class TestBodies:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "required"),
            (b"{", "not_json"),
            (b'{"a": "\xff"}', "not_utf8"),
            (b"[" * 40 + b"]" * 40, "too_deep"),
            (b'{"a": 9223372036854775808}', "number_out_of_range"),
            (b'{"a": "\\u0000"}', "text_invalid"),
            (b'{"a": "\\ud800"}', "text_invalid"),
        ],
    )
    async def test_what_cannot_be_kept_is_malformed(
        self, anna: httpx.AsyncClient, content: bytes, reason: str
    ) -> None:
        answer = await anna.post("/v1/parcels", content=content, headers=JSON)
        assert is_problem(answer, 400, "malformed")
        assert reason in answer.json()["detail"]

    async def test_a_body_may_be_900_kib_and_not_more(self, anna: httpx.AsyncClient) -> None:
        frame = len(b'{"contents": ""}')
        fitting = b'{"contents": "%s"}' % (b"x" * (900 * 1024 - frame))
        assert (await anna.post("/v1/parcels", content=fitting, headers=JSON)).status_code == 201
        assert is_problem(await anna.post("/v1/parcels", content=fitting + b" ", headers=JSON), 413, "too_large")

    async def test_a_body_of_undeclared_length_is_limited_too(self, anna: httpx.AsyncClient) -> None:
        async def endless() -> Any:
            for _ in range(20):
                yield b" " * 100_000

        assert is_problem(await anna.post("/v1/parcels", content=endless(), headers=JSON), 413, "too_large")

    async def test_no_body_will_do_where_nothing_is_required(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        assert (await anna.post(SEND)).status_code == 200

    async def test_faults_are_pointed_to_and_not_quoted(self, anna: httpx.AsyncClient) -> None:
        answer = await pack(anna, address={"street": "the secret street of a customer"})
        assert is_problem(answer, 422, "request_invalid")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/contents", "/address/street"]
        assert "secret" not in answer.text
        assert is_problem(await anna.post("/v1/parcels", json=[1]), 422, "request_invalid")


class TestVersions:
    async def test_an_answer_carries_its_version_as_a_strong_tag(self, anna: httpx.AsyncClient) -> None:
        assert (await pack(anna)).headers["etag"] == '"1"'
        sent = await anna.post(SEND, headers={"If-Match": '"1"'})
        assert (sent.status_code, sent.headers["etag"]) == (200, '"2"')
        assert (await anna.get("/v1/parcels/prc_0")).headers["etag"] == '"2"'

    @pytest.mark.parametrize("tag", ['"2"', 'W/"1"', '"abc"', '"01"', '""'])
    async def test_another_tag_is_stale(self, anna: httpx.AsyncClient, tag: str) -> None:
        await pack(anna)
        assert is_problem(await anna.post(SEND, headers={"If-Match": tag}), 412, "stale_version")

    @pytest.mark.parametrize("tag", ["1", "", '"1", "2"', "abc"])
    async def test_what_is_no_tag_is_malformed(self, anna: httpx.AsyncClient, tag: str) -> None:
        await pack(anna)
        assert is_problem(await anna.post(SEND, headers={"If-Match": tag}), 400, "malformed")

    async def test_a_star_matches_what_exists(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        assert (await anna.post(SEND, headers={"If-Match": "*"})).status_code == 200

    async def test_the_body_may_say_the_version_too(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        assert is_problem(await anna.post(SEND, json={"expected_version": 4}), 412, "stale_version")
        assert (await anna.post(SEND, json={"expected_version": 1})).status_code == 200

    async def test_a_replacement_needs_a_condition(self, anna: httpx.AsyncClient) -> None:
        async def put(version: int, **headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return (await anna.put(f"/v1/admin/labels/{version}", headers=named)).status_code

        assert await put(3) == 428
        assert await put(3, if_match='"3"') == await put(3, if_match="*") == await put(0) == 200
        assert await put(3, if_match='"2"') == await put(0, if_match="*") == await put(3, if_none_match="*") == 412
        assert await put(0, if_none_match="*") == 200
        assert await put(0, if_none_match='"3"') == 400


class TestIdempotencyKeys:
    async def test_the_same_request_is_answered_the_same(self, anna: httpx.AsyncClient) -> None:
        first, second = await pack(anna, "k1"), await pack(anna, "k1")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.content == second.content
        assert len((await anna.get("/v1/parcels")).json()["items"]) == 1

    async def test_a_replayed_action_is_not_stale(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
        assert (await anna.post(SEND, json={}, headers=headers)).status_code == 200
        assert (await anna.post(SEND, json={}, headers=headers)).status_code == 200
        assert is_problem(await anna.post(SEND, json={"weight": 1}, headers=headers), 422, "idempotency_key_reused")

    async def test_spacing_and_order_do_not_make_another_request(self, anna: httpx.AsyncClient) -> None:
        headers = {**JSON, "Idempotency-Key": "k"}
        body = b'{"contents": "tea", "address": null}'
        await anna.post("/v1/parcels", content=body, headers=headers)
        again = await anna.post("/v1/parcels", content=b'{"address":null,"contents":"tea"}', headers=headers)
        assert again.status_code == 200

    async def test_another_body_is_refused(self, anna: httpx.AsyncClient) -> None:
        await pack(anna, "k1", contents="tea")
        assert is_problem(await pack(anna, "k1", contents="coffee"), 422, "idempotency_key_reused")

    async def test_a_refusal_is_not_remembered(self, anna: httpx.AsyncClient) -> None:
        assert is_problem(await pack(anna, "k1", contents="forbidden goods"), 422, "goods_forbidden")
        assert (await pack(anna, "k1", contents="tea")).status_code == 201

    async def test_a_key_belongs_to_its_caller(self, anna: httpx.AsyncClient, bert: httpx.AsyncClient) -> None:
        assert [(await pack(client, "k1")).status_code for client in (anna, bert)] == [201, 201]

    async def test_a_request_under_way_keeps_its_key_for_a_while(self, anna: httpx.AsyncClient, context: Any) -> None:
        context.reachable = False
        unknown = await pack(anna, "k1", contents="tea")
        assert is_problem(unknown, 503, "unavailable")
        assert unknown.headers["retry-after"]
        context.reachable = True
        assert is_problem(await pack(anna, "k1", contents="coffee"), 409, "in_progress")
        (held,) = context.database.collection("idempotency_keys")._raw.documents.values()
        held["at"] = datetime.now(UTC) - timedelta(seconds=31)
        assert (await pack(anna, "k1", contents="coffee")).status_code == 201

    async def test_a_command_id_is_a_key(self, anna: httpx.AsyncClient) -> None:
        await pack(anna)
        assert (await anna.post(SEND, json={"command_id": "c-1"})).status_code == 200
        assert (await anna.post(SEND, json={"command_id": "c-1"})).status_code == 200
        assert is_problem(await anna.post(SEND, json={"command_id": "c-2"}), 422, "already_sent")

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é".encode()])
    async def test_a_key_is_255_visible_characters(self, anna: httpx.AsyncClient, key: Any) -> None:
        answer = await anna.post("/v1/parcels", json={"contents": "tea"}, headers={"Idempotency-Key": key})
        assert is_problem(answer, 400, "malformed")


class TestProblems:
    async def test_a_bug_tells_nothing(self, anna: httpx.AsyncClient, logs: io.StringIO) -> None:
        answer = await anna.get("/v1/broken")
        assert is_problem(answer, 500, "internal")
        assert "13800138000" not in answer.text
        assert "Traceback" not in answer.text
        assert answer.json()["trace_id"] in logs.getvalue()
        assert "13800138000" not in logs.getvalue()

    async def test_paths_and_methods_that_do_not_exist(self, anna: httpx.AsyncClient) -> None:
        assert is_problem(await anna.get("/v1/nothing"), 404, "not_found")
        assert is_problem(await anna.get("/v1/parcels/"), 404, "not_found")
        answer = await anna.delete("/v1/parcels")
        assert is_problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}

    async def test_texts_come_in_the_callers_language(self, anna: httpx.AsyncClient) -> None:
        english = await anna.get("/v1/nothing")
        chinese = await anna.get("/v1/nothing", headers={"Accept-Language": "zh-CN, en;q=0.5"})
        assert (english.headers["content-language"], chinese.headers["content-language"]) == ("en", "zh")
        assert chinese.json()["title"] == "未找到"

    @pytest.mark.parametrize(
        ("accepted", "language"),
        [("", "zh"), ("en", "en"), ("de, fr", "zh"), ("zh;q=0.2, en-GB;q=0.9", "en"), ("en;q=x", "zh"), ("*", "zh")],
    )
    def test_chinese_unless_english_is_preferred(self, accepted: str, language: str) -> None:
        assert preferred_language(accepted) == language

    async def test_the_trace_of_the_caller_goes_on(self, anna: httpx.AsyncClient) -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-Id": "r-1"}
        answer = await anna.get("/v1/nothing", headers=headers)
        assert (answer.json()["trace_id"], answer.headers["x-request-id"]) == (trace, "r-1")
        other = await anna.get("/v1/nothing", headers={"traceparent": "00-xyz"})
        assert len(other.json()["trace_id"]) == 32


class TestLists:
    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%21%21", "cursor=bm8"])
    async def test_parameters_are_checked(self, anna: httpx.AsyncClient, query: str) -> None:
        answer = await anna.get(f"/v1/parcels?{query}")
        assert is_problem(answer, 422, "request_invalid")
        assert answer.json()["errors"][0]["pointer"] == "/" + query.partition("=")[0]

    async def test_a_list_is_a_page(self, anna: httpx.AsyncClient) -> None:
        assert (await anna.get("/v1/parcels?limit=200")).json() == {"items": [], "next_cursor": None}

    def test_a_cursor_keeps_its_values(self) -> None:
        values = (datetime(2026, 11, 23, 8, 0, 0, 123_000, UTC), "wo_1", 7, None, True)
        assert decode_cursor(encode_cursor(values)) == values

    def test_a_foreign_cursor_is_refused(self) -> None:
        with pytest.raises(ProblemError):
            decode_cursor("e30")
