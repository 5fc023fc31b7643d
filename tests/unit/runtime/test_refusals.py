"""The table of refusals: every code has a status and two texts, and means one thing."""

import pytest

from shared.runtime.refusals import RefusalText, register, registered, text_of


def test_every_code_has_an_error_status_and_both_texts() -> None:
    for code, text in registered().items():
        assert code == code.lower()
        assert 400 <= text.status < 600
        assert text.text("zh") != text.text("en") != ""


def test_a_code_means_one_thing() -> None:
    meaning = RefusalText(422, "已寄出", "Sent already")
    register({"already_sent_for_test": meaning})
    register({"already_sent_for_test": meaning})
    assert text_of("already_sent_for_test") == meaning
    with pytest.raises(ValueError, match="twice"):
        register({"already_sent_for_test": RefusalText(409, "已寄出", "Sent already")})


def test_an_unknown_code_is_still_a_refusal() -> None:
    assert text_of("never_heard_of").status == 422
