"""The page about the lifecycle says what the table says."""

from services.workflow.lifecycle import DOCUMENT, document


def test_the_page_is_the_one_that_the_table_makes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run: python -m services.workflow.lifecycle"
